"""Issues that are not at their key when they are written, and status comments that are read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import Gone, Rejected, Unavailable
from connectors.model import Comment, IssueRef, KnownIssue
from sync.model.comments import CommentDrift
from sync.pull.comment_marker import find_comment_drift
from sync.pull.single_issue import locate_issue, read_ancestors
from sync.runtime.context import RunContext
from tests.support.writing_world import WritingWorld

GOAL, CAPABILITY = "DS-1", "acme/churn#1"


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    made = WritingWorld(tmp_path)
    made.jira.add_issue("DS", "Work", labels=["features"])
    made.run()
    return made


def located(world: WritingWorld, key: str, before: IssueRef | None = None) -> tuple[str, KnownIssue | None]:
    """Return what was found out, and what the store knows about the former issue."""
    ref = before or world.tracker_of(key)._issue_at(key).issue.ref

    def work(run_context: RunContext) -> tuple[str, KnownIssue | None]:
        return locate_issue(run_context, ref), run_context.store.known_issue(ref.tracker, ref.id)

    found: tuple[str, KnownIssue | None] = world.with_context(work)
    return found


def test_an_issue_in_its_place_is_there(world: WritingWorld) -> None:
    where, known = located(world, "DS-2")
    assert where == "there"
    assert known is not None and known.vanished is None


def test_an_issue_that_cannot_be_read_counts_as_there(world: WritingWorld) -> None:
    world.jira.unreadable["DS-2"] = Unavailable("jira does not answer")
    where, known = located(world, "DS-2")
    assert where == "there"
    assert known is not None and known.vanished is None


def test_an_issue_that_is_gone_vanishes(world: WritingWorld) -> None:
    world.jira.unreadable["DS-2"] = Gone("jira: 404")
    where, known = located(world, "DS-2")
    assert where == "gone"
    assert known is not None and known.vanished == world.now


def test_an_issue_that_moved_out_of_all_sources_leaves_them(world: WritingWorld) -> None:
    ref = world.jira._issue_at("DS-2").issue.ref
    new = world.jira.move("DS-2", "OPS").key
    where, known = located(world, "DS-2", ref)
    assert where == new
    assert known is not None
    assert (known.issue.ref.key, known.sources, known.vanished) == (new, frozenset(), None)


def test_an_issue_that_was_transferred_is_another_one(world: WritingWorld) -> None:
    ref = world.github._issue_at(CAPABILITY).issue.ref
    new = world.github.transfer(CAPABILITY, "acme/plan")
    where, known = located(world, CAPABILITY, ref)
    assert where == new.key
    assert known is not None and known.vanished == world.now


# ---- status comments, read again


def drift(world: WritingWorld) -> tuple[dict[str, CommentDrift], dict[str, str]]:
    found = world.with_context(find_comment_drift)
    return found.drift, {ref.key: reason for ref, reason in found.unread.items()}


def test_untouched_comments_have_no_drift(world: WritingWorld) -> None:
    assert drift(world) == ({}, {})


@pytest.mark.parametrize("key", [GOAL, CAPABILITY])
def test_what_people_did_to_a_comment_is_found(world: WritingWorld, key: str) -> None:
    subject = {GOAL: "goal:retention", CAPABILITY: "capability:features"}[key]
    tracker = world.tracker_of(key)
    [comment] = world.comments(key)
    body = comment.body.replace("Planned", "Finished")
    tracker._issue_at(key).comments[comment.id] = _edited(comment, body=body)
    assert drift(world) == ({subject: "edited"}, {})
    tracker._issue_at(key).comments[comment.id] = _edited(comment, body="Mine now", marker=None)
    assert drift(world) == ({subject: "taken over"}, {})
    tracker._issue_at(key).comments[comment.id] = _edited(comment, author_id="old-robot")
    found, unread = drift(world)
    assert found == {}
    assert "former account old-robot" in unread[key]
    tracker._issue_at(key).comments.clear()
    assert drift(world) == ({subject: "deleted"}, {})


def _edited(comment: Comment, **changed: object) -> Comment:
    return replace(comment, **changed)  # type: ignore[arg-type]


def test_one_comment_that_cannot_be_read_hides_no_other_of_its_tracker_unless_all_fail(
    world: WritingWorld,
) -> None:
    second = world.jira.add_issue("DS", "Another goal").key
    world.edit(
        "plans/q4.yaml", "title: Churn model\n", f"title: Churn model\n        anchor: jira:{second}\n"
    )
    world.run()
    for key in (GOAL, second):
        world.jira._issue_at(key).comments.clear()
    assert drift(world) == ({"goal:retention": "deleted", "capability:model": "deleted"}, {})
    asked: list[str] = []

    def refuse(ref: IssueRef, _: str) -> Comment:
        asked.append(ref.key)
        raise errors.pop(0)

    errors: list[Exception] = [Rejected("jira: 400"), Rejected("jira: 400")]
    world.jira.comment = refuse  # type: ignore[method-assign]
    assert drift(world) == ({}, {GOAL: "jira: 400", second: "jira: 400"})
    errors, asked[:] = [Unavailable("no answer")], []
    assert drift(world) == ({}, {GOAL: "no answer", second: "no answer"})
    assert len(asked) == 1, "a tracker that does not answer is asked once"


def test_comments_on_a_tracker_that_left_the_settings_are_not_read(world: WritingWorld) -> None:
    world.github._issue_at(CAPABILITY).comments.clear()
    del world.trackers["github"]
    assert drift(world) == ({}, {})


@pytest.mark.parametrize("place", ["DS", "acme/churn"])
def test_an_ancestor_that_the_store_lacks_is_read_if_a_source_has_its_place(
    world: WritingWorld, place: str
) -> None:
    tracker = world.github if "/" in place else world.jira
    parent = tracker.add_issue(place, "Parent").key
    inside = tracker.add_issue(place, "Child", parent=parent).key
    away = tracker.add_issue("acme/plan" if "/" in place else "OPS", "Parent elsewhere").key
    outside = tracker.add_issue(place, "Child of another place", parent=away).key

    def ancestors(key: str) -> list[str]:
        def work(run_context: RunContext) -> list[str]:
            found, notes = read_ancestors(run_context, tracker._issue_at(key).issue, tracker)
            assert notes == ()
            return [each.issue.ref.key for each in found]

        read: list[str] = world.with_context(work)
        return read

    assert ancestors(inside) == [parent]
    assert ancestors(outside) == []
