"""Forecasts of capabilities, goals and teams, and the reasons why there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from mappings.model import Increment
from sync.forecast.forecasts import build_forecasts
from sync.forecast.horizon import forecast_horizon
from sync.forecast.remaining_work import ForecastInputs
from sync.forecast.team_model import TeamModel, build_team_model
from sync.forecast.work_item_age import find_aging_issues
from sync.model.flow import IssueFlow
from sync.model.forecast import FINISH_PROBABILITIES, QUANTILES, Forecast, PastIssue
from tests.support.rollup_world import (
    ENTRY,
    MIDWAY,
    START,
    capability,
    goal,
    increment,
    issue,
    ref,
    roll_up_plan,
    workspace,
)

DAY = timedelta(days=1)


def busy(
    weeks: int = 40, *, takes: float = 12.0, now: datetime = MIDWAY, stopped: float = 0.0
) -> list[PastIssue]:
    """Issues of a team that opens one every other day and closes it; ``stopped``: days without a close."""
    begin = now - timedelta(weeks=weeks)
    issues = []
    for number in range(int(weeks * 3.5)):
        created = begin + number * 2 * DAY
        closed = created + takes * (0.3 + number % 5 * 0.35) * DAY
        issues.append(PastIssue(created=created, closed=closed if closed <= now - stopped * DAY else None))
    return issues


def planned() -> list[PastIssue]:
    """Issues of a team that finishes one capability after the other, each a group of its past."""
    begin = MIDWAY - timedelta(weeks=90)
    issues = []
    for number in range(310):
        closed = begin + (number * 2 + 8 + number % 9) * DAY
        issues.append(
            PastIssue(
                created=begin + number * 2 * DAY,
                closed=closed if closed <= MIDWAY else None,
                labels=(f"part-{number // 12}",),
            )
        )
    return issues


def team_model(
    name: str = "science", issues: list[PastIssue] | None = None, now: datetime = MIDWAY
) -> TeamModel:
    return build_team_model(name, busy(now=now) if issues is None else issues, now)


def issue_flow(
    key: str, *, created: datetime, started: datetime | None = None, finished: datetime | None = None
) -> IssueFlow:
    return IssueFlow(
        ref=ref(key),
        created=created,
        started=started,
        finished=finished,
        complete=True,
    )


def issue_flows(entries: Iterable[ENTRY]) -> dict[Any, IssueFlow]:
    return {
        known.issue.ref: issue_flow(
            known.issue.ref.key, created=known.issue.created, finished=known.issue.closed
        )
        for _, known in entries
    }


def forecasts(
    *entries: ENTRY,
    plan: Increment | None = None,
    teams: tuple[TeamModel, ...] | None = None,
    now: datetime = MIDWAY,
    opened: datetime = START - 30 * DAY,
) -> dict[str, Forecast]:
    plan = plan or increment()
    rollup = roll_up_plan(*entries, plan=workspace(plan), now=now).increments[0]
    models = (team_model(now=now),) if teams is None else teams
    flow = {
        ref: each if each.finished else replace(each, created=opened)
        for ref, each in issue_flows(entries).items()
    }
    inputs = ForecastInputs(at=now, flow=flow, team_models={each.name: each for each in models})
    return {each.subject: each for each in build_forecasts(rollup, plan, inputs)}


FEATURES = "capability:features"
GOAL = "goal:keep-subscribers"
OPEN = tuple(issue(f"DS-{n}", "doing" if n % 2 else "todo") for n in range(1, 5))
DONE = tuple(issue(f"DS-{n}", "done") for n in range(11, 14))


def test_a_capability_gets_counts_dates_and_a_probability() -> None:
    found = forecasts(*OPEN, *DONE)[FEATURES]
    assert found.remaining == 4
    assert [quantile for quantile, _ in found.counts] == list(QUANTILES)
    assert [count for _, count in found.counts] == sorted(count for _, count in found.counts)
    assert [probability for probability, _ in found.finish] == list(FINISH_PROBABILITIES)
    days = [day or date.max for _, day in found.finish]
    assert days == sorted(days)
    assert found.probability is not None
    assert 0.05 <= found.probability <= 0.95
    assert found.reason is None


def test_the_same_inputs_give_the_same_bits() -> None:
    assert forecasts(*OPEN, *DONE) == forecasts(*OPEN, *DONE)


def test_finished_work_needs_no_forecast() -> None:
    found = forecasts(*DONE)
    for subject in (FEATURES, GOAL):
        assert (found[subject].probability, found[subject].remaining) == (1.0, 0)
        assert set(dict(found[subject].counts).values()) == {0}


def test_probabilities_are_between_five_and_95_percent() -> None:
    plan = increment(end=date(2031, 12, 31))
    steady = team_model(issues=planned())
    assert forecasts(OPEN[0], *DONE, plan=plan, teams=(steady,))[FEATURES].probability == 0.95
    tomorrow = increment(end=MIDWAY.date())
    assert forecasts(*OPEN, plan=tomorrow)[FEATURES].probability == 0.05


@pytest.mark.parametrize(
    ("issues", "reason"),
    [
        (busy(weeks=3), "science has 3 weeks of history, at least 4 weeks are needed"),
        (busy(weeks=20)[:4], "science has closed 4 issues so far, at least 5 are needed"),
        ([], "science has no history, at least 4 weeks are needed"),
    ],
)
def test_too_little_history_gives_a_reason_and_no_probability(issues: list[PastIssue], reason: str) -> None:
    found = forecasts(*OPEN, teams=(team_model(issues=issues),))
    for subject in (FEATURES, GOAL, "team:science"):
        assert found[subject].probability is None
        assert found[subject].counts == ()
        assert reason in (found[subject].reason or "")


def test_an_unknown_team_gives_no_probability() -> None:
    found = forecasts(*OPEN, issue("PL-1", team="platform"))
    assert found[FEATURES].remaining == 5
    assert "platform has no history" in (found[FEATURES].reason or "")


def test_neither_an_empty_capability_nor_its_goal_gets_a_probability() -> None:
    plan = increment(goal(capability(), capability("model")))
    found = forecasts(*OPEN, plan=plan)
    assert found["capability:model"].reason == "it has no issues yet"
    assert found[GOAL].probability is None
    assert found[GOAL].reason == "model: it has no issues yet"
    assert found[FEATURES].probability is not None


def test_a_capability_with_dropped_issues_only_is_not_done() -> None:
    plan = increment(goal(capability(), capability("model")))
    found = forecasts(*OPEN, issue("DS-21", "dropped", capability="model"), plan=plan)
    assert found["capability:model"].probability is None
    assert found["capability:model"].reason == "all its issues were dropped"
    assert found[GOAL].reason == "model: all its issues were dropped"


def test_a_goal_is_at_most_as_probable_as_its_worst_required_capability() -> None:
    plan = increment(goal(capability(), capability("model"), capability("extra", required=False)))
    model = tuple(issue(f"DS-{n}", capability="model") for n in range(21, 24))
    extra = tuple(issue(f"DS-{n}", capability="extra") for n in range(31, 51))
    found = forecasts(*OPEN, *DONE, *model, *extra, plan=plan)
    probabilities = [found[FEATURES].probability or 0, found["capability:model"].probability or 0]
    assert probabilities[0] * probabilities[1] < (found[GOAL].probability or 0) <= min(probabilities)
    assert found[GOAL].remaining == 7


def test_each_team_of_a_capability_has_its_own_pace() -> None:
    quick, slow = team_model("platform", busy(takes=4)), team_model("science", busy(takes=200))
    mixed = (issue("DS-1"), issue("PL-1", team="platform"))
    both = forecasts(*mixed, *DONE, teams=(quick, slow))[FEATURES]
    as_quick = replace(quick, name="science")
    alone = forecasts(*mixed, *DONE, teams=(quick, as_quick))[FEATURES]
    assert (both.probability or 0) < 0.5 * (alone.probability or 0)
    assert any("several teams work on it (platform, science)" in note for note in both.assumptions)


def test_a_stall_lowers_the_forecast_and_is_reported() -> None:
    going, stalled = (
        forecasts(*OPEN, *DONE),
        forecasts(*OPEN, *DONE, teams=(team_model(issues=busy(stopped=50)),)),
    )
    assert (stalled[FEATURES].probability or 0) < (going[FEATURES].probability or 0)
    assert dict(stalled["team:science"].counts)[0.5] < dict(going["team:science"].counts)[0.5]
    assert any("has closed nothing for 5" in note for note in stalled[FEATURES].assumptions)


def test_bulk_closes_are_reported() -> None:
    bulk = [PastIssue(created=MIDWAY - 250 * DAY, closed=MIDWAY - 30 * DAY) for _ in range(300)]
    found = forecasts(*OPEN, teams=(team_model(issues=[*busy(), *bulk]),))["team:science"]
    assert any("many issues at once in 1 week" in note for note in found.assumptions)
    assert dict(found.counts)[0.5] < 100


def test_a_closed_increment_gets_no_forecast() -> None:
    now = increment().ends_at + DAY
    found = forecasts(*OPEN, now=now)
    assert {each.reason for each in found.values()} == {
        "the increment is over",
        "features: the increment is over",
    }
    assert all(each.probability is None for each in found.values())


def test_work_of_an_increment_that_has_not_begun_is_counted_from_its_start() -> None:
    now = START - 20 * DAY
    early = tuple(issue(f"DS-{n}") for n in range(1, 5))
    found = forecasts(*early, now=now)[FEATURES]
    assert any("begins on 2026-10-01" in note for note in found.assumptions)
    first = found.finish[0][1]
    assert first is None or first > date(2026, 10, 1)
    horizon = forecast_horizon(increment(), now)
    assert (horizon.days_until_start, horizon.days) == (20, 92)


def test_holidays_of_the_plan_reduce_the_forecast() -> None:
    holidays = tuple(date(2026, 11, 16) + n * DAY for n in range(28))
    plain, away = forecasts(*OPEN, *DONE), forecasts(*OPEN, *DONE, plan=increment(holidays=holidays))
    assert (away[FEATURES].probability or 0) < (plain[FEATURES].probability or 0)
    assert any("20 holidays" in note for note in away[FEATURES].assumptions)
    assert (
        forecast_horizon(increment(holidays=(date(2026, 11, 21),)), MIDWAY).days
        == forecast_horizon(increment(), MIDWAY).days
    )


def test_a_target_day_comes_before_the_increments_end() -> None:
    plan = increment(goal(capability(target=date(2026, 11, 30))))
    found = forecasts(*OPEN, *DONE, plan=plan)
    assert found[FEATURES].until == datetime(2026, 12, 1, tzinfo=MIDWAY.tzinfo)
    assert found[GOAL].until == plan.ends_at
    assert (found[FEATURES].probability or 0) < (found[GOAL].probability or 0)
    late = forecasts(*OPEN, plan=increment(goal(capability(target=date(2026, 11, 1)))))[FEATURES]
    assert late.until == plan.ends_at
    assert any("2026-11-01 has passed" in note for note in late.assumptions)


def test_the_horizon_ends_at_midnight_where_the_plan_is() -> None:
    assert forecast_horizon(increment(timezone="America/New_York"), MIDWAY).until.hour == 5


def test_the_history_of_a_steady_team_raises_its_probabilities() -> None:
    calibrated = team_model(issues=planned())
    assert calibrated.candidate_weights[0] < 0.3
    uncalibrated = replace(calibrated, candidate_weights=team_model(issues=busy(weeks=10)).candidate_weights)
    higher, lower = (
        forecasts(*OPEN, *DONE, teams=(each,), opened=MIDWAY - 3 * DAY)[FEATURES].probability
        for each in (calibrated, uncalibrated)
    )
    assert (higher or 0) > (lower or 0) + 0.1


# ---- aging WIP


def test_open_issues_are_compared_with_finished_ones_of_their_team() -> None:
    flow = {
        **{
            ref(f"DS-{n}"): issue_flow(
                f"DS-{n}",
                created=MIDWAY - 90 * DAY,
                started=MIDWAY - 60 * DAY,
                finished=MIDWAY - (60 - n) * DAY,
            )
            for n in range(1, 21)
        },
        ref("DS-31"): issue_flow("DS-31", created=MIDWAY - 80 * DAY, started=MIDWAY - 30 * DAY),
        ref("DS-32"): issue_flow("DS-32", created=MIDWAY - 80 * DAY, started=MIDWAY - 17.5 * DAY),
        ref("DS-33"): issue_flow("DS-33", created=MIDWAY - 80 * DAY),
    }
    teams = dict.fromkeys(flow, "science")
    found = {each.ref.key: each for each in find_aging_issues(flow, teams, [*flow][20:], MIDWAY)}
    assert (found["DS-31"].band, found["DS-31"].percentile, found["DS-31"].age_days) == ("old", 100.0, 30.0)
    assert (found["DS-32"].band, found["DS-32"].percentile) == ("aging", 85.0)
    assert (found["DS-33"].band, found["DS-33"].age_days) == ("old", 80.0)


def test_too_few_finished_issues_give_no_age_band() -> None:
    flow = {ref("DS-31"): issue_flow("DS-31", created=MIDWAY - 80 * DAY, started=MIDWAY - 30 * DAY)}
    assert find_aging_issues(flow, {ref("DS-31"): "science"}, flow, MIDWAY) == ()
