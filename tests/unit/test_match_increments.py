"""Old work, closed increments and their successors."""

from __future__ import annotations

from datetime import UTC, date, datetime

from mappings.model import MatchResult, Overrides, StateRule
from tests.support.match_world import (
    Q3,
    Q4,
    assigned_capabilities,
    at,
    capability,
    closed,
    increment,
    known,
    labelled,
    match,
    reasons,
    rule,
    team,
    workspace,
)

Q1 = (date(2027, 1, 1), date(2027, 3, 31))
OLD_RULE = rule("old", "features-q3", labelled("features"), iteration="v1")
OLD_PLAN = increment("q3", Q3, capability("features-q3", iterations=("v1", "v2")))
CARRIED = workspace(
    OLD_PLAN,
    increment("q4", Q4, capability("features-q4", continues="features-q3", iterations=("v1",))),
    teams=(team("science", OLD_RULE),),
)
NOT_CARRIED = workspace(
    OLD_PLAN, increment("q4", Q4, capability("other")), teams=(team("science", OLD_RULE),)
)


def test_work_closed_before_the_increment_is_neither_assigned_nor_unplanned() -> None:
    world = workspace(
        increment("q4", Q4, capability("features")),
        teams=(team("science", rule("r", "features", labelled("features"))),),
    )
    before = closed("DS-1", labels=["features"], when=at(9, 30, 23))
    first_second = closed("DS-2", labels=["features"], when=at(10, 1, 0))
    pinned = closed("DS-3", when=at(9, 1))
    untimed = known("DS-4", labels=["features"], category="done", closed=None, updated=at(9, 2))

    matched = match(
        world, before, first_second, pinned, untimed, overrides=Overrides(pins={pinned.issue.ref: "features"})
    )

    assert assigned_capabilities(matched) == {"DS-2": "features"}
    assert matched.unplanned == ()


def test_what_a_team_calls_open_is_not_over_however_long_ago_the_tracker_closed_it() -> None:
    reopens = {"doing": StateRule(statuses=frozenset({"released to test"}))}
    by_label = {"doing": StateRule(labels=frozenset({"in test"}))}
    facts = {"labels": ["features", "in test"], "status": "Released to test", "when": at(8, 1)}

    def place(states: dict[str, StateRule]) -> dict[str, str]:
        rules = rule("r", "features", labelled("features"))
        plan = increment("q4", Q4, capability("features"))
        return assigned_capabilities(
            match(workspace(plan, teams=(team("science", rules, states=states),)), closed(**facts))
        )

    assert place(reopens) == {"DS-1": "features"}
    assert place(by_label) == {}
    assert place({}) == {}


def test_open_issues_of_a_closed_increment_go_to_its_successor() -> None:
    matched = match(CARRIED, known(labels=["features"]))

    assert assigned_capabilities(matched) == {"DS-1": "features-q4"}
    assert matched.assignments[0].iteration == "v1"
    assert matched.warnings == ()


def test_a_successor_takes_over_only_the_iterations_that_it_has() -> None:
    later = rule("later", "features-q3", labelled("features"), iteration="v2")
    world = workspace(*CARRIED.increments, teams=(team("science", later),))

    (assignment,) = match(world, known(labels=["features"])).assignments

    assert (assignment.capability, assignment.iteration) == ("features-q4", None)


def test_what_was_done_in_a_closed_increment_keeps_its_capability() -> None:
    matched = match(
        CARRIED,
        closed("DS-1", labels=["features"], when=at(8, 1)),
        closed("DS-2", labels=["features"], when=at(10, 5)),
        closed("DS-3", labels=["features"], when=at(10, 6, 0)),
        closed("DS-4", labels=["features"], when=at(6, 30)),
    )

    assert assigned_capabilities(matched) == {
        "DS-1": "features-q3",
        "DS-2": "features-q3",
        "DS-3": "features-q4",
    }
    assert matched.unplanned == ()


def test_nothing_moves_while_the_grace_days_last() -> None:
    issue = known(labels=["features"])

    assert assigned_capabilities(match(CARRIED, issue, now=at(10, 5, 23))) == {"DS-1": "features-q3"}
    assert assigned_capabilities(match(CARRIED, issue, now=at(10, 6, 0))) == {"DS-1": "features-q4"}


def test_open_issues_without_a_successor_are_unplanned_with_one_warning_a_rule() -> None:
    matched = match(
        NOT_CARRIED,
        known("DS-1", labels=["features"], created=at(7, 2)),
        known("DS-2", labels=["features"], created=at(7, 2)),
        closed("DS-3", labels=["features"], when=at(8, 1), created=at(7, 2)),
        closed("DS-4", labels=["features"], when=at(10, 20), created=at(7, 2)),
    )

    assert reasons(matched) == dict.fromkeys(("DS-1", "DS-2", "DS-4"), "closed-increment")
    assert assigned_capabilities(matched) == {"DS-3": "features-q3"}
    (warning,) = matched.warnings
    assert warning.startswith(
        'The rule "old" of science names "features-q3", whose increment is closed: 2 open'
    )


def test_a_pin_to_a_closed_increment_follows_the_successor_too() -> None:
    issue = known()
    pin = Overrides(pins={issue.issue.ref: "features-q3"})

    assert assigned_capabilities(match(CARRIED, issue, overrides=pin)) == {"DS-1": "features-q4"}
    assert reasons(match(NOT_CARRIED, issue, overrides=pin)) == {"DS-1": "closed-increment"}


def test_a_veto_of_the_old_capability_holds_for_its_successor() -> None:
    issue = known(labels=["features"])
    veto = Overrides(vetoes={issue.issue.ref: frozenset({"features-q3"})})

    assert reasons(match(CARRIED, issue, overrides=veto)) == {"DS-1": "veto"}


