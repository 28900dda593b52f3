"""Writing of status comments: whose comment it is, and what happens when its issue moved since the plan was made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import Gone, OutcomeUnknown
from connectors.model import Comment, IssueRef
from sync.apply.executor import Executor
from sync.diff.comment_markup import text_digest, wrap_block
from sync.model.changes import ChangeSet, CommentChange, CommentRemoval, Reason
from sync.model.run import ApplyResult
from sync.runtime.context import RunContext
from sync.runtime.run_lock import LEASE_DURATION
from sync.store import PushedCommentRecord
from tests.support.writing_world import ME, WritingWorld

WHY = Reason(text="a reason", rule="a-rule")
GOAL, CAPABILITY = "DS-1", "acme/churn#1"
SUBJECTS = {GOAL: "goal:retention", CAPABILITY: "capability:features"}
OLD, NEW = "Old figures", "New figures"
BOTH = pytest.mark.parametrize("key", [GOAL, CAPABILITY])


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    return WritingWorld(tmp_path)


def apply(world: WritingWorld, *changes: CommentChange | CommentRemoval) -> ApplyResult:
    def work(run_context: RunContext) -> ApplyResult:
        run_context.store.acquire_lease(run_context.run_id, "a test", LEASE_DURATION)
        edits = tuple(each for each in changes if isinstance(each, CommentChange))
        removals = tuple(each for each in changes if isinstance(each, CommentRemoval))
        applied = Executor(run_context).apply(ChangeSet(comments=edits, removals=removals))
        run_context.store.release_lease(run_context.run_id)
        return applied

    done: ApplyResult = world.with_context(work)
    return done


def ref_of(world: WritingWorld, key: str) -> IssueRef:
    return world.tracker_of(key)._issue_at(key).issue.ref


def writing(world: WritingWorld, key: str, body: str = NEW, comment: Comment | None = None) -> CommentChange:
    return CommentChange(
        ref=ref_of(world, key),
        subject=SUBJECTS[key],
        body=body,
        urgent_hash=f"urgent {body}",
        full_hash=f"full {body}",
        reason=WHY,
        comment_id=comment.id if comment else None,
    )


def removing(world: WritingWorld, key: str, comment: Comment) -> CommentRemoval:
    return CommentRemoval(ref=ref_of(world, key), subject=SUBJECTS[key], comment_id=comment.id, reason=WHY)


def posted(
    world: WritingWorld, key: str, body: str = OLD, *, by: str = ME, instance: str = "acme"
) -> Comment:
    """A status comment on an issue, as it stands on the tracker."""
    tracker = world.tracker_of(key)
    if "/" in key:
        return tracker.comment_as(key, wrap_block(body, instance, SUBJECTS[key]), by=by)
    return tracker.comment_as(key, body, by=by, marker={"instance": instance, "subject": SUBJECTS[key]})


def recorded(world: WritingWorld, key: str) -> PushedCommentRecord | None:
    store = world.store()
    try:
        return store.pushed_comments().get(SUBJECTS[key])
    finally:
        store.close()


def texts(world: WritingWorld, key: str) -> list[str]:
    return [each.body for each in world.comments(key)]


def shown(key: str, body: str) -> str:
    return wrap_block(body, "acme", SUBJECTS[key]) if "/" in key else body


def outcomes(world: WritingWorld) -> list[tuple[str, str | None]]:
    return [(row.op, row.outcome) for row in world.journal()]


# ---- comments that are created


@BOTH
def test_a_comment_is_posted_with_its_marker_and_remembered(world: WritingWorld, key: str) -> None:
    assert apply(world, writing(world, key)).done == 1
    [comment] = world.comments(key)
    assert comment.body == shown(key, NEW)
    record = recorded(world, key)
    assert record is not None
    assert (record.comment_id, record.body, record.state) == (comment.id, NEW, "live")
    assert (record.full_hash, record.urgent_hash) == (f"full {NEW}", f"urgent {NEW}")
    [row] = world.journal()
    assert (row.op, row.outcome, row.after) == ("create-comment", "done", {"comment": comment.id})
    assert (row.payload["body"], row.payload["subject"], row.rule) == (NEW, SUBJECTS[key], "a-rule")


@BOTH
def test_a_comment_of_ours_that_nobody_remembered_is_edited_in_place_of_a_second_one(
    world: WritingWorld, key: str
) -> None:
    mine = posted(world, key)
    assert apply(world, writing(world, key)).done == 1
    assert [(each.id, each.body) for each in world.comments(key)] == [(mine.id, shown(key, NEW))]
    assert outcomes(world) == [("edit-comment", "done")]
    assert world.journal()[0].before == {"body": OLD}


@BOTH
def test_a_comment_that_says_it_already_is_only_remembered(world: WritingWorld, key: str) -> None:
    mine = posted(world, key, NEW)
    assert apply(world, writing(world, key)).done == 1
    assert outcomes(world) == []
    record = recorded(world, key)
    assert record is not None and (record.comment_id, record.full_hash) == (mine.id, f"full {NEW}")


@BOTH
def test_nothing_is_posted_where_another_instance_has_a_comment(world: WritingWorld, key: str) -> None:
    posted(world, key, by="other-robot", instance="umbrella")
    [(_, why)] = apply(world, writing(world, key)).failed
    assert why == "the instance 'umbrella' has a comment there; remove the anchor from one of the plans"
    assert len(world.comments(key)) == 1
    assert outcomes(world) == []


@BOTH
def test_a_lost_answer_is_looked_up_at_once(world: WritingWorld, key: str) -> None:
    world.tracker_of(key).loses_responses = True
    assert apply(world, writing(world, key)).done == 1
    [comment] = world.comments(key)
    record = recorded(world, key)
    assert record is not None and record.comment_id == comment.id
    assert outcomes(world) == [("create-comment", "done")]


def test_a_comment_of_which_nothing_is_known_stays_open(world: WritingWorld) -> None:
    def lose(*_: object) -> Comment:
        raise OutcomeUnknown("the answer was lost")

    world.jira.create_comment = lose  # type: ignore[method-assign]
    assert len(apply(world, writing(world, GOAL)).failed) == 1
    assert outcomes(world) == [("create-comment", "unknown")]
    assert recorded(world, GOAL) is None


# ---- comments that are not ours (any more)


@BOTH
def test_a_comment_by_a_former_account_is_neither_edited_nor_deleted(world: WritingWorld, key: str) -> None:
    former = posted(world, key, by="old-robot")
    for change in (writing(world, key, comment=former), removing(world, key, former)):
        [(_, why)] = apply(world, change).failed
        assert why.startswith(
            f"comment {former.id} is ours, but was written by the former account old-robot;"
        )
    assert texts(world, key) == [shown(key, OLD)]
    assert outcomes(world) == []


@BOTH
def test_a_comment_that_lost_its_marker_is_left_to_people(world: WritingWorld, key: str) -> None:
    theirs = world.tracker_of(key).comment_as(key, "Mine now", by=ME)
    done = apply(world, writing(world, key, comment=theirs))
    assert (done.done, len(done.failed)) == (0, 0)
    ref, subject = ref_of(world, key), SUBJECTS[key]
    assert done.notes == [
        f"{ref}: the status comment of {subject} has lost our marker or is not by our account; left alone"
    ]
    record = recorded(world, key)
    assert record is not None and (record.comment_id, record.state) == (theirs.id, "deleted-by-person")
    done = apply(world, removing(world, key, theirs))
    assert done.notes == [f"{ref_of(world, key)}: the old comment of {subject} is no longer ours; left alone"]
    assert texts(world, key) == ["Mine now"]
    assert recorded(world, key) is None


def test_text_of_people_around_ours_survives_edit_and_removal(world: WritingWorld) -> None:
    mine = posted(world, CAPABILITY)
    around = replace(mine, body=f"Before.\n\n{mine.body}\n\nAfter.")
    world.github._issue_at(CAPABILITY).comments[mine.id] = around
    apply(world, writing(world, CAPABILITY, comment=mine))
    assert texts(world, CAPABILITY) == [f"Before.\n\n{shown(CAPABILITY, NEW)}\n\nAfter."]
    apply(world, removing(world, CAPABILITY, mine))
    [rest] = texts(world, CAPABILITY)
    assert rest.split() == ["Before.", "After."]
    row = world.journal()[-1]
    assert (row.op, row.outcome, row.payload["rest"]) == ("delete-comment", "done", rest)
    assert row.before["own"] == NEW
    assert recorded(world, CAPABILITY) is None


def test_on_jira_the_whole_comment_is_ours(world: WritingWorld) -> None:
    mine = posted(world, GOAL)
    assert apply(world, removing(world, GOAL, mine)).done == 1
    assert world.comments(GOAL) == []
    [row] = world.journal()
    assert row.before == {"body": OLD, "own": OLD}
    assert row.payload == {"subject": SUBJECTS[GOAL], "comment": mine.id, "rest": ""}


# ---- issues that moved between plan and write: the comment has another id there


def transferred(world: WritingWorld, change: CommentChange | CommentRemoval) -> str:
    """Transfer the anchor to another repository and return its new key."""
    return world.github.transfer(change.ref.key, "acme/plan").key


def test_the_comment_of_an_issue_that_was_transferred_is_edited_at_its_new_place(world: WritingWorld) -> None:
    mine = posted(world, CAPABILITY)
    edit = writing(world, CAPABILITY, comment=mine)
    new = transferred(world, edit)
    assert apply(world, edit).done == 1
    [there] = world.comments(new)
    assert there.id != mine.id
    assert there.body == shown(CAPABILITY, NEW)
    record = recorded(world, CAPABILITY)
    assert record is not None
    assert (record.ref.key, record.comment_id, record.state) == (new, there.id, "live")
    assert [row.ref.key for row in world.journal()] == [new]


def test_the_comment_of_an_issue_that_moved_with_its_id_is_edited_at_its_new_key(world: WritingWorld) -> None:
    """The list of comments follows the issue; the address of the comment does not."""
    mine, really = posted(world, GOAL), world.jira.comment
    edit = writing(world, GOAL, comment=mine)
    new = world.jira.move(GOAL, "OPS").key

    def at_its_address(ref: IssueRef, comment_id: str) -> Comment:
        if ref.key == GOAL:
            raise Gone("jira: 404")
        return really(ref, comment_id)

    world.jira.comment = at_its_address  # type: ignore[method-assign]
    assert apply(world, edit).done == 1
    assert texts(world, new) == [NEW]
    record = recorded(world, GOAL)
    assert record is not None and (record.ref.key, record.comment_id) == (new, mine.id)
    assert [row.ref.key for row in world.journal()] == [new]


def test_the_comment_of_an_issue_that_was_transferred_is_removed_at_its_new_place(
    world: WritingWorld,
) -> None:
    mine = posted(world, CAPABILITY)
    removal = removing(world, CAPABILITY, mine)
    new = transferred(world, removal)
    people = world.github.comment_as(new, "Thanks for moving it")
    assert apply(world, removal).done == 1
    assert world.comments(new) == [people]
    [row] = world.journal()
    assert (row.op, row.ref.key, row.outcome) == ("delete-comment", new, "done")


def test_a_comment_that_is_nowhere_after_a_transfer_was_deleted(world: WritingWorld) -> None:
    mine = posted(world, CAPABILITY)
    edit, removal = writing(world, CAPABILITY, comment=mine), removing(world, CAPABILITY, mine)
    new = transferred(world, edit)
    world.github._issue_at(new).comments.clear()
    done = apply(world, edit)
    assert [note.partition(": ")[2] for note in done.notes] == [
        "the status comment of capability:features was deleted by a person (the tracker does not say who); left alone"
    ]
    record = recorded(world, CAPABILITY)
    assert record is not None and record.state == "deleted-by-person"
    apply(world, removal)
    assert recorded(world, CAPABILITY) is None
    assert (world.comments(new), outcomes(world)) == ([], [])


def test_a_comment_in_its_place_that_is_gone_is_forgotten_when_it_should_be_removed(
    world: WritingWorld,
) -> None:
    mine = posted(world, CAPABILITY)
    apply(world, writing(world, CAPABILITY, comment=mine))
    world.github._issue_at(CAPABILITY).comments.clear()
    assert recorded(world, CAPABILITY) is not None
    done = apply(world, removing(world, CAPABILITY, mine))
    assert (done.done, done.failed) == (1, [])
    assert recorded(world, CAPABILITY) is None


def test_an_issue_out_of_sight_keeps_its_comment_but_not_one_that_should_go(world: WritingWorld) -> None:
    mine = posted(world, CAPABILITY)
    apply(world, writing(world, CAPABILITY, comment=mine))
    edit, removal = writing(world, CAPABILITY, OLD, comment=mine), removing(world, CAPABILITY, mine)
    world.github.delete_issue(CAPABILITY)
    assert len(apply(world, edit).failed) == 1
    record = recorded(world, CAPABILITY)
    assert record is not None and record.state == "live", "nobody deleted the comment"
    assert apply(world, removal).failed == []
    assert recorded(world, CAPABILITY) is None


def test_one_wrong_answer_about_a_comment_deletes_nothing(world: WritingWorld) -> None:
    """The list of comments still has it."""
    mine = posted(world, GOAL)

    def deny(*_: object) -> Comment:
        raise Gone("jira: 404")

    world.jira.comment = deny  # type: ignore[method-assign]
    done = apply(world, writing(world, GOAL, comment=mine))
    assert done.notes == []
    record = recorded(world, GOAL)
    assert record is None or record.state == "live"
    assert text_digest(texts(world, GOAL)[0]) in (text_digest(OLD), text_digest(NEW))


def test_after_a_lost_store_the_comment_of_a_renamed_capability_is_found(world: WritingWorld) -> None:
    world.jira.add_issue("DS", "Work", labels=["features"])
    world.run()
    before = [each.id for each in world.comments("acme/churn#1")]
    world.lose_store()
    world.edit("plans/q4.yaml", "id: features\n", "id: flowers\n        previously: [features]\n")
    world.edit("mappings/science.yaml", "assign: features", "assign: flowers")
    world.run()
    assert [each.id for each in world.comments("acme/churn#1")] == before
    assert len(before) == 1
