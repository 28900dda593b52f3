"""Members of capabilities and their counted states."""

from datetime import timedelta

import pytest

from sync.model.rollup import Counts
from tests.support.rollup_world import CLOSE, END, MIDWAY, START, features, issue, roll_up_plan, workspace
from tests.support.rollup_world import capability as a_capability
from tests.support.rollup_world import goal as a_goal
from tests.support.rollup_world import increment as an_increment


def counted_keys(found):
    return [each.ref.key for each in found.issues]


def test_dropped_issues_leave_both_sides():
    found = features(issue("DS-1", "done"), issue("DS-2", "todo"), issue("DS-3", "dropped"))
    assert found.counts == Counts(todo=1, done=1, dropped=1)
    assert (found.counts.scope, found.counts.remaining, found.counts.progress) == (2, 1, 0.5)


def test_an_unknown_status_is_work_that_is_left_and_is_reported():
    found = features(issue("DS-1", "done"), issue("DS-2", "todo", status={"known": False}))
    assert found.counts == Counts(done=1, unknown=1)
    assert found.counts.remaining == 1
    assert found.state == "in-progress"
    assert any(each.startswith("unknown_status: the status of DS-2") for each in found.warnings)


def test_many_unknown_issues_are_named_in_part():
    entries = [issue(f"DS-{number}", status={"known": False}) for number in range(1, 9)]
    assert "DS-1, DS-2, DS-3, DS-4, DS-5 and 3 more" in features(*entries).warnings[0]


def test_a_parent_stands_back_for_its_children():
    found = features(
        issue("DS-1", "doing"), issue("DS-2", "done", parent="DS-1"), issue("DS-3", parent="DS-1")
    )
    assert counted_keys(found) == ["DS-2", "DS-3"]


def test_a_parent_whose_children_were_all_dropped_counts_itself():
    found = features(issue("DS-1", "doing"), issue("DS-2", "dropped", parent="DS-1"))
    assert found.counts == Counts(doing=1, dropped=1)


def test_grandchildren_count_for_the_grandparent_even_when_the_middle_is_assigned_elsewhere():
    plan = workspace(an_increment(a_goal(a_capability(), a_capability("model"))))
    found = roll_up_plan(
        issue("DS-1"),
        issue("DS-2", capability="model", parent="DS-1"),
        issue("DS-3", parent="DS-2"),
        plan=plan,
    )
    assert counted_keys(found.capability("features")) == ["DS-3"]
    assert counted_keys(found.capability("model")) == ["DS-2"]


def test_an_unassigned_issue_in_the_middle_passes_ancestry_on():
    _, middle = issue("DS-2", parent="DS-1")
    found = features(issue("DS-1"), issue("DS-3", parent="DS-2"), also_known=(middle,))
    assert counted_keys(found) == ["DS-3"]


def test_a_parent_and_a_child_of_different_capabilities_both_count():
    plan = workspace(an_increment(a_goal(a_capability(), a_capability("model"))))
    found = roll_up_plan(issue("DS-1"), issue("DS-2", capability="model", parent="DS-1"), plan=plan)
    assert found.goal("keep-subscribers").counts.scope == 2


def test_issues_that_are_each_others_parent_all_count():
    found = features(issue("DS-1", parent="DS-2"), issue("DS-2", parent="DS-1"))
    assert counted_keys(found) == ["DS-1", "DS-2"]


def test_a_child_of_a_circle_still_stands_for_its_ancestors():
    found = features(issue("DS-1", parent="DS-2"), issue("DS-2", parent="DS-1"), issue("DS-3", parent="DS-1"))
    assert counted_keys(found) == ["DS-3"]


def test_the_same_key_on_another_tracker_is_not_the_parent():
    found = features(issue("DS-1", tracker="jira"), issue("DS-2", tracker="jira-dc", parent="DS-1"))
    assert counted_keys(found) == ["DS-1", "DS-2"]


def test_issues_come_in_the_order_people_count():
    found = features(issue("DS-10"), issue("DS-9"), issue("acme/churn#2", tracker="github"))
    assert counted_keys(found) == ["acme/churn#2", "DS-9", "DS-10"]


