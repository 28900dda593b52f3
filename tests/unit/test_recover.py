"""Recovery of pending writes: the tracker shows whether a write took effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Gone, Unavailable
from sync.apply.recover import recover_pending_writes
from sync.diff.comment_markup import text_digest, wrap_block
from sync.model.records import JournalEntry, PushedCommentRecord
from sync.runtime.context import RunContext
from tests.support.writing_world import FEATURES, ME, WritingWorld

NEW = "capability:event-features"
SUBJECT = "capability:features"
ANCHOR = "acme/churn#1"


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    return WritingWorld(tmp_path)


def settled(
    world: WritingWorld,
    key: str,
    op: Any,
    payload: dict[str, Any],
    *,
    pushed: set[str] = frozenset(),  # type: ignore[assignment]
) -> tuple[JournalEntry, list[str]]:
    """Record an intent as if a run had crashed, then let the next run recover it."""

    def work(run_context: RunContext) -> tuple[JournalEntry, list[str]]:
        ref = world.tracker_of(key)._issue_at(key).issue.ref
        run_context.store.record_pushed_labels(
            ref, added=sorted(pushed), removed=[], run_id=run_context.run_id, at=run_context.now()
        )
        run_context.store.journal_intent(
            run_id=run_context.run_id,
            at=run_context.now(),
            ref=ref,
            op=op,
            payload=payload,
            before={},
            rule=None,
            why="test",
        )
        open_still = recover_pending_writes(run_context)
        return run_context.store.journal()[-1], open_still

    found: tuple[JournalEntry, list[str]] = world.with_context(work)
    return found


@pytest.mark.parametrize(("put_by", "ours"), [(ME, True), ("dana", False), (None, False)])
def test_a_pending_addition_is_ours_if_it_is_live_and_put_by_no_other_account(
    world: WritingWorld, put_by: str | None, ours: bool
) -> None:
    key = world.jira.add_issue("DS", "Work").key
    if put_by:
        world.jira.label(key, FEATURES, by=put_by)
    row, _ = settled(world, key, "add-label", {"label": FEATURES})
    assert row.outcome == ("done" if ours else "not-sent")
    assert world.pushed(key) == ({FEATURES} if ours else set())


def test_a_pending_addition_on_a_tracker_without_histories_counts_as_ours(world: WritingWorld) -> None:
    key = world.jira.add_issue("DS", "Work", labels=[FEATURES]).key
    world.jira.forget_label_authors(key)
    row, _ = settled(world, key, "add-label", {"label": FEATURES})
    assert row.outcome == "done"
    assert world.pushed(key) == {FEATURES}


@pytest.mark.parametrize(
    ("put_by", "outcome", "pushed"), [(ME, "done", {FEATURES}), ("dana", "not-sent", set())]
)
def test_a_pending_addition_took_effect_if_the_history_shows_it_and_its_removal(
    world: WritingWorld, put_by: str, outcome: str, pushed: set[str]
) -> None:
    tracker = world.tracker_of("DS-1")
    tracker.label("DS-1", FEATURES, by=put_by)
    tracker.unlabel("DS-1", FEATURES, by="dana")
    row, _ = settled(world, "DS-1", "add-label", {"label": FEATURES})
    assert row.outcome == outcome
    assert world.pushed("DS-1") == pushed, "a removal by a person is a veto of what we put"


@pytest.mark.parametrize("there", [True, False])
def test_a_removal_is_done_when_the_issue_shows_it_no_more(world: WritingWorld, there: bool) -> None:
    key = world.jira.add_issue("DS", "Work", labels=[FEATURES] * there).key
    row, _ = settled(world, key, "remove-label", {"label": "Capability:Features"}, pushed={FEATURES})
    assert row.outcome == ("not-sent" if there else "done")
    assert world.pushed(key) == ({FEATURES} if there else set())


def test_a_tracker_that_does_not_answer_leaves_it_open(world: WritingWorld) -> None:
    key = world.jira.add_issue("DS", "Work").key
    world.jira.unreadable[key] = Unavailable("jira does not answer")
    row, still_open = settled(world, key, "add-label", {"label": FEATURES})
    assert row.outcome is None
    assert still_open == [f"jira:{key}: the result of an earlier add-label is unknown: jira does not answer"]


def test_an_issue_out_of_sight_for_a_moment_proves_nothing(world: WritingWorld) -> None:
    key = world.jira.add_issue("DS", "Work").key
    world.jira.label(key, FEATURES, by=ME)
    world.jira.unreadable[key] = Gone("not there")
    row, result = settled(world, key, "add-label", {"label": FEATURES})
    assert (row.outcome, result) == (None, [])
    del world.jira.unreadable[key]
    world.with_context(recover_pending_writes)
    assert world.pushed(key) == {FEATURES}


def test_an_issue_out_of_sight_for_a_day_counts_as_deleted(world: WritingWorld) -> None:
    key = world.jira.add_issue("DS", "Work").key
    world.jira.unreadable[key] = Gone("not there")
    settled(world, key, "add-label", {"label": FEATURES})
    world.pass_time(hours=25)
    (row,) = world.with_context(
        lambda run_context: (recover_pending_writes(run_context), run_context.store.journal())[1]
    )
    assert (row.outcome, row.detail) == ("not-sent", "the issue no longer exists")


def comment(body: str, **more: str) -> dict[str, Any]:
    return {"subject": SUBJECT, "body": body, "full_hash": "full", "urgent_hash": "urgent", **more}


def pushed_comment(world: WritingWorld) -> PushedCommentRecord | None:
    return world.with_context(lambda run_context: run_context.store.pushed_comments().get(SUBJECT))  # type: ignore[no-any-return]


@pytest.mark.parametrize("by", [ME, "dana"])
def test_a_comment_that_was_created_is_ours_if_our_account_wrote_it(world: WritingWorld, by: str) -> None:
    made = world.github.comment_as(ANCHOR, wrap_block("Figures", "acme", SUBJECT), by=by)
    row, _ = settled(world, ANCHOR, "create-comment", comment("Figures"))
    found = pushed_comment(world)
    assert row.outcome == ("done" if by == ME else "not-sent")
    assert (found.comment_id, found.full_hash) == (made.id, "full") if found else by == "dana"


def test_an_edit_that_did_not_arrive_is_made_again(world: WritingWorld) -> None:
    made = world.github.comment_as(ANCHOR, wrap_block("Old figures", "acme", SUBJECT), by=ME)
    row, _ = settled(world, ANCHOR, "edit-comment", comment("Figures", comment=made.id))
    assert row.outcome == "not-sent"
    assert pushed_comment(world) is None


@pytest.mark.parametrize("there", [True, False])
def test_a_deletion_is_done_when_our_text_is_gone(world: WritingWorld, there: bool) -> None:
    text = wrap_block("Figures", "acme", SUBJECT) if there else "What people wrote around it"
    made = world.github.comment_as(ANCHOR, text, by=ME)
    row, _ = settled(world, ANCHOR, "delete-comment", {"subject": SUBJECT, "comment": made.id})
    assert row.outcome == ("not-sent" if there else "done")


@pytest.mark.parametrize("done", [True, False])
def test_a_rename_is_believed_when_the_issue_carries_the_new_name(world: WritingWorld, done: bool) -> None:
    labels = [NEW if done else FEATURES]
    key, other = (world.github.add_issue("acme/churn", "Work", labels=labels).key for _ in range(2))
    world.run()
    world.with_context(
        lambda run_context: run_context.store.record_pushed_labels(
            world.github._issue_at(other).issue.ref,
            added=[FEATURES],
            removed=[],
            run_id=run_context.run_id,
            at=run_context.now(),
        )
    )
    payload = {"label": FEATURES, "new": NEW, "container": "acme/churn"}
    row, _ = settled(world, key, "rename-label", payload, pushed={FEATURES})
    assert row.outcome == ("done" if done else "not-sent")
    for each in (key, other):
        assert (NEW if done else FEATURES) in world.pushed(each)


def test_a_rename_of_an_issue_with_both_names_is_not_recorded_for_the_others(world: WritingWorld) -> None:
    """A person put the new label beside the former one."""
    key = world.github.add_issue("acme/churn", "Work", labels=[FEATURES, NEW]).key
    payload = {"label": FEATURES, "new": NEW, "container": "acme/churn"}
    row, _ = settled(world, key, "rename-label", payload, pushed={FEATURES})
    assert row.outcome == "done"
    assert world.pushed(key) == {FEATURES}


def test_a_label_that_was_to_be_made_is_made_when_it_is_needed(world: WritingWorld) -> None:
    row, _ = settled(world, ANCHOR, "create-label", {"label": NEW})
    assert (row.outcome, row.detail) == ("not-sent", "repeated when needed")


@pytest.mark.parametrize("changed", [False, True])
def test_a_comment_that_people_changed_before_it_was_found_again_is_edited_by_the_next_run(
    world: WritingWorld, changed: bool
) -> None:
    text = "Figures, says Dana" if changed else "Figures"
    made = world.github.comment_as(ANCHOR, wrap_block(text, "acme", SUBJECT), by=ME)
    row, _ = settled(world, ANCHOR, "create-comment", comment("Figures"))
    found = pushed_comment(world)
    assert (row.outcome, row.after) == ("done", {"comment": made.id})
    assert found is not None and (found.body, found.run_id) == (text, row.run_id)
    expected = (text_digest(text), "") if changed else ("full", "urgent")
    assert (found.full_hash, found.urgent_hash) == expected


def test_an_edit_that_arrived_is_remembered(world: WritingWorld) -> None:
    made = world.github.comment_as(ANCHOR, wrap_block("Figures", "acme", SUBJECT), by=ME)
    row, _ = settled(world, ANCHOR, "edit-comment", comment("Figures", comment=made.id))
    found = pushed_comment(world)
    assert row.outcome == "done"
    assert found is not None
    assert (found.comment_id, found.full_hash, found.urgent_hash) == (made.id, "full", "urgent")


def test_a_deleted_comment_on_an_issue_out_of_sight_is_forgotten_after_a_day(world: WritingWorld) -> None:
    made = world.github.comment_as(ANCHOR, wrap_block("Figures", "acme", SUBJECT), by=ME)
    settled(world, ANCHOR, "create-comment", comment("Figures"))
    assert pushed_comment(world) is not None
    world.github._issue_at(ANCHOR).comments.clear()
    world.github.unreadable[ANCHOR] = Gone("not there")
    row, unresolved = settled(world, ANCHOR, "delete-comment", {"subject": SUBJECT, "comment": made.id})
    assert (row.outcome, unresolved) == (None, [])
    world.pass_time(hours=24)
    world.with_context(recover_pending_writes)
    assert world.journal()[-1].outcome is None, "a day is not over yet"
    world.pass_time(seconds=1)
    world.with_context(recover_pending_writes)
    assert world.journal()[-1].outcome == "done"
    assert pushed_comment(world) is None


def test_writes_on_a_tracker_that_left_the_settings_stay_open_and_stop_no_others(world: WritingWorld) -> None:
    """They are resolved when it comes back."""
    pending = {"label": FEATURES}
    world.github.label(ANCHOR, FEATURES, by=ME)
    world.github.unreadable[ANCHOR] = Unavailable("github does not answer")
    settled(world, ANCHOR, "add-label", pending)
    world.github.unreadable.clear()
    key = world.jira.add_issue("DS", "Work").key
    world.jira.label(key, FEATURES, by=ME)
    del world.trackers["github"]
    row, unresolved = settled(world, key, "add-label", pending)
    assert (row.ref.key, row.outcome, unresolved) == (key, "done", [])
    assert [each.outcome for each in world.journal()] == [None, "done"]
    world.trackers["github"] = world.github
    world.with_context(recover_pending_writes)
    assert [each.outcome for each in world.journal()] == ["done", "done"]
    assert world.pushed(ANCHOR) == {FEATURES}


def test_one_tracker_that_does_not_answer_stops_no_other(world: WritingWorld) -> None:
    world.github.unreadable[ANCHOR] = Unavailable("github does not answer")
    settled(world, ANCHOR, "add-label", {"label": FEATURES})
    key = world.jira.add_issue("DS", "Work").key
    world.jira.label(key, FEATURES, by=ME)
    row, unresolved = settled(world, key, "add-label", {"label": FEATURES})
    assert row.outcome == "done"
    assert unresolved == [
        f"github:{ANCHOR}: the result of an earlier add-label is unknown: github does not answer"
    ]
