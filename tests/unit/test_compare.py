"""Decision table of labels, its exceptions, and the comparison of status comments."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.model import IssueRef
from mappings.labels import LabelScheme
from sync.diff.comment_diff import CommentPlacement, comments_to_remove, diff_comments
from sync.diff.label_diff import diff_labels
from sync.diff.label_inputs import LabelDiffInputs
from sync.diff.label_table import LabelCase, label_case
from sync.model.changes import Reason
from sync.model.comments import DesiredComment
from sync.model.labels import DesiredLabels, RecordedOverrides
from sync.model.records import PushedCommentRecord
from tests.support.match_world import issue

REF = issue("DS-1").ref
WHY = Reason(text="wanted")
NOW = datetime(2026, 11, 2, tzinfo=UTC)


def label_inputs(desired: set[str], pushed: set[str], live: set[str], **more: Any) -> LabelDiffInputs:
    wished = {name: more.pop(name) for name in ("is_anchor", "no_pure_removal") if name in more}
    return LabelDiffInputs(
        desired={
            REF: DesiredLabels(ref=REF, container="DS", labels=dict.fromkeys(sorted(desired), WHY), **wished)
        },
        live={REF: issue("DS-1", labels=live)},
        pushed={REF: frozenset(pushed)},
        overrides=more.pop("overrides", RecordedOverrides()),
        scheme=more.pop("scheme", LabelScheme()),
        capability_ids=frozenset({"a", "b", "old"}),
        unproven=more.pop("unproven", {}),
        **more,
    )


LABEL = "capability:a"


@pytest.mark.parametrize(
    ("desired", "pushed", "live", "case", "added", "removed", "suspected"),
    [
        (True, False, False, "add", {LABEL}, set(), []),
        (True, True, False, "veto", set(), set(), [("veto", LABEL)]),
        (True, True, True, "keep", set(), set(), []),
        (True, False, True, "foreign", set(), set(), []),
        (False, True, True, "remove", set(), {LABEL}, []),
        (False, True, False, "forget", set(), set(), [("gone", LABEL)]),
        (False, False, True, "pin", set(), set(), [("pin", LABEL)]),
        (False, False, False, "absent", set(), set(), []),
    ],
)
def test_each_row_of_the_decision_table(
    desired: bool,
    pushed: bool,
    live: bool,
    case: LabelCase,
    added: set[str],
    removed: set[str],
    suspected: list[tuple[str, str]],
) -> None:
    assert label_case(desired=desired, pushed=pushed, live=live) == case
    found = diff_labels(label_inputs(*({LABEL} if here else set() for here in (desired, pushed, live))))
    assert [(each.kind, each.label) for each in found.suspicions] == suspected
    assert {label for change in found.changes for label in change.add} == added
    assert {label for change in found.changes for label in change.remove} == removed


def test_a_label_of_no_capability_is_no_pin() -> None:
    found = diff_labels(label_inputs(set(), set(), {"capability:moon"}))
    assert found.changes == ()
    assert [(each.kind, each.label) for each in found.suspicions] == [("origin", "capability:moon")]


def test_unplanned_replaced_by_a_capability_is_not_a_pure_removal() -> None:
    (change,) = diff_labels(label_inputs({"capability:a"}, {"unplanned"}, {"unplanned"})).changes
    assert set(change.remove) == {"unplanned"}
    assert change.pure_removals == ()


def test_a_capability_replaced_by_unplanned_is_a_pure_removal() -> None:
    (change,) = diff_labels(label_inputs({"unplanned"}, {"capability:a"}, {"capability:a"})).changes
    assert change.pure_removals == ("capability:a",)


def test_a_removal_that_follows_a_veto_is_not_a_pure_removal() -> None:
    vetoed = RecordedOverrides(vetoes={REF: frozenset({"capability:a"})})
    (change,) = diff_labels(label_inputs(set(), {"increment:q4"}, {"increment:q4"}, overrides=vetoed)).changes
    assert (set(change.remove), change.pure_removals) == ({"increment:q4"}, ())


def test_a_removal_because_of_a_pin_is_not_a_pure_removal() -> None:
    pinned = RecordedOverrides(pins={REF: frozenset({"capability:b"})})
    (change,) = diff_labels(
        label_inputs({"capability:b"}, {"capability:a"}, {"capability:a", "capability:b"}, overrides=pinned)
    ).changes
    assert (set(change.remove), change.pure_removals) == ({"capability:a"}, ())
    assert change.remove["capability:a"].text == "a person pinned the issue to another capability"


def test_labels_of_a_finished_increment_stay_unless_a_successor_takes_over() -> None:
    old = {"capability:old", "increment:q3"}
    closed = frozenset({"increment:q3"})
    assert diff_labels(label_inputs(set(), old, old, finished_increment_labels=closed)).changes == ()
    (change,) = diff_labels(
        label_inputs({"capability:a", "increment:q4"}, old, old, finished_increment_labels=closed)
    ).changes
    assert set(change.remove) == old


def test_a_rename_names_its_successor() -> None:
    renamed = {"capability:old": "capability:a"}
    (change,) = diff_labels(
        label_inputs({"capability:a"}, {"capability:old"}, {"Capability:Old"}, renames=renamed)
    ).changes
    assert change.renames == {"capability:old": "capability:a"}
    assert set(change.remove) == {"Capability:Old"}
    assert change.pure_removals == ()


def test_a_missing_former_label_is_a_suspected_veto_of_the_new_one() -> None:
    renamed = {"capability:old": "capability:a"}
    found = diff_labels(label_inputs({"capability:a"}, {"capability:old"}, set(), renames=renamed))
    assert [(s.kind, s.label) for s in found.suspicions] == [("veto", "capability:old")]
    found = diff_labels(label_inputs({"capability:a"}, {"capability:old"}, {"capability:a"}, renames=renamed))
    assert [(s.kind, s.label) for s in found.suspicions] == [("gone", "capability:old")]


def test_another_spelling_is_another_label_on_jira() -> None:
    same = label_inputs({"capability:a"}, {"capability:a"}, {"Capability:A"})
    assert diff_labels(same).suspicions == ()
    found = diff_labels(replace(same, case_sensitive_trackers=frozenset({"jira"})))
    assert [(s.kind, s.label) for s in found.suspicions] == [("gone", "capability:a")]
    unwanted = replace(
        label_inputs(set(), {"capability:a"}, {"Capability:A"}), case_sensitive_trackers=frozenset({"jira"})
    )
    assert diff_labels(unwanted).changes == ()


def test_of_several_spellings_on_jira_the_lower_case_one_is_compared() -> None:
    (change,) = diff_labels(
        label_inputs(set(), {"capability:a"}, {"capability:a", "CAPABILITY:a", "Capability:A"})
    ).changes
    assert set(change.remove) == {"capability:a"}


def test_a_label_of_unknown_origin_on_an_anchor_withholds_nothing_until_it_is_checked() -> None:
    unproven = {REF: frozenset({"state:done"})}
    found = diff_labels(
        label_inputs({"state:planned"}, set(), {"state:done"}, is_anchor=True, unproven=unproven)
    )
    assert [(s.kind, s.label) for s in found.suspicions] == [("origin", "state:done")]
    assert found.changes == ()


def test_a_reverted_label_is_not_added_again() -> None:
    on_hold = RecordedOverrides(reverted={REF: frozenset({"capability:a"})})
    assert diff_labels(label_inputs({"capability:a"}, set(), set(), overrides=on_hold)).changes == ()


FORMER_PREFIX_SCHEME = LabelScheme(former_prefixes={"capability": ("cap:",)})


def test_a_veto_applies_to_every_prefix_of_its_label() -> None:
    vetoed = RecordedOverrides(vetoes={REF: frozenset({"capability:a"})})
    assert (
        diff_labels(
            label_inputs({"cap:a"}, set(), set(), overrides=vetoed, scheme=FORMER_PREFIX_SCHEME)
        ).changes
        == ()
    )


def test_a_label_that_contradicts_a_veto_is_one_suspicion_with_any_prefix() -> None:
    vetoed = RecordedOverrides(vetoes={REF: frozenset({"capability:a"})})
    (one,) = diff_labels(
        label_inputs(set(), set(), {"cap:a"}, overrides=vetoed, scheme=FORMER_PREFIX_SCHEME)
    ).suspicions
    assert (one.kind, one.label) == ("pin", "cap:a")


# ---- comments

ELSEWHERE = IssueRef(tracker="jira", id="2", key="DS-2")


def desired_comment(urgent: str = "u", full: str = "f", **more: Any) -> DesiredComment:
    return DesiredComment(
        subject="goal:x", ref=REF, body="b", urgent_hash=urgent, full_hash=full, reason=WHY, **more
    )


def written(**more: Any) -> dict[str, PushedCommentRecord]:
    values: dict[str, Any] = {
        "subject": "goal:x",
        "ref": REF,
        "comment_id": "7",
        "body": "b",
        "run_id": "R",
        "urgent_hash": "u",
        "full_hash": "f",
        "edited_at": NOW,
    }
    return {"goal:x": PushedCommentRecord(**{**values, **more})}


def edits(a_wish: DesiredComment, last: dict[str, PushedCommentRecord], hours: float = 1) -> int:
    changes, _ = diff_comments(
        (a_wish,), last, now=NOW + timedelta(hours=hours), counts_every=timedelta(hours=24)
    )
    return len(changes)


def test_a_comment_is_edited_at_once_or_once_a_day_or_for_the_last_time() -> None:
    assert edits(desired_comment(), written(), hours=999) == 0
    assert edits(desired_comment(urgent="new", full="new"), written()) == 1
    assert edits(desired_comment(full="new"), written(), hours=22.9) == 0
    assert edits(desired_comment(full="new"), written(), hours=24) == 1
    a_daily_crontab_that_starts_early = 23.99
    assert edits(desired_comment(full="new"), written(), hours=a_daily_crontab_that_starts_early) == 1
    assert edits(desired_comment(full="new", is_final=True), written()) == 1
    assert edits(desired_comment(is_final=True), written(), hours=999) == 0


@pytest.mark.parametrize(
    ("places", "why"),
    [
        (CommentPlacement(desired={"goal:x": ELSEWHERE}), "the anchor of goal:x is now jira:DS-2"),
        (
            CommentPlacement(desired={}, without_anchor=frozenset({"goal:x"})),
            "goal:x no longer has an anchor",
        ),
        (
            CommentPlacement(desired={}, removed_subjects=frozenset({"goal:x"})),
            "goal:x was removed from the plan",
        ),
    ],
)
def test_a_comment_is_removed_from_a_former_anchor(places: CommentPlacement, why: str) -> None:
    (removal,) = comments_to_remove(written(), places)
    assert (removal.ref, removal.comment_id, removal.reason.text) == (REF, "7", why)
    assert comments_to_remove(written(state="deleted-by-person"), places) == ()


@pytest.mark.parametrize("places", [CommentPlacement(desired={"goal:x": REF}), CommentPlacement(desired={})])
def test_a_comment_in_its_place_or_of_which_nothing_is_certain_stays(places: CommentPlacement) -> None:
    assert comments_to_remove(written(), places) == ()
