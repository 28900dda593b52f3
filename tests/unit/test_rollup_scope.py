"""Scope against the baseline, when a baseline is due, and which sources feed what."""

from datetime import timedelta

import pytest

from connectors.model import Source
from mappings.model import Overrides
from sync.model.rollup import Baseline
from sync.rollup.baseline import baseline_refs, feeding_sources, is_baseline_due
from tests.support.rollup_world import (
    CLOSE,
    END,
    MIDWAY,
    START,
    baseline,
    capability,
    features,
    goal,
    increment,
    issue,
    keys,
    ref,
    roll_up_plan,
    team,
    workspace,
)


def test_without_a_baseline_there_is_no_growth():
    scope = features(issue("DS-1", "done")).scope
    assert (scope.baseline, scope.growth, scope.exceeds_threshold, scope.added) == (None, None, False, ())
    assert keys(scope.delivered) == ["DS-1"]


def test_an_unchanged_scope_has_not_grown():
    scope = features(issue("DS-1"), issue("DS-2", "done"), baselines=baseline("DS-1", "DS-2")).scope
    assert (scope.baseline, scope.added, scope.growth, scope.exceeds_threshold) == (2, (), 0.0, False)


def test_every_issue_of_the_baseline_has_one_fate():
    plan = workspace(increment(goal(capability(), capability("model"))))
    long_ago = MIDWAY - timedelta(days=20)
    _, unplanned = issue("DS-6")
    scope = features(
        issue("DS-1", "done"),
        issue("DS-2", "doing", reopened=2),
        issue("DS-3", "dropped"),
        issue("DS-4", "doing", vanished=long_ago),
        issue("DS-5", capability="model"),
        issue("DS-7"),
        issue("DS-8", parent="DS-7"),
        issue("DS-10"),
        also_known=(unplanned,),
        baselines=baseline(*(f"DS-{number}" for number in range(1, 8)), "DS-99"),
        plan=plan,
    ).scope
    assert keys(scope.added) == ["DS-8", "DS-10"]
    assert keys(scope.dropped) == ["DS-3"]
    assert keys(scope.vanished) == ["DS-4", "DS-99"]
    assert keys(scope.moved_out) == ["DS-5", "DS-6"]
    assert keys(scope.split) == ["DS-7"]
    assert keys(scope.delivered) == ["DS-1"]
    assert keys(scope.reopened) == ["DS-2"]
    assert scope.baseline == 8


def test_a_missing_issue_counts_as_vanished_even_without_a_source():
    _, gone = issue("DS-1", vanished=MIDWAY - timedelta(days=1))
    scope = features(issue("DS-2"), also_known=(gone,), baselines=baseline("DS-1", "DS-2")).scope
    assert (keys(scope.vanished), scope.moved_out) == (["DS-1"], ())


def test_growth_is_flagged_only_above_a_quarter_of_the_baseline():
    base = baseline(*(f"DS-{number}" for number in range(4)))
    four = [issue(f"DS-{number}") for number in range(4)]
    one_more = features(*four, issue("DS-10"), baselines=base).scope
    assert (one_more.growth, one_more.exceeds_threshold) == (0.25, False)
    two_more = features(*four, issue("DS-10"), issue("DS-11"), baselines=base).scope
    assert (two_more.growth, two_more.exceeds_threshold) == (0.5, True)


def test_splitting_an_issue_grows_the_scope_by_the_pieces_that_came_on_top():
    parts = [issue(f"DS-{number}", parent="DS-1") for number in (2, 3, 4)]
    assert features(issue("DS-1"), *parts, baselines=baseline("DS-1")).scope.grown_by == 2


def test_growth_over_nothing_has_no_percentage():
    scope = features(issue("DS-1"), baselines=baseline()).scope
    assert (scope.baseline, scope.growth, scope.exceeds_threshold, len(scope.added)) == (0, None, False, 1)


@pytest.mark.parametrize(
    ("after", "complete"), [(timedelta(days=1), True), (timedelta(days=1, seconds=1), False)]
)
def test_a_late_baseline_tells_since_when_it_counts(after, complete):
    scope = features(issue("DS-1"), baselines=baseline("DS-1", at=START + after)).scope
    assert (scope.complete_from_start, scope.baseline_at) == (complete, START + after)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (START - timedelta(seconds=1), False),
        (START, True),
        (MIDWAY, True),
        (END, True),
        (CLOSE, False),
    ],
)
def test_a_baseline_is_due_from_the_start_until_the_close(now, due):
    assert is_baseline_due(capability(), increment(), now, None, ()) is due


def test_no_baseline_from_an_uncertain_run_nor_a_second_one_nor_for_a_cancelled_capability():
    existing = Baseline(capability="features", at=START, refs=frozenset())
    assert not is_baseline_due(capability(), increment(), MIDWAY, None, ("jira:DS",))
    assert not is_baseline_due(capability(), increment(), MIDWAY, existing, ())
    assert not is_baseline_due(capability(cancelled=True), increment(), MIDWAY, None, ())


def test_the_baseline_is_what_is_in_scope():
    found = features(issue("DS-1", "done"), issue("DS-2"), issue("DS-3", "dropped"))
    assert baseline_refs(found) == {ref("DS-1"), ref("DS-2")}


JIRA = Source(tracker="jira", container="DS")
GITHUB = Source(tracker="github", container="acme/churn")


def test_a_source_feeds_every_capability_that_its_teams_rules_name():
    plan = workspace(
        increment(goal(capability(), capability("model"), capability("idle"))),
        teams=(team("science", JIRA, "features", "model"), team("platform", GITHUB, "model", "unheard-of")),
    )
    assert feeding_sources(plan, {}, Overrides()) == {
        "features": {"jira:DS"},
        "model": {"jira:DS", "github:acme/churn"},
        "idle": frozenset(),
    }


def test_a_pin_makes_its_sources_feed_the_capability():
    plan = workspace(teams=(team("platform", GITHUB, "features"),))
    _, pinned = issue("DS-1")
    pins = Overrides(pins={ref("DS-1"): "features", ref("DS-2"): "features"})
    feeds = feeding_sources(plan, {ref("DS-1"): pinned}, pins)
    assert feeds == {"features": {"github:acme/churn", "jira:DS"}}


def test_what_feeds_a_capability_feeds_its_successors():
    following = increment(goal(capability("features-2", continues="features")), id="2027-q1")
    plan = workspace(increment(), following, teams=(team("science", JIRA, "features"),))
    assert feeding_sources(plan, {}, Overrides())["features-2"] == {"jira:DS"}


def test_capabilities_that_continue_each_other_do_not_hang():
    circle = goal(capability("a", continues="b"), capability("b", continues="a"))
    plan = workspace(increment(circle), teams=(team("science", JIRA, "a"),))
    assert feeding_sources(plan, {}, Overrides()) == {"a": {"jira:DS"}, "b": {"jira:DS"}}


def test_the_baseline_of_another_capability_is_not_ours():
    found = roll_up_plan(issue("DS-1"), baselines=baseline("DS-1", name="model"))
    assert found.capability("features").scope.baseline is None
