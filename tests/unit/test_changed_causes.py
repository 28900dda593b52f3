"""Why an issue counts differently, where our own writes and edits of people lie close together."""

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
    """Of DS-1, done now and to do when we last read, while rules were edited and our label was written in between."""
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
        began=Transition(cause="first", why="counted when figures began to be kept"),
        fingerprint=before,
        id=1,
    )
    situation = AttributionContext(
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
    held = {(row.ref, row.capability): row} if counted else {}
    (begun,) = diff_counts(held, {}, roll_up_plan((assignment, now)), situation).started
    return begun.began.cause


def test_an_edit_that_shows_is_an_edit_however_near_to_our_own_write() -> None:
    assert cause(OUR_WRITE + timedelta(minutes=1), title="Another title") == "issue"


def test_what_looks_as_before_was_not_edited_whenever_it_was_updated() -> None:
    assert cause(OUR_WRITE + timedelta(hours=1)) == "rules"


def test_of_an_issue_that_did_not_count_our_own_write_is_no_edit() -> None:
    assert cause(OUR_WRITE, counted=False) == "rules"
    assert cause(OUR_WRITE + timedelta(minutes=10), counted=False) == "issue"
