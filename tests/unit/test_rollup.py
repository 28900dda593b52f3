"""State of capabilities, goals and increments."""

import dataclasses
import json
from datetime import date, timedelta

import pytest

from connectors.model import IssueRef
from mappings.model import Conflict, IssueState, Unplanned
from sync.model.rollup import Counts
from tests.support.rollup_world import (
    CLOSE,
    END,
    MIDWAY,
    START,
    capability,
    features,
    first_goal,
    goal,
    increment,
    issue,
    ref,
    roll_up_plan,
    workspace,
)


def plan_with(**more):
    return workspace(increment(goal(capability(**more))))


def test_a_capability_without_issues_is_empty_and_neither_0_nor_100_percent():
    found = features()
    assert (found.state, found.counts.progress, found.blocked) == ("empty", None, False)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["todo", "todo"], "planned"),
        (["todo", "doing"], "in-progress"),
        (["todo", "done"], "in-progress"),
        (["done", "dropped"], "done"),
        (["done"], "done"),
        (["dropped", "dropped"], "empty"),
        (["todo", "dropped"], "planned"),
    ],
)
def test_the_state_comes_from_the_issues(states, expected):
    entries = [issue(f"DS-{number}", state) for number, state in enumerate(states, 1)]
    assert features(*entries).state == expected


def test_all_dropped_is_empty_until_the_plan_says_cancelled():
    entry = issue("DS-1", "dropped")
    assert features(entry).warnings[0].startswith("all_cancelled: ")
    confirmed = features(entry, plan=plan_with(cancelled=True))
    assert (confirmed.state, confirmed.warnings) == ("cancelled", ())


def test_the_plan_cancels_whatever_the_issues_say():
    assert features(issue("DS-1", "doing"), plan=plan_with(cancelled=True)).state == "cancelled"


def test_a_capability_is_blocked_when_all_started_work_is():
    stuck = issue("DS-1", "doing", status={"blocked": True})
    found = features(stuck, issue("DS-2", "todo"), issue("DS-3", "done"))
    assert (found.blocked, found.partly_blocked, found.state) == (True, None, "in-progress")
    found = features(stuck, issue("DS-2", "doing"))
    assert (found.blocked, found.partly_blocked) == (False, (1, 2))


def test_work_that_goes_on_is_not_blocked_in_part():
    found = features(issue("DS-1", "doing"), issue("DS-2", "doing"))
    assert (found.blocked, found.partly_blocked) == (False, None)


def test_blocked_work_that_is_not_started_blocks_nothing():
    found = features(issue("DS-1", "todo", status={"blocked": True}), issue("DS-2", "done"))
    assert (found.blocked, found.partly_blocked) == (False, None)


def test_released_changes_no_state_and_warns_of_open_items():
    entries = (issue("DS-1", "done"), issue("DS-2", "doing"))
    by_plan = features(*entries, plan=plan_with(released=date(2026, 11, 15)))
    assert (by_plan.state, by_plan.released, by_plan.released_on) == (
        "in-progress",
        True,
        date(2026, 11, 15),
    )
    assert by_plan.warnings == ("released_with_open_items: released, but 1 issue is still open",)
    by_label = features(*entries, released=frozenset({"capability:features"}))
    assert (by_label.state, by_label.released, by_label.released_on) == ("in-progress", True, None)


def test_a_release_in_the_future_is_not_one_yet():
    assert not features(issue("DS-1", "done"), plan=plan_with(released=date(2026, 11, 16))).released


def test_done_does_not_mean_released():
    found = features(issue("DS-1", "done"))
    assert (found.state, found.released) == ("done", False)


def test_a_reopened_issue_takes_the_capability_back_but_not_its_release():
    again = issue("DS-1", "doing", reopened=1)
    found = features(again, issue("DS-2", "done"), released=frozenset({"capability:features"}))
    assert (found.state, found.released, found.issues[0].reopened) == ("in-progress", True, 1)


def test_progress_may_go_down():
    before = features(issue("DS-1", "done"), issue("DS-2"))
    after = features(issue("DS-1", "done"), *(issue(f"DS-{number}") for number in range(2, 6)))
    assert (before.counts.progress, after.counts.progress) == (0.5, 0.2)


def test_several_teams_and_both_trackers_feed_one_capability():
    found = features(issue("DS-1", "done"), issue("acme/churn#1", "doing", tracker="github", team="platform"))
    assert (found.team, found.teams) == ("science", ("platform", "science"))
    assert found.counts == Counts(done=1, doing=1)


