"""Desired labels of issues and anchors."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.model import Anchor, MatchResult, Overrides, Unplanned, Workspace
from sync.diff.desired_labels import DesiredStateInputs, anchored_subjects, desired_labels_for
from sync.model.labels import DesiredLabels
from sync.model.planning import Assessment, PlanningInputs, RecordedState
from sync.model.records import PushedCommentRecord
from sync.model.rollup import Rollup
from tests.support.rollup_world import (
    CLOSE,
    ENTRY,
    MIDWAY,
    START,
    baseline,
    capability,
    goal,
    increment,
    issue,
    ref,
    roll_up_plan,
    team,
    workspace,
)
from tests.support.store_world import DS

GOAL, CAPABILITY = Anchor(tracker="jira", key="DS-100"), Anchor(tracker="jira", key="DS-101")
INCREMENT, FEATURES = "increment:2026-q4", "capability:features"


def plan(**more: Any) -> Workspace:
    found = goal(capability("features", anchor=CAPABILITY, **more), anchor=GOAL)
    return workspace(increment(found), teams=(team("science", DS, "features"),))


def anchor_issue(anchor: Anchor) -> Issue:
    return Issue(
        ref=ref(anchor.key),
        url="",
        title="An anchor",
        container="DS",
        status="open",
        created=START,
        updated=START,
    )


def inputs(*entries: ENTRY, more_known: tuple[KnownIssue, ...] = (), **changed: Any) -> DesiredStateInputs:
    the_plan = changed.pop("workspace", plan())
    rollup: Rollup = changed.pop("rollup", None) or roll_up_plan(*entries, plan=the_plan)
    known = {k.issue.ref: k for k in (*(known for _, known in entries), *more_known)}
    anchors = {anchor: anchor_issue(anchor) for anchor in (GOAL, CAPABILITY)}
    return DesiredStateInputs(
        workspace=the_plan,
        may_push=changed.pop("may_push", lambda _: True),
        now=changed.pop("now", MIDWAY),
        observed=PlanningInputs(
            known=known,
            anchors=changed.pop("anchors", anchors),
            unread_sources=changed.pop("unread_sources", frozenset()),
            failing_since={},
        ),
        assessment=Assessment(
            matched=changed.pop(
                "matched", MatchResult(assignments=tuple(assignment for assignment, _ in entries))
            ),
            rollup=rollup,
            overrides=Overrides(),
            conflicting_pins=(),
            uncertain=changed.pop("uncertain", {}),
            anchors={},
        ),
        rollup=rollup,
        known=known,
        is_incremental=True,
        recorded=RecordedState(store_created_at=START, **changed),
    )


def desired(of: DesiredStateInputs, key: str) -> DesiredLabels:
    return desired_labels_for(of)[ref(key)]


def labels(of: DesiredStateInputs, key: str) -> set[str]:
    return set(desired(of, key).labels)


def test_an_assigned_issue_carries_its_capability_and_increment_with_the_rule() -> None:
    found = desired(inputs(issue("DS-1")), "DS-1")
    assert set(found.labels) == {INCREMENT, FEATURES}
    assert {(reason.rule, reason.text) for reason in found.labels.values()} == {
        ("a-rule", "rule a-rule of team science assigns it to features")
    }


def test_unplanned_work_is_labelled_only_where_the_team_asks() -> None:
    work, known = issue("DS-1")
    unplanned = Unplanned(ref=work.ref, teams=("science",), state=work.state)
    matched = MatchResult(unplanned=(unplanned,))
    silent = inputs(matched=matched, more_known=(known,))
    assert labels(silent, "DS-1") == set()
    labeling = replace(plan(), teams=(replace(plan().teams[0], label_unplanned=True),))
    assert labels(inputs(matched=matched, more_known=(known,), workspace=labeling), "DS-1") == {"unplanned"}


def test_an_anchor_carries_exactly_one_state_and_the_flags_that_hold() -> None:
    entries = [issue(f"DS-{n}", "doing", status={"blocked": True}) for n in range(4)]
    rollup = roll_up_plan(*entries, plan=plan(), baselines=baseline("DS-0", "DS-1"))
    of = inputs(*entries, rollup=rollup)
    assert labels(of, "DS-101") == {"state:in-progress", "flag:blocked", "flag:scope-growth"}
    assert labels(of, "DS-100") == {"state:in-progress", "flag:blocked"}
    assert desired(of, "DS-100").is_anchor


def test_released_is_never_ours_to_write() -> None:
    the_plan = plan(released=MIDWAY.date())
    assert labels(inputs(issue("DS-1", "done"), workspace=the_plan), "DS-101") == {"state:done"}


def test_a_health_word_becomes_a_label() -> None:
    rollup = roll_up_plan(issue("DS-1"), plan=plan())
    first = rollup.increments[0]
    healthy = replace(first.goals[0], health="at-risk")
    with_health = replace(rollup, increments=(replace(first, goals=(healthy,)),))
    assert labels(inputs(issue("DS-1"), rollup=with_health), "DS-100") == {"state:planned", "health:at-risk"}


def test_an_anchor_that_is_also_in_a_source_gets_no_issue_labels() -> None:
    known = KnownIssue(issue=anchor_issue(GOAL), sources=frozenset({DS.name}), first_seen=START)
    assert labels(inputs(issue("DS-1"), more_known=(known,)), "DS-100") == {"state:planned"}


def test_what_was_not_read_in_this_run_is_left_alone() -> None:
    assert not desired(inputs(issue("DS-1"), unread_sources=frozenset({"jira:DS"})), "DS-1").fully_read
    uncertain = {"features": ("jira:DS",)}
    rollup = roll_up_plan(issue("DS-1"), plan=plan(), uncertain=uncertain)
    of = inputs(issue("DS-1"), rollup=rollup, uncertain=uncertain)
    assert not desired(of, "DS-100").fully_read and not desired(of, "DS-101").fully_read


def test_a_label_of_an_uncertain_capability_goes_only_for_another() -> None:
    of = inputs(issue("DS-1", labels=frozenset({FEATURES})), uncertain={"features": ("github:x",)})
    assert desired(of, "DS-1").no_pure_removal


def test_teams_that_are_not_written_for_stay_untouched() -> None:
    of = inputs(issue("DS-1"), may_push=lambda name: name != "science")
    assert not any(found.may_write for found in desired_labels_for(of).values())


def test_a_goals_anchor_waits_until_all_its_teams_are_written_for() -> None:
    both = goal(capability("features"), replace(capability("model"), team="serving"), anchor=GOAL)
    of = inputs(workspace=workspace(increment(both)), may_push=lambda name: name == "science")
    (subject,) = anchored_subjects(of)
    assert (subject.name, subject.may_push) == ("goal:keep-subscribers", False)


def test_nothing_of_an_increment_is_written_after_its_last_write() -> None:
    of = inputs(
        issue("DS-1", "done"), finished_increments=frozenset({"2026-q4"}), now=CLOSE + timedelta(days=1)
    )
    assert list(anchored_subjects(of)) == []
    assert not any(found.may_write for found in desired_labels_for(of).values())


def test_a_former_anchor_whose_plan_is_gone_keeps_what_was_said() -> None:
    known = KnownIssue(issue=anchor_issue(GOAL), sources=frozenset({DS.name}), first_seen=START)
    elsewhere = workspace(teams=plan().teams)
    comment = PushedCommentRecord(
        subject="goal:gone",
        ref=ref("DS-100"),
        comment_id="7",
        body="",
        full_hash="",
        urgent_hash="",
        edited_at=START,
        run_id="R",
    )
    comments = {comment.subject: comment}
    of = inputs(workspace=elsewhere, anchors={}, more_known=(known,), status_comments=comments)
    assert not desired(of, "DS-100").may_write
    deleted = inputs(workspace=elsewhere, anchors={}, more_known=(known,))
    assert desired(deleted, "DS-100").may_write


def test_a_missing_issue_has_no_desired_labels() -> None:
    _, known = issue("DS-1", vanished=MIDWAY)
    found: dict[IssueRef, DesiredLabels] = desired_labels_for(inputs(more_known=(known,)))
    assert ref("DS-1") not in found


def test_a_plan_that_was_not_rolled_up_is_an_error_and_no_removal() -> None:
    broken = replace(inputs(), rollup=replace(inputs().rollup, increments=()))
    with pytest.raises(LookupError, match="was not rolled up"):
        desired_labels_for(broken)


def test_labels_of_a_closed_increment_stay_on_what_was_done_in_it_and_on_nothing_else() -> None:
    """Even if no rule asks for them any more; with the current prefix."""
    past = {"now": CLOSE + timedelta(days=30), "more_known": ()}
    carried = frozenset({FEATURES, INCREMENT, "capability:never-planned", "state:done", "bug"})
    kept = {
        key: issue(key, "done" if category == "done" else "todo", labels=carried, category=category)[1]
        for key, category in (("DS-1", "done"), ("DS-2", "todo"))
    }
    past["more_known"] = tuple(kept.values())
    found = inputs(**past)
    assert labels(found, "DS-1") == {FEATURES, INCREMENT}
    assert labels(found, "DS-2") == set()
    assert desired(found, "DS-1").labels[FEATURES].text == "done in an increment that is closed"
    running = inputs(more_known=tuple(kept.values()))
    assert labels(running, "DS-1") == set()
