"""Forecasts of capabilities, goals and teams, made of what their issues and teams went through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from mappings.model import Increment
from sync.forecast.completion_date import completion_days
from sync.forecast.horizon import ForecastHorizon, forecast_horizon
from sync.forecast.joint_model import (
    all_closed_probability,
    closed_count_distribution,
    combine_groups,
    count_quantiles,
)
from sync.forecast.remaining_work import ForecastInputs, RemainingWork, remaining_work_of
from sync.forecast.team_model import TeamModel
from sync.forecast.throughput_model import throughput_distribution
from sync.model.forecast import FINISH_PROBABILITIES, QUANTILES, Forecast
from sync.model.rollup import GoalRollup, IncrementRollup

MIN_PROBABILITY: Final = 0.05
MAX_PROBABILITY: Final = 0.95
"""What is not done yet is never said to be surer than this: no history is long enough to know more."""


def build_forecasts(
    rollup: IncrementRollup, increment: Increment, inputs: ForecastInputs
) -> tuple[Forecast, ...]:
    """Each goal of an increment followed by its capabilities, then the teams; what is cancelled is left out."""
    found: list[Forecast] = []
    horizon = forecast_horizon(increment, inputs.at)
    zone = ZoneInfo(increment.timezone)
    for goal in (each for each in rollup.goals if each.state != "cancelled"):
        rests = [
            remaining_work_of(each, increment, inputs) for each in goal.capabilities if not each.cancelled
        ]
        found.append(_goal_forecast(goal, rests, horizon, zone))
        found += [
            _forecast(rest.capability.subject, rest.horizon, [rest], rest.reason, zone) for rest in rests
        ]
    teams = {team for goal in rollup.goals for each in goal.capabilities for team in (each.team, *each.teams)}
    found += [_team_forecast(name, inputs.team_models.get(name), horizon) for name in sorted(teams)]
    return tuple(found)


def _goal_forecast(
    goal: GoalRollup, works: Sequence[RemainingWork], horizon: ForecastHorizon, zone: ZoneInfo
) -> Forecast:
    """That all its required capabilities are done: their open issues taken together, with luck that goes together.

    The chance is at most that of the worst capability, and more than if they had nothing to do with each other.
    """
    required = [rest for rest in works if rest.capability.required]
    open_ones = [rest for rest in required if not rest.capability.finished]
    reason = None if required else "it has no required capability"
    unknown = [rest for rest in open_ones if rest.reason]
    if unknown:
        reason = "; ".join(f"{rest.capability.id}: {rest.reason}" for rest in unknown)
    return _forecast(goal.subject, horizon, open_ones, reason, zone)


def _forecast(
    subject: str, horizon: ForecastHorizon, works: Sequence[RemainingWork], reason: str | None, zone: ZoneInfo
) -> Forecast:
    remaining = sum(rest.remaining for rest in works)
    told = Forecast(
        subject=subject,
        at=horizon.at,
        until=horizon.until,
        remaining=remaining,
        reason=reason,
        assumptions=tuple(dict.fromkeys(_notes(works))),
    )
    if not remaining and all(rest.capability.state != "empty" for rest in works) and (works or not reason):
        return _completed_forecast(told, zone)
    return told if reason else _predicted_forecast(told, horizon, works, zone)


def _notes(works: Sequence[RemainingWork]) -> Iterator[str]:
    """What a goal's figures rest on says which capability it is about."""
    if len(works) == 1:
        yield from works[0].notes
    for rest in works if len(works) > 1 else ():
        yield from (f"{rest.capability.id}: {note}" for note in rest.notes)


def _completed_forecast(base: Forecast, zone: ZoneInfo) -> Forecast:
    today = base.at.astimezone(zone).date()
    return replace(
        base,
        counts=tuple((quantile, 0) for quantile in QUANTILES),
        finish=tuple((probability, today) for probability in FINISH_PROBABILITIES),
        probability=1.0,
        reason=None,
    )


def _predicted_forecast(
    base: Forecast, horizon: ForecastHorizon, works: Sequence[RemainingWork], zone: ZoneInfo
) -> Forecast:
    beliefs = np.sum([rest.weights * rest.remaining for rest in works], axis=0) / base.remaining
    chances = combine_groups(rest.close_probabilities(horizon.days) for rest in works)
    counts = count_quantiles(beliefs @ closed_count_distribution(chances), QUANTILES)
    chance = float(beliefs @ all_closed_probability(chances))
    reach = np.prod([rest.completion for rest in works], axis=0)
    days = completion_days(reach, beliefs, FINISH_PROBABILITIES)
    return replace(
        base,
        counts=tuple(zip(QUANTILES, counts, strict=True)),
        finish=tuple(
            (probability, _completion_day(horizon, each, zone))
            for probability, each in zip(FINISH_PROBABILITIES, days, strict=True)
        ),
        probability=min(max(chance, MIN_PROBABILITY), MAX_PROBABILITY),
    )


def _completion_day(horizon: ForecastHorizon, days: float | None, zone: ZoneInfo) -> date | None:
    if days is None:
        return None
    return (horizon.at + timedelta(days=horizon.days_until_start + days)).astimezone(zone).date()


def _team_forecast(name: str, model: TeamModel | None, horizon: ForecastHorizon) -> Forecast:
    """How many issues the whole team closes, whatever they count towards. A team's work has no end to reach."""
    thin = f"{name} has no history, at least 4 weeks are needed" if model is None else model.insufficient_data
    told = Forecast(
        subject=f"team:{name}",
        at=horizon.at,
        until=horizon.until,
        remaining=0 if model is None else len(model.history.open_ages),
        reason=f"thin history: {thin}" if thin else "a team's work has no end that could be reached",
        assumptions=(*horizon.notes, *(model.notes if model else ())),
    )
    if model is None or thin or horizon.has_ended:
        return replace(told, reason="the increment is over") if horizon.has_ended else told
    law = throughput_distribution(model.history, model.pace.hazards, horizon.days).scale_variance(
        model.variance_factor
    )
    counts = law.quantiles(np.array(QUANTILES))
    return replace(told, counts=tuple(zip(QUANTILES, map(int, counts), strict=True)))