def test_iterations_come_in_the_order_of_the_plan_and_do_not_decide_the_state():
    found = features(
        issue("DS-1", "done", assigned={"iteration": "v1"}),
        issue("DS-2", assigned={"iteration": "v2"}),
        issue("DS-3", assigned={"iteration": "extra"}),
        issue("DS-4", "doing"),
        plan=plan_with(iterations=("v1", "v2", "v3")),
    )
    assert [(each.name, each.state) for each in found.iterations] == [
        ("v1", "done"),
        ("v2", "planned"),
        ("v3", "empty"),
        ("extra", "planned"),
    ]
    assert found.state == "in-progress"


def test_the_target_is_the_end_of_the_increment_unless_the_plan_names_one():
    assert features().target == date(2026, 12, 31)
    assert features(plan=plan_with(target=date(2026, 12, 11))).target == date(2026, 12, 11)


def test_what_could_not_be_read_is_named_up_to_the_goal():
    found = roll_up_plan(uncertain={"features": ("jira:DS", "github:acme/churn")})
    assert found.capability("features").uncertain == ("github:acme/churn", "jira:DS")
    assert found.goal("keep-subscribers").uncertain == ("github:acme/churn", "jira:DS")


def test_a_goal_counts_capabilities_and_beside_them_issues():
    plan = workspace(increment(goal(capability(), capability("model"))))
    small = [issue(f"DS-{number}", "done") for number in (1, 2)]
    large = [issue(f"DS-{number}", capability="model") for number in range(10, 30)]
    found = first_goal(*small, *large, plan=plan)
    assert (found.required_done, found.required_total) == (1, 2)
    assert (found.counts.done, found.counts.scope) == (2, 22)
    assert found.state == "in-progress"


def test_a_goal_is_done_when_its_required_capabilities_are_done_or_released():
    plan = workspace(
        increment(
            goal(
                capability(),
                capability("model", released=date(2026, 11, 1)),
                capability("dashboard", required=False),
                capability("abandoned", cancelled=True),
            )
        )
    )
    found = first_goal(issue("DS-1", "done"), issue("DS-2", "doing", capability="model"), plan=plan)
    assert (found.state, found.required_done, found.required_total) == ("done", 2, 2)


def test_a_goal_without_required_capabilities_is_never_done_by_itself():
    plan = workspace(increment(goal(capability(required=False))))
    assert first_goal(issue("DS-1", "done"), plan=plan).state == "in-progress"
    gone = workspace(increment(goal(capability(cancelled=True))))
    assert first_goal(issue("DS-1", "done"), plan=gone).state == "planned"


def test_a_goal_without_capabilities_is_planned():
    plan = workspace(dataclasses.replace(increment(), goals=(dataclasses.replace(goal(), capabilities=()),)))
    found = first_goal(plan=plan)
    assert (found.state, found.counts, found.blocked) == ("planned", Counts(), False)


def test_manual_acceptance_needs_the_plan():
    def result(accepted):
        plan = workspace(increment(goal(acceptance="manual", accepted=accepted)))
        return first_goal(issue("DS-1", "done"), plan=plan)

    assert (result(False).state, result(False).acceptance_open) == ("in-progress", True)
    assert result(False).warnings[0].startswith("acceptance_open: ")
    assert (result(True).state, result(True).acceptance_open) == ("done", False)


def test_a_persons_word_alone_does_not_finish_a_goal():
    plan = workspace(increment(goal(acceptance="manual", accepted=True)))
    assert first_goal(issue("DS-1", "doing"), plan=plan).state == "in-progress"


def test_a_goal_is_blocked_when_all_that_is_under_way_is():
    plan = workspace(increment(goal(capability(), capability("model"))))
    stuck = issue("DS-1", "doing", status={"blocked": True})
    assert first_goal(stuck, issue("DS-2", "todo", capability="model"), plan=plan).blocked
    assert not first_goal(stuck, issue("DS-2", "doing", capability="model"), plan=plan).blocked


def test_what_is_released_does_not_hold_a_blocked_goal_open():
    plan = workspace(increment(goal(capability(), capability("model", released=date(2026, 11, 1)))))
    stuck = issue("DS-1", "doing", status={"blocked": True})
    assert first_goal(stuck, issue("DS-2", "doing", capability="model"), plan=plan).blocked


def test_a_cancelled_capability_is_never_finished():
    plan = plan_with(cancelled=True, released=date(2026, 11, 1))
    assert not features(issue("DS-1", "done"), plan=plan).finished


def test_a_committed_goal_is_missed_only_after_the_grace_days():
    entry = issue("DS-1", "doing")
    assert first_goal(entry, now=CLOSE - timedelta(seconds=1)).state == "in-progress"
    assert first_goal(entry, now=CLOSE).state == "missed"


