"""Forecasts of capabilities, goals and teams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from mappings.model import Increment
from sync.forecast.fallbacks import goal_reason, unfinished_required
from sync.forecast.horizon import ForecastHorizon, forecast_horizon
from sync.forecast.joint_model import (
    all_closed_probability,
    closed_count_distribution,
    combine_groups,
    completion_days,
    count_quantiles,
)
from sync.forecast.remaining_work import ForecastInputs, RemainingWork, remaining_work_of
from sync.forecast.throughput_model import throughput_distribution
from sync.model.forecast import FINISH_PROBABILITIES, QUANTILES, Forecast
from sync.model.rollup import GoalRollup, IncrementRollup

MIN_PROBABILITY: Final = 0.05
MAX_PROBABILITY: Final = 0.95
"""Bounds of the probability of open work: no history is long enough to support more certainty."""


def build_forecasts(
    rollup: IncrementRollup, increment: Increment, inputs: ForecastInputs
) -> tuple[Forecast, ...]:
    """Forecast each goal of an increment followed by its capabilities, then the teams. Cancelled ones are left out."""
    found: list[Forecast] = []
    horizon = forecast_horizon(increment, inputs.at)
    zone = ZoneInfo(increment.timezone)
    for goal in (each for each in rollup.goals if each.state != "cancelled"):
        works = [
            remaining_work_of(each, increment, inputs) for each in goal.capabilities if not each.cancelled
        ]
        found.append(_goal_forecast(goal, works, horizon, zone))
        found += [
            _forecast(each.capability.subject, each.horizon, [each], each.reason, zone) for each in works
        ]
    teams = {team for each in rollup.capabilities for team in (each.team, *each.teams)}
    found += [_team_forecast(name, inputs, horizon) for name in sorted(teams)]
    return tuple(found)


def _goal_forecast(
    goal: GoalRollup, works: Sequence[RemainingWork], horizon: ForecastHorizon, zone: ZoneInfo
) -> Forecast:
    """Forecast that all required capabilities of a goal are done: their open issues as one group.

    The common factor correlates them: the probability is at most that of the least probable capability, and more than
    the product of independent ones.
    """
    by_id = {work.capability.id: work for work in works}
    reason = goal_reason(goal, {name: work.reason for name, work in by_id.items()})
    unfinished = [by_id[each.id] for each in unfinished_required(goal)]
    return _forecast(goal.subject, horizon, unfinished, reason, zone)


def _forecast(
    subject: str, horizon: ForecastHorizon, works: Sequence[RemainingWork], reason: str | None, zone: ZoneInfo
) -> Forecast:
    base = Forecast(
        subject=subject,
        at=horizon.at,
        until=horizon.until,
        remaining=sum(work.remaining for work in works),
        reason=reason,
        assumptions=tuple(dict.fromkeys(_notes(works))),
    )
    if (
        not base.remaining
        and all(work.capability.state != "empty" for work in works)
        and (works or not reason)
    ):
        return _completed_forecast(base, zone)
    return base if reason else _predicted_forecast(base, horizon, works, zone)


def _notes(works: Sequence[RemainingWork]) -> Iterator[str]:
    """Yield the notes of all capabilities; with more than one, each note names its capability."""
    for work in works:
        prefix = f"{work.capability.id}: " if len(works) > 1 else ""
        yield from (prefix + note for note in work.notes)


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
    weights = np.sum([work.weights * work.remaining for work in works], axis=0) / base.remaining
    probabilities = combine_groups(work.close_probabilities(horizon.days) for work in works)
    counts = count_quantiles(weights @ closed_count_distribution(probabilities), QUANTILES)
    all_closed = float(weights @ all_closed_probability(probabilities))
    completion = np.prod([work.completion for work in works], axis=0)
    days = completion_days(completion, weights, FINISH_PROBABILITIES)
    return replace(
        base,
        counts=tuple(zip(QUANTILES, counts, strict=True)),
        finish=tuple(
            (probability, _completion_day(horizon, each, zone))
            for probability, each in zip(FINISH_PROBABILITIES, days, strict=True)
        ),
        probability=min(max(all_closed, MIN_PROBABILITY), MAX_PROBABILITY),
    )


def _completion_day(horizon: ForecastHorizon, days: float | None, zone: ZoneInfo) -> date | None:
    if days is None:
        return None
    return (horizon.at + timedelta(days=horizon.days_until_start + days)).astimezone(zone).date()


def _team_forecast(name: str, inputs: ForecastInputs, horizon: ForecastHorizon) -> Forecast:
    """Forecast how many issues a whole team closes, whatever they count towards. It has no completion date."""
    model, insufficient = inputs.team_models.get(name), inputs.insufficient_data(name)
    base = Forecast(
        subject=f"team:{name}",
        at=horizon.at,
        until=horizon.until,
        remaining=0 if model is None else len(model.history.open_issue_ages),
        reason=f"not enough history: {insufficient}" if insufficient else "a team's work is never completed",
        assumptions=(*horizon.notes, *(model.notes if model else ())),
    )
    if model is None or insufficient or horizon.has_ended:
        return replace(base, reason="the increment is over") if horizon.has_ended else base
    distribution = throughput_distribution(model.history, model.pace.hazards, horizon.days)
    counts = distribution.scale_variance(model.variance_factor).quantiles(np.array(QUANTILES))
    return replace(base, counts=tuple(zip(QUANTILES, map(int, counts), strict=True)))
