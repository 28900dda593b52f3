"""Assignment of issues: order of rules, several teams, anchors, pins and vetoes."""

from __future__ import annotations

from mappings.model import Anchor, Overrides
from tests.support.match_world import (
    Q4,
    assigned_capabilities,
    at,
    capability,
    closed,
    increment,
    known,
    labelled,
    match,
    matcher,
    reasons,
    ref,
    rule,
    team,
    workspace,
)

FEATURES = rule("features", "features", labelled("features"))
MODEL = rule("model", "model", labelled("model"), iteration="v1")
PLAN = increment("q4", Q4, capability("features"), capability("model", iterations=("v1",)))
WORLD = workspace(PLAN, teams=(team("science", FEATURES, MODEL),))


def test_the_first_rule_in_file_order_matches_an_issue() -> None:
    matched = match(WORLD, known("DS-1", labels=["model", "features"]), known("DS-2", labels=["model"]))

    assert assigned_capabilities(matched) == {"DS-1": "features", "DS-2": "model"}
    first, second = matched.assignments
    assert (first.rule, first.by, first.team, first.iteration) == ("features", "rule", "science", None)
    assert (second.rule, second.iteration) == ("model", "v1")


def test_an_issue_without_a_rule_is_unplanned_when_it_is_of_this_increment() -> None:
    matched = match(
        WORLD,
        known("DS-1", created=at(10, 20)),
        known("DS-2", created=at(8, 1)),
        known("DS-3", created=at(8, 1), category="doing"),
        closed("DS-4", created=at(8, 1), when=at(10, 5)),
        closed("DS-5", created=at(8, 1), when=at(9, 30, 23)),
        closed("DS-6", created=at(8, 1), when=at(10, 5), resolution="not_planned"),
    )

    assert reasons(matched) == dict.fromkeys(("DS-1", "DS-3", "DS-4", "DS-6"), "no-rule")
    assert matched.unplanned[0].teams == ("science",)
    assert matched.assignments == ()


def test_an_increment_begins_with_its_first_moment() -> None:
    first, before = known("DS-1", created=at(10, 1, 0)), known("DS-2", created=at(9, 30, 23))

    assert reasons(match(WORLD, first, before)) == {"DS-1": "no-rule"}


def test_dropped_work_is_unplanned_only_when_it_was_dropped_in_the_increment() -> None:
    grace = at(1, 3).replace(year=2027)
    late = closed("DS-1", created=at(12, 20), when=grace, resolution="duplicate")
    done = closed("DS-2", created=at(12, 20), when=grace)

    assert reasons(match(WORLD, late, done, now=grace)) == {"DS-2": "no-rule"}


def test_an_issue_that_only_an_anchor_reading_or_no_source_brought_is_not_matched() -> None:
    matched = match(
        WORLD,
        known("DS-1", labels=["features"], sources=set()),
        known("X-1", labels=["features"]),
        known("X-2", category="doing"),
    )

    assert (matched.assignments, matched.unplanned) == ((), ())


def test_anchors_are_never_matched_or_unplanned() -> None:
    plan = increment(
        "q4",
        Q4,
        capability("features", anchor=Anchor(tracker="github", key="acme/churn#12")),
        anchor=Anchor(tracker="jira", key="DS-100"),
    )
    world = workspace(plan, teams=(team("science", FEATURES),))
    pins = Overrides(pins={ref("DS-100"): "features"})

    matched = match(
        world,
        known("Acme/churn#12", sources={"github:acme/churn"}),
        known("DS-100", labels=["features"]),
        overrides=pins,
    )

    assert (matched.assignments, matched.unplanned) == ((), ())


def test_two_teams_that_agree_share_one_assignment_of_the_owner() -> None:
    world = workspace(
        PLAN,
        teams=(
            team("a-platform", rule("mine", "model", labelled("model"))),
            team("science", FEATURES, MODEL),
        ),
    )

    matched = match(world, known(labels=["model"]))

    assert [(each.team, each.rule, each.iteration) for each in matched.assignments] == [
        ("science", "model", "v1")
    ]


def test_two_teams_that_disagree_get_nothing_until_a_person_decides() -> None:
    world = workspace(
        PLAN, teams=(team("platform", rule("all", "model", labelled("features"))), team("science", FEATURES))
    )
    issue = known(labels=["features"])

    contested = match(world, issue)
    decided = match(world, issue, overrides=Overrides(pins={issue.issue.ref: "features"}))

    assert contested.assignments == contested.unplanned == ()
    assert {claim.capability for claim in contested.conflicts[0].claims} == {"features", "model"}
    assert assigned_capabilities(decided) == {"DS-1": "features"}
    assert decided.conflicts == ()