def test_an_increment_that_has_not_begun_gets_open_issues() -> None:
    world = workspace(
        increment("q4", Q4, capability("features")),
        teams=(team("science", rule("r", "features", labelled("features"))),),
    )

    assert assigned_capabilities(match(world, known(labels=["features"]), now=at(9, 1))) == {
        "DS-1": "features"
    }


def test_an_experiment_counts_as_done_in_the_increment_that_answered_it() -> None:
    world = workspace(
        increment("q4", Q4, capability("model")),
        teams=(team("science", rule("r", "model", {"type": {"any": ("Experiment",)}}, experiment=True)),),
    )
    rejected = closed(type="Experiment", resolution="not_planned", labels=["result:rejected"])

    (assignment,) = match(world, rejected).assignments

    assert (assignment.experiment, assignment.state.state, assignment.state.answer) == (
        True,
        "done",
        "rejected",
    )


def left_open(matched: MatchResult) -> dict[str, list[str]]:
    """Key -> closed capabilities that did not finish it in time."""
    found: dict[str, list[str]] = {}
    for each in matched.unfinished_at_close:
        found.setdefault(each.ref.key, []).append(each.capability)
    return found


def test_what_was_there_and_not_finished_at_the_close_is_left_open() -> None:
    early = at(7, 2)
    issues = (
        known("DS-1", labels=["features"], created=early),
        closed("DS-2", labels=["features"], created=early, when=at(10, 20)),
        closed("DS-3", labels=["features"], created=early, when=at(8, 1)),
        known("DS-4", labels=["features"], created=at(10, 6, 0)),
        known("DS-5", created=early),
    )

    for world in (CARRIED, NOT_CARRIED):
        assert left_open(match(world, *issues)) == {"DS-1": ["features-q3"], "DS-2": ["features-q3"]}
        assert left_open(match(world, *issues, now=at(10, 5, 23))) == {}


def test_an_issue_is_left_open_in_every_closed_increment_on_its_way() -> None:
    world = workspace(
        *CARRIED.increments,
        increment("2027-q1", Q1, capability("features-q1", continues="features-q4")),
        teams=CARRIED.teams,
    )
    from_the_start = known("DS-1", labels=["features"], created=at(7, 2))
    from_the_second = known("DS-2", labels=["features"], created=at(10, 20))

    matched = match(world, from_the_start, from_the_second, now=datetime(2027, 2, 1, tzinfo=UTC))

    assert left_open(matched) == {"DS-1": ["features-q3", "features-q4"], "DS-2": ["features-q4"]}
    assert assigned_capabilities(matched) == {"DS-1": "features-q1", "DS-2": "features-q1"}


def test_what_teams_disagreed_about_is_left_open_nowhere() -> None:
    plan = increment("q3", Q3, capability("features-q3"), capability("model-q3"))
    world = workspace(
        plan,
        teams=(team("science", OLD_RULE), team("platform", rule("m", "model-q3", labelled("features")))),
    )

    assert left_open(match(world, known(labels=["features"], created=at(7, 2)))) == {}


def test_teams_that_agree_leave_an_issue_open_once() -> None:
    world = workspace(
        OLD_PLAN,
        teams=(
            team("platform", rule("also", "features-q3", labelled("features"))),
            team("science", OLD_RULE),
        ),
    )

    (left,) = match(world, known(labels=["features"], created=at(7, 2))).unfinished_at_close

    assert (left.team, left.iteration, left.rule) == ("science", "v1", "old")


def test_closed_work_without_a_time_counts_as_finished_before_and_is_named() -> None:
    world = workspace(
        increment("q4", Q4, capability("features")),
        teams=(team("science", rule("r", "features", labelled("features"))),),
    )
    facts = {
        "labels": ["features"],
        "category": "done",
        "status": "Done",
        "closed": None,
        "updated": at(11, 14),
    }

    matched = match(
        world, known("DS-1", created=at(2, 1), **facts), known("DS-2", created=at(11, 1), **facts)
    )

    assert assigned_capabilities(matched) == {"DS-2": "features"}, "it was created in the increment"
    assert matched.unplanned == ()
    (warning,) = matched.warnings
    assert warning == (
        "Nothing says when DS-1 was closed (no history, no resolution date): counted as finished before the increment."
    )


def test_open_work_is_matched_however_long_nobody_touched_it() -> None:
    world = workspace(
        increment("q4", Q4, capability("features")),
        teams=(team("science", rule("r", "features", labelled("features"))),),
    )
    old = {"created": at(1, 1), "updated": at(1, 2)}
    matched = match(world, known("DS-1", labels=["features"], **old))
    assert assigned_capabilities(matched) == {"DS-1": "features"}


def test_old_done_work_of_two_teams_is_open_if_one_of_them_calls_it_so() -> None:
    """The other team, which would never reopen it, comes first."""
    reopens = {"doing": StateRule(statuses=frozenset({"released to test"}))}
    facts = {"labels": ["features"], "status": "Released to test", "when": at(8, 1)}

    def place(*states: dict[str, StateRule]) -> dict[str, str]:
        teams = tuple(
            team(name, rule(f"r-{name}", "features", labelled("features")), sources=("DS",), states=each)
            for name, each in zip(("alpha", "science"), states, strict=True)
        )
        return assigned_capabilities(
            match(workspace(increment("q4", Q4, capability("features")), teams=teams), closed(**facts))
        )

    assert place({}, reopens) == place(reopens, {}) == {"DS-1": "features"}
    assert place({}, {}) == {}