def test_a_stretch_goal_is_never_missed_but_noted():
    plan = workspace(increment(goal(commitment="stretch")))
    found = first_goal(issue("DS-1", "doing"), plan=plan, now=CLOSE)
    assert found.state == "in-progress"
    assert found.warnings[0].startswith("stretch_not_done: ")


def test_a_goal_that_was_done_late_is_not_missed():
    entry = issue("DS-1", "done", closed=END + timedelta(days=1))
    assert first_goal(entry, now=CLOSE + timedelta(days=1)).state == "done"


def test_a_cancelled_goal_takes_its_capabilities_along():
    plan = workspace(increment(goal(cancelled=True)))
    found = first_goal(issue("DS-1", "doing"), plan=plan, now=CLOSE)
    assert (found.state, found.capabilities[0].state, found.counts) == ("cancelled", "cancelled", Counts())


def test_committed_and_stretch_goals_are_counted_apart():
    plan = workspace(
        increment(
            goal(),
            goal(capability("model"), name="second"),
            goal(capability("idea"), name="third", commitment="stretch"),
            goal(capability("gone"), name="fourth", cancelled=True),
        )
    )
    found = roll_up_plan(
        issue("DS-1", "done"), issue("DS-2", "done", capability="idea"), plan=plan
    ).increments[0]
    assert (found.committed_done, found.committed_total) == (1, 2)
    assert (found.stretch_done, found.stretch_total) == (1, 1)


@pytest.mark.parametrize(
    ("now", "phase"),
    [
        (START - timedelta(seconds=1), "not-started"),
        (START, "active"),
        (END - timedelta(seconds=1), "active"),
        (END, "grace"),
        (CLOSE, "closed"),
    ],
)
def test_an_increment_has_a_phase(now, phase):
    assert roll_up_plan(now=now).increments[0].phase == phase


def test_a_successor_counts_only_what_is_assigned_to_it():
    following = increment(
        goal(capability("features-2", continues="features"), name="next"),
        id="2027-q1",
        start=date(2027, 1, 1),
        end=date(2027, 3, 31),
    )
    found = roll_up_plan(
        issue("DS-1", "done"),
        issue("DS-2", "doing", capability="features-2"),
        plan=workspace(increment(), following),
        now=CLOSE + timedelta(days=1),
    )
    assert found.capability("features").counts == Counts(done=1)
    assert found.capability("features-2").counts == Counts(doing=1)
    assert found.capability("features-2").continues == "features"


def test_an_issue_that_two_teams_claim_counts_nowhere_and_is_reported():
    claims = tuple(issue("DS-1", capability=name)[0] for name in ("features", "features", "model"))
    plan = workspace(increment(goal(capability(), capability("model"))))
    conflict = Conflict(ref=ref("DS-1"), claims=claims)
    found = roll_up_plan(plan=plan, matched={"conflicts": (conflict,)})
    assert found.conflicts == (conflict,)
    assert [(each.conflicts, each.counts.scope) for each in found.capabilities] == [(1, 0), (1, 0)]


def test_unplanned_work_and_warnings_of_the_matching_are_handed_on_in_order():
    work = [
        Unplanned(ref=ref(key), teams=("science",), state=IssueState(state="doing"))
        for key in ("DS-2", "DS-1")
    ]
    found = roll_up_plan(matched={"unplanned": tuple(work), "warnings": ("b", "a")})
    assert [each.ref.key for each in found.unplanned] == ["DS-1", "DS-2"]
    assert found.warnings == ("a", "b")


def test_goals_and_capabilities_are_found_by_id():
    found = roll_up_plan()
    assert found.subject("capability:features") is found.capability("features")
    assert found.subject("goal:keep-subscribers") is found.goal("keep-subscribers")
    assert found.capability("features").subject == "capability:features"
    assert found.goal("keep-subscribers").subject == "goal:keep-subscribers"
    assert (found.capability("x"), found.goal("x"), found.subject("team:x")) == (None, None, None)


def test_a_rollup_can_be_written_as_json():
    found = roll_up_plan(issue("DS-1", "done"), plan=plan_with(released=date(2026, 11, 1)), now=MIDWAY)
    result = json.loads(json.dumps(dataclasses.asdict(found), default=str))
    issues = result["increments"][0]["goals"][0]["capabilities"][0]["issues"]
    assert issues[0]["ref"] == {"tracker": "jira", "id": "id-DS-1", "key": "DS-1"}
    assert isinstance(found.capability("features").issues[0].ref, IssueRef)