def test_a_pin_wins_over_the_rule_and_keeps_its_iteration_only_where_they_agree() -> None:
    moved, agreeing, unruled = (
        known("DS-1", labels=["features"]),
        known("DS-2", labels=["model"]),
        known("DS-3"),
    )
    pins = Overrides(pins={each.issue.ref: "model" for each in (moved, agreeing, unruled)})

    matched = match(WORLD, moved, agreeing, unruled, overrides=pins)

    assert [(each.capability, each.by, each.rule, each.iteration) for each in matched.assignments] == [
        ("model", "pin", None, None),
        ("model", "pin", "model", "v1"),
        ("model", "pin", None, None),
    ]


def test_a_pin_to_an_unknown_capability_leaves_the_decision_to_the_rules() -> None:
    issue = known(labels=["features"])

    assert assigned_capabilities(
        match(WORLD, issue, overrides=Overrides(pins={issue.issue.ref: "nothing"}))
    ) == {"DS-1": "features"}


def test_pins_and_vetoes_of_a_former_id_count_for_the_present_one() -> None:
    plan = increment("q4", Q4, capability("features", previously=("feats",)), capability("model"))
    world = workspace(plan, teams=(team("science", FEATURES),))
    pinned, vetoed = known("DS-1"), known("DS-2", labels=["features"])
    overrides = Overrides(pins={pinned.issue.ref: "feats"}, vetoes={vetoed.issue.ref: frozenset({"feats"})})

    matched = match(world, pinned, vetoed, overrides=overrides)

    assert assigned_capabilities(matched) == {"DS-1": "features"}
    assert reasons(matched) == {"DS-2": "veto"}


def test_a_veto_removes_the_issue_and_no_other_rule_is_tried() -> None:
    issue = known(labels=["features", "model"], created=at(8, 1))
    veto = Overrides(vetoes={issue.issue.ref: frozenset({"features"})})
    other = Overrides(vetoes={issue.issue.ref: frozenset({"model"})})

    assert reasons(match(WORLD, issue, overrides=veto)) == {"DS-1": "veto"}
    assert match(WORLD, issue, overrides=veto).assignments == ()
    assert assigned_capabilities(match(WORLD, issue, overrides=other)) == {"DS-1": "features"}


def test_rules_do_not_see_our_labels_nor_the_released_flag() -> None:
    everything = rule("ours", "features", {"labels": {"any": ("capability:*", "flag:*", "unplanned")}})
    world = workspace(PLAN, teams=(team("science", everything),))

    matched = match(
        world, known(labels=["capability:features", "Flag:Released", "unplanned", "increment:q4"])
    )

    assert matched.assignments == ()


def test_vanished_issues_still_match() -> None:
    gone = known(labels=["features"])
    vanished = type(gone)(
        issue=gone.issue, sources=gone.sources, first_seen=gone.first_seen, vanished=at(11, 1)
    )

    assert assigned_capabilities(match(WORLD, vanished)) == {"DS-1": "features"}


def test_a_trace_tells_every_rule_in_order_with_what_was_compared() -> None:
    issue = known(labels=["model", "capability:model"])

    trace = matcher(WORLD).trace(issue, Overrides())

    (report,) = trace.teams
    features, model = report.rules
    assert (report.team, report.winner) == ("science", "model")
    assert (features.reached, features.matched) == (True, False)
    assert (features.conditions[0].expected, features.conditions[0].found) == ("any of features", ("model",))
    assert (model.reached, model.matched, model.conditions[0].holds) == (True, True, True)
    assert trace.hidden_labels == ("capability:model",)
    assert trace.outcome == match(WORLD, issue).assignments[0]
    assert trace.because == 'The rule "model" of science matched it.'


def test_a_trace_marks_what_stands_after_the_winner_as_not_reached() -> None:
    trace = matcher(WORLD).trace(known(labels=["model", "features"]), Overrides())

    assert [(each.rule.id, each.reached, each.matched) for each in trace.teams[0].rules] == [
        ("features", True, True),
        ("model", False, True),
    ]


def test_a_trace_says_why_an_issue_counts_nowhere() -> None:
    old = matcher(WORLD).trace(closed("DS-1", labels=["features"], when=at(9, 1)), Overrides())
    vetoed = matcher(WORLD).trace(
        known(labels=["features"]), Overrides(vetoes={ref("DS-1"): frozenset({"features"})})
    )

    assert old.outcome is None
    assert old.because == "It was finished before the increment q4 of features started."
    assert vetoed.because == "A person removed it from features."
