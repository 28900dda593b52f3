"""Causes of changed counts when our own writes and edits of people are close together."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from connectors.model import KnownIssue
from mappings.labels import LabelScheme
from mappings.model import MatchResult, Overrides
from sync.insights.change_causes import AttributionContext, fingerprint
from sync.insights.count_ledger import diff_counts
from sync.model.attribution import CountRecord, Transition
from tests.support.rollup_world import MIDWAY, issue, roll_up_plan

OUR_WRITE = MIDWAY + timedelta(seconds=5)
SCHEME = LabelScheme()


def cause(edited: datetime, *, title: str = "Title of DS-1", counted: bool = True) -> str:
    """Return the cause for DS-1: to do before, done now. Since then rules were edited and our label was written."""
    assignment, known = issue("DS-1", "done")
    before = fingerprint(replace(known.issue, title="Title of DS-1"), SCHEME)
    now: KnownIssue = replace(known, issue=replace(known.issue, title=title, updated=edited))
    row = CountRecord(
        ref=assignment.ref,
        capability="features",
        state="todo",
        team="science",
        rule="a-rule",
        since=MIDWAY - timedelta(days=1),
        run_id="r1",
        began=Transition(cause="first", why="counted in the first recorded run"),
        fingerprint=before,
        id=1,
    )
    context = AttributionContext(
        at=MIDWAY + timedelta(hours=1),
        run_id="r2",
        previous=MIDWAY,
        rules_changed=True,
        planned_before=frozenset({"features"}),
        planned=frozenset({"features"}),
        matched=MatchResult(assignments=(assignment,)),
        known={assignment.ref: now},
        overrides=Overrides(),
        labels_written_at={assignment.ref: OUR_WRITE},
        scheme=SCHEME,
    )
    current = {(row.ref, row.capability): row} if counted else {}
    (record,) = diff_counts(current, {}, roll_up_plan((assignment, now)), context).started
    return record.began.cause


def test_a_visible_edit_right_after_our_own_write_is_an_edit() -> None:
    assert cause(OUR_WRITE + timedelta(minutes=1), title="Another title") == "issue"


def test_an_update_without_a_visible_change_is_no_edit() -> None:
    assert cause(OUR_WRITE + timedelta(hours=1)) == "rules"


def test_our_own_write_to_an_uncounted_issue_is_no_edit() -> None:
    assert cause(OUR_WRITE, counted=False) == "rules"
    assert cause(OUR_WRITE + timedelta(minutes=10), counted=False) == "issue"