def test_an_issue_that_is_gone_keeps_its_state_for_a_week_and_is_dropped_then():
    gone = issue("DS-1", "doing", vanished=MIDWAY - timedelta(days=7))
    assert features(gone).counts == Counts(doing=1)
    later = features(gone, now=MIDWAY + timedelta(minutes=1))
    assert later.counts == Counts(dropped=1)
    assert later.issues[0].state.because == "vanished"


def test_a_parent_comes_back_when_its_children_are_gone_for_good():
    entries = (issue("DS-1"), issue("DS-2", parent="DS-1", vanished=MIDWAY - timedelta(days=8)))
    assert features(*entries).counts == Counts(todo=1, dropped=1)


@pytest.mark.parametrize("state", ["done", "dropped"])
def test_what_was_closed_before_the_start_is_history(state):
    a_second = timedelta(seconds=1)
    assert features(issue("DS-1", state, closed=START - a_second)).state == "empty"
    assert len(features(issue("DS-1", state, closed=START)).issues) == 1


def test_closes_in_the_last_second_are_in_time_and_those_in_the_grace_days_late():
    found = features(
        issue("DS-1", "done", closed=END - timedelta(seconds=1)),
        issue("DS-2", "done", closed=END),
        issue("DS-3", "done", closed=CLOSE - timedelta(seconds=1)),
        now=CLOSE,
    )
    assert [each.late for each in found.issues] == [False, True, True]
    assert found.counts == Counts(done=3)


def test_closes_after_the_grace_days_belong_to_the_next_increment():
    found = features(
        issue("DS-1", "done", closed=CLOSE, started=MIDWAY),
        issue("DS-2", "done", closed=CLOSE),
        issue("DS-3", "dropped", closed=CLOSE),
        issue("DS-4", "done", closed=CLOSE, started=CLOSE),
        now=CLOSE + timedelta(days=3),
    )
    assert found.counts == Counts(doing=1, todo=3)
    assert found.state == "in-progress"


def test_what_was_left_open_counts_as_it_was_at_the_close():
    entries = (
        issue("DS-1", "done", closed=CLOSE + timedelta(days=1), started=MIDWAY),
        issue("DS-2", "doing", started=CLOSE),
        issue("DS-3", "doing"),
        issue("DS-4", "todo", status={"known": False}),
        issue("DS-5", "dropped", closed=CLOSE),
    )
    found = features(
        issue("DS-6", "done"),
        matched={"unfinished_at_close": tuple(assignment for assignment, _ in entries)},
        also_known=tuple(known for _, known in entries),
        now=CLOSE + timedelta(days=3),
    )
    assert found.counts == Counts(done=1, doing=2, todo=2, unknown=1)
    assert found.state == "in-progress"
    assert {each.state.because for each in found.issues if each.ref.key == "DS-1"} == {
        "not closed before 2026-q4 was"
    }


def test_the_day_ends_in_the_zone_of_the_plan():
    berlin = workspace(an_increment(timezone="Europe/Berlin"))
    found = features(issue("DS-1", "done", closed=END - timedelta(minutes=30)), plan=berlin, now=END)
    assert found.issues[0].late


def test_experiments_are_done_whatever_the_answer():
    def experiment(key, state, **status):
        return issue(key, state, status=status, assigned={"experiment": True, "iteration": "v1"})

    found = features(
        experiment("DS-1", "done", answer="confirmed"),
        experiment("DS-2", "done", answer="rejected"),
        experiment("DS-3", "done", answer="inconclusive"),
        experiment("DS-4", "done"),
        experiment("DS-5", "doing"),
        experiment("DS-6", "dropped"),
        issue("DS-7", "done", status={"answer": "confirmed"}),
    )
    assert found.counts == Counts(done=5, doing=1, dropped=1)
    answers = found.answers
    assert (answers.confirmed, answers.rejected, answers.inconclusive) == (1, 1, 1)
    assert (answers.open, answers.missing, answers.answered) == (1, 1, 3)
    assert found.iterations[0].answers == answers
    assert "result_missing: DS-4 closed without a result label" in found.warnings


def test_assignments_to_a_capability_of_no_plan_are_reported():
    found = roll_up_plan(issue("DS-1", capability="forgotten"))
    assert found.warnings == ("unknown_capability: issues are assigned to forgotten, which no plan contains",)
