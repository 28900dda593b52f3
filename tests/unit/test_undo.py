"""Reversal of one issue's writes: labels by family, comments by their text, and what stays as people left it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import ConnectorError, Gone, Unavailable
from connectors.model import IssueRef
from mappings.labels import LabelScheme
from sync.apply.undo import build_reversal
from sync.apply.undo_comments import comment_id_of
from sync.apply.undo_current import build_undo_request, read_current_issue
from sync.diff.comment_markup import find_block, text_digest
from sync.model.records import JournalEntry
from sync.model.undo import CurrentComment, CurrentIssue, Reversal, UndoRequest
from sync.runtime.context import RunContext
from tests.support.match_world import issue
from tests.support.writing_world import FEATURES, WritingWorld

REF = issue("DS-1").ref
SUBJECT = "goal:retention"
OLD, OURS, LATER, THEIRS = "Old figures", "Our figures", "Later figures", "What Dana wrote"
SCHEME = LabelScheme(former_prefixes={"capability": ("cap:",)})


def entry(op: Any, number: int = 1, *, run: str = "run-1", ref: IssueRef = REF, **more: Any) -> JournalEntry:
    values: dict[str, Any] = {
        "payload": {},
        "before": {},
        "rule": "a-rule",
        "why": "a reason",
        "outcome": "done",
    }
    return JournalEntry(
        id=number, run_id=run, at=datetime(2026, 11, 2, tzinfo=UTC), ref=ref, op=op, **(values | more)
    )


def request(*entries: JournalEntry, **more: Any) -> UndoRequest:
    return UndoRequest(run_id="run-1", entries=entries, scheme=SCHEME, **more)


# ---- comments


def comment_write(
    op: Any, body: str = OURS, before: dict[str, str] | None = None, **more: Any
) -> JournalEntry:
    payload = {"subject": SUBJECT, "body": body, "comment": "7"}
    return entry(op, payload=payload, before=before or {}, **more)


CREATED = comment_write("create-comment")
EDITED = comment_write("edit-comment", before={"body": OLD})
EDITED_BLINDLY = comment_write("edit-comment")
DELETED = comment_write("delete-comment", before={"own": OLD})
DELETED_BLINDLY = comment_write("delete-comment")
GONE, TAKEN_OVER = CurrentComment(id="7", exists=False), CurrentComment(id="7", exists=True)


def now_is(text: str) -> CurrentComment:
    return CurrentComment(id="7", exists=True, text=text)


def reverted(
    rows: list[JournalEntry], live: CurrentComment | None, later: tuple[JournalEntry, ...] = (), **more: Any
) -> Reversal:
    current = CurrentIssue(
        ref=REF, issue=issue("DS-1"), comments={SUBJECT: live} if live else {}, later_writes=later
    )
    return build_reversal(request(*rows, **more), {REF: current})


ONLY_AGAIN = "was deleted and can only be posted again, which mails all watchers; if this is intended, add --post-again"


@pytest.mark.parametrize(
    ("rows", "live", "skipped", "unchanged"),
    [
        ([CREATED], GONE, "", "no longer exists"),
        ([CREATED], None, "", "no longer exists"),
        ([EDITED], GONE, "has since been deleted", ""),
        ([EDITED], TAKEN_OVER, "is no longer ours (author, marker or instance)", ""),
        ([CREATED], now_is(THEIRS), "has since been changed by a person", ""),
        ([EDITED], now_is(THEIRS), "has since been changed by a person", ""),
        ([EDITED], now_is(OLD), "", "is as before the run"),
        ([EDITED_BLINDLY], GONE, "", "no longer exists"),
        ([CREATED, DELETED], GONE, "", "is already gone"),
        ([DELETED_BLINDLY], GONE, "was deleted, and the journal does not have its text", ""),
        ([DELETED], now_is(OLD), "", "exists"),
        (
            [DELETED],
            GONE,
            ONLY_AGAIN,
            "",
        ),
        (
            [DELETED],
            TAKEN_OVER,
            ONLY_AGAIN,
            "",
        ),
    ],
)
def test_a_comment_that_is_not_as_the_run_left_it_stays(
    rows: list[JournalEntry], live: CurrentComment | None, skipped: str, unchanged: str
) -> None:
    found = reverted(rows, live)
    about = f"its status comment of {SUBJECT} "
    assert [each.text for each in found.skipped] == ([about + skipped] if skipped else [])
    assert [each.text for each in found.unchanged] == ([about + unchanged] if unchanged else [])
    assert (len(found.changes), found.holds) == (0, [])


@pytest.mark.parametrize("text", [OURS, LATER])
def test_a_comment_that_the_run_posted_is_deleted_if_all_of_it_is_ours(text: str) -> None:
    found = reverted([CREATED], now_is(text), last_texts={(REF, SUBJECT): LATER})
    [removal] = found.removals
    assert (removal.ref, removal.subject, removal.comment_id) == (REF, SUBJECT, "7")
    assert (removal.reason.text, removal.reason.rule) == (
        "undo of run-1, whose reason was: a reason",
        "a-rule",
    )
    assert [(each.ref, each.kind, each.label) for each in found.holds] == [(REF, "comment", SUBJECT)]
    assert found.skipped == found.unchanged == found.comments == []


def test_a_comment_that_the_run_edited_goes_back_to_its_text_before() -> None:
    found = reverted([EDITED], now_is(OURS))
    [change] = found.comments
    assert (change.ref, change.subject, change.body, change.comment_id) == (REF, SUBJECT, OLD, "7")
    assert (change.urgent_hash, change.full_hash) == ("", text_digest(OLD))
    assert [(each.kind, each.label) for each in found.holds] == [("comment", SUBJECT)]


def test_a_comment_that_a_later_run_edited_names_the_last_one_of_its_subject() -> None:
    about = {"subject": SUBJECT}
    later = (
        entry("edit-comment", 2, run="run-2", payload=about),
        entry("edit-comment", 3, run="run-3", payload=about),
        entry("edit-comment", 4, run="run-4", payload={"subject": "goal:another"}),
    )
    [skipped] = reverted([EDITED], now_is(LATER), later, last_texts={(REF, SUBJECT): LATER}).skipped
    assert skipped.text.endswith("has since been edited by run run-3; undo that run first")
    [skipped] = reverted([EDITED], now_is(LATER), last_texts={(REF, SUBJECT): LATER}).skipped
    assert "by run ?" in skipped.text


def test_a_deleted_comment_is_posted_again_only_when_asked_for() -> None:
    found = reverted([DELETED], GONE, post_again=True)
    [change] = found.comments
    assert (change.body, change.comment_id) == (OLD, None)
    assert reverted([DELETED], GONE, reapplies=True, post_again=True).comments == []
    [left] = reverted([DELETED], GONE, reapplies=True).unchanged
    assert left.text.endswith("was deleted; the next run posts a new one")
    moved = reverted([DELETED], GONE, post_again=True, elsewhere=frozenset({(REF, SUBJECT)}))
    assert [each.text for each in moved.skipped] == [
        f"its status comment of {SUBJECT} is on another issue now"
    ]
    assert moved.comments == []


def test_the_comment_is_the_one_that_was_written_last() -> None:
    unknown = entry("create-comment", payload={"subject": SUBJECT})
    posted = entry("create-comment", payload={"subject": SUBJECT}, after={"comment": 8})
    assert comment_id_of([unknown]) is None
    assert comment_id_of([posted, unknown]) == "8"
    assert comment_id_of([posted, EDITED]) == "7"


# ---- labels


def label_writes(before: str, *ops: str) -> list[JournalEntry]:
    """``+a`` adds a label and ``-a`` removes it; ``before`` are the labels that were there."""
    return [
        entry(
            "add-label" if op[0] == "+" else "remove-label",
            number,
            payload={"label": op[1:]},
            before={"labels": before.split()},
            why=f"reason {number}",
        )
        for number, op in enumerate(ops, 1)
    ]


def labels_reverted(rows: list[JournalEntry], live: str, **more: Any) -> Reversal:
    current = CurrentIssue(ref=REF, issue=issue("DS-1", labels={*live.split(), "bug"}), **more)
    return build_reversal(request(*rows), {REF: current})


A, B = "capability:a", "capability:b"


def test_a_swap_is_reverted_as_a_whole() -> None:
    found = labels_reverted(label_writes(A, f"+{B}", f"-{A}"), B)
    [change] = found.labels
    assert (set(change.add), set(change.remove), change.pure_removals) == ({A}, {B}, ())
    assert (change.container, change.before) == ("DS", (B,))
    assert change.add[A].text == "undo of run-1, whose reason was: reason 2"
    assert change.remove[B].text == "undo of run-1, whose reason was: reason 1"
    assert sorted((each.kind, each.label) for each in found.holds) == [("held", A), ("held", B)]


def test_an_added_label_goes_and_a_removed_one_returns_as_it_was_spelled() -> None:
    [change] = labels_reverted(label_writes("", f"+{A}", "+increment:q4"), f"{A} increment:q4").labels
    assert set(change.pure_removals) == set(change.remove) == {A, "increment:q4"}
    [change] = labels_reverted(label_writes("Capability:A", "-Capability:A"), "").labels
    assert (set(change.add), set(change.remove)) == ({"Capability:A"}, set())


def test_a_label_with_a_former_prefix_returns_with_the_current_one() -> None:
    [change] = labels_reverted(label_writes("cap:a", "-cap:a"), "").labels
    assert set(change.add) == {A}


def test_flags_are_reverted_one_by_one_and_families_together() -> None:
    rows = label_writes("", "+flag:blocked", "+state:done")
    found = labels_reverted(rows, "flag:blocked flag:scope-growth state:done state:planned")
    [change] = found.labels
    assert set(change.remove) == {"flag:blocked"}
    assert [each.text for each in found.skipped] == [
        "a person has since changed it: after the run it had state:done, now state:done, state:planned"
    ]


def test_a_family_as_before_the_run_is_left_unchanged() -> None:
    found = labels_reverted(label_writes(A, f"+{B}", f"-{A}"), A)
    assert [each.text for each in found.unchanged] == [f"{A}, {B} is as before the run"]
    assert (found.labels, found.holds) == ([], [])


def test_a_label_that_a_later_run_changed_names_it() -> None:
    later = (
        entry("add-label", 5, run="run-2", payload={"label": A}),
        entry("add-label", 6, run="run-3", payload={"label": "state:done"}),
        entry("create-label", 7, run="run-4", payload={"label": A}),
    )
    found = labels_reverted(label_writes("", f"+{B}"), A, later_writes=later)
    assert [each.text for each in found.skipped] == [
        f"run run-2 has since changed {A}, {B}; undo that run first"
    ]
    found = labels_reverted(label_writes("", f"+{B}"), "", later_writes=later[1:])
    assert found.unchanged and not found.skipped
    found = labels_reverted(label_writes(A, f"-{A}"), B, later_writes=later[1:])
    assert [each.text for each in found.skipped] == [
        f"a person has since changed it: after the run it had nothing, now {B}"
    ]


def test_a_label_that_a_person_put_back_stays() -> None:
    rows = label_writes("", f"+{A}", "+increment:q4")
    found = labels_reverted(rows, f"{A} increment:q4", put_by_others=frozenset({"Capability:A".lower()}))
    [change] = found.labels
    assert set(change.remove) == {"increment:q4"}
    assert [each.text for each in found.skipped] == [f"a person has since removed and put back {A}"]


# ---- what cannot be reverted


def test_what_the_run_does_not_know_or_cannot_reach_is_named() -> None:
    other, there = IssueRef(tracker="github", id="9", key="acme/churn#9"), {"container": "acme/churn"}
    rows = [
        entry("add-label", 1, payload={"label": A}, outcome=None),
        entry("add-label", 2, payload={"label": B}, outcome="unknown"),
        entry("add-label", 3, payload={"label": B}, outcome="failed"),
        entry("create-label", 4, ref=other, payload={"label": A, **there}),
        entry("create-label", 5, ref=other, payload={"label": A, **there}),
        entry("rename-label", 6, ref=other, payload={"label": A, "new": B, **there}),
        entry("create-label", 7, ref=other, payload={"label": B}),
    ]
    current = {
        REF: CurrentIssue(ref=REF, problem="it no longer exists"),
        other: CurrentIssue(ref=other, problem="it no longer exists"),
    }
    found = build_reversal(request(*rows), current)
    assert [each.text for each in found.skipped] == [
        f"the label {A} of acme/churn was renamed to {B} because of the plan; change the plan to revert this",
        "the result of its add-label is unknown",
        "the result of its add-label is unknown",
    ]
    assert found.notes == [
        f"the label {A} was created in acme/churn if missing; it stays",
        f"the label {B} was created for acme/churn#9 if missing; it stays",
    ], "older journals do not name the container"


def test_an_issue_that_is_gone_is_named_once() -> None:
    rows = [*label_writes("", f"+{A}", f"+{B}"), replace(CREATED, id=3)]
    found = build_reversal(request(*rows), {REF: CurrentIssue(ref=REF, problem="it no longer exists")})
    assert [each.text for each in found.skipped] == ["it no longer exists"]
    assert len(found.changes) == 0


# ---- the current state of the issues


def read(world: WritingWorld, ref: IssueRef, run_id: str = "run-001") -> CurrentIssue:
    def work(run_context: RunContext) -> CurrentIssue:
        return read_current_issue(run_context, build_undo_request(run_context, run_id, ()), ref)

    found: CurrentIssue = world.with_context(work)
    return found


@pytest.fixture
def world(tmp_path: Path) -> WritingWorld:
    made = WritingWorld(tmp_path)
    for place in ("DS", "acme/churn"):
        made.trackers["github" if "/" in place else "jira"].add_issue(place, "Work", labels=["features"])
    made.run()
    return made


def ref_of(world: WritingWorld, key: str) -> IssueRef:
    return world.tracker_of(key)._issue_at(key).issue.ref


def test_an_issue_is_read_with_who_put_its_labels_and_what_later_runs_wrote(world: WritingWorld) -> None:
    ref, anchor = ref_of(world, "acme/churn#2"), ref_of(world, "acme/churn#1")
    world.github.unlabel(ref.key, FEATURES)
    world.github.label(ref.key, FEATURES, by="dana")
    world.github.close(ref.key)
    world.run()
    found = read(world, ref)
    assert found.issue is not None and found.problem == ""
    assert found.put_by_others == {"features", FEATURES}
    assert found.later_writes == ()
    assert {(row.run_id, row.op) for row in read(world, anchor).later_writes} == {
        ("run-002", op) for op in ("create-label", "add-label", "remove-label", "edit-comment")
    }
    assert read(world, anchor, "run-002").later_writes == ()
    [comment] = world.comments("acme/churn#1")
    assert read(world, anchor).comments == {
        "capability:features": CurrentComment(id=comment.id, exists=True, text=_own_text(comment.body))
    }


def _own_text(body: str) -> str:
    text = find_block(body, "acme", "capability:features")
    assert text is not None
    return text


def test_a_comment_that_is_gone_is_read_as_gone(world: WritingWorld) -> None:
    [comment] = world.comments("DS-1")
    world.jira._issue_at("DS-1").comments.clear()
    gone = {"goal:retention": CurrentComment(id=comment.id, exists=False)}
    assert read(world, ref_of(world, "DS-1")).comments == gone


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (Gone("jira: 404"), "it no longer exists or is not visible to our account"),
        (Unavailable("no answer"), "it could not be read: no answer"),
    ],
)
def test_an_issue_that_cannot_be_read_is_named(
    world: WritingWorld, error: ConnectorError, problem: str
) -> None:
    ref = ref_of(world, "DS-2")
    world.jira.unreadable["DS-2"] = error
    found = read(world, ref)
    assert (found.ref, found.issue, found.problem) == (ref, None, problem)


def test_an_issue_that_was_transferred_is_named_with_its_new_key(world: WritingWorld) -> None:
    ref = ref_of(world, "acme/churn#2")
    new = world.github.transfer(ref.key, "acme/plan")
    found = read(world, ref)
    assert (found.issue, found.problem) == (None, f"it was moved to {new.key}")


def test_an_issue_that_moved_with_its_id_is_reverted_at_its_new_key(world: WritingWorld) -> None:
    ref = ref_of(world, "DS-2")
    new = world.jira.move("DS-2", "OPS")
    found = read(world, ref)
    assert found.issue is not None
    assert found.ref.key == new.key


def test_an_issue_on_a_tracker_that_left_the_settings_is_named(world: WritingWorld) -> None:
    ref = ref_of(world, "acme/churn#2")
    del world.trackers["github"]
    assert read(world, ref).problem == "the settings no longer have a tracker github"
