"""Forecasts of capabilities, goals and teams, made of what their issues and teams went through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from mappings.model import Increment
from sync.forecast.completion_date import finish_days
from sync.forecast.horizon import Horizon, horizon_of
from sync.forecast.joint_model import chance_of_all, count_chances, joint, quantiles_of
from sync.forecast.remaining_work import Material, Rest, rest_of
from sync.forecast.team_model import TeamPast
from sync.forecast.throughput_model import count_law
from sync.model.forecast import FINISH_PROBABILITIES, QUANTILES, Forecast
from sync.model.rollup import GoalRollup, IncrementRollup

LEAST_CHANCE: Final = 0.05
MOST_CHANCE: Final = 0.95
"""What is not done yet is never said to be surer than this: no history is long enough to know more."""


def forecasts_of(rollup: IncrementRollup, increment: Increment, material: Material) -> tuple[Forecast, ...]:
    """Each goal of an increment followed by its capabilities, then the teams; what is cancelled is left out."""
    found: list[Forecast] = []
    horizon = horizon_of(increment, material.at)
    zone = ZoneInfo(increment.timezone)
    for goal in (each for each in rollup.goals if each.state != "cancelled"):
        rests = [rest_of(each, increment, material) for each in goal.capabilities if not each.cancelled]
        found.append(_of_goal(goal, rests, horizon, zone))
        found += [
            _forecast(rest.capability.subject, rest.horizon, [rest], rest.reason, zone) for rest in rests
        ]
    teams = {team for goal in rollup.goals for each in goal.capabilities for team in (each.team, *each.teams)}
    found += [_of_team(name, material.teams.get(name), horizon) for name in sorted(teams)]
    return tuple(found)


def _of_goal(goal: GoalRollup, rests: Sequence[Rest], horizon: Horizon, zone: ZoneInfo) -> Forecast:
    """That all its required capabilities are done: their open issues taken together, with luck that goes together.

    The chance is at most that of the worst capability, and more than if they had nothing to do with each other.
    """
    required = [rest for rest in rests if rest.capability.required]
    open_ones = [rest for rest in required if not rest.capability.finished]
    reason = None if required else "it has no required capability"
    unknown = [rest for rest in open_ones if rest.reason]
    if unknown:
        reason = "; ".join(f"{rest.capability.id}: {rest.reason}" for rest in unknown)
    return _forecast(goal.subject, horizon, open_ones, reason, zone)


def _forecast(
    subject: str, horizon: Horizon, rests: Sequence[Rest], reason: str | None, zone: ZoneInfo
) -> Forecast:
    remaining = sum(rest.remaining for rest in rests)
    told = Forecast(
        subject=subject,
        at=horizon.at,
        until=horizon.until,
        remaining=remaining,
        reason=reason,
        assumptions=tuple(dict.fromkeys(_notes(rests))),
    )
    if not remaining and all(rest.capability.state != "empty" for rest in rests) and (rests or not reason):
        return _done(told, zone)
    return told if reason else _expected(told, horizon, rests, zone)


def _notes(rests: Sequence[Rest]) -> Iterator[str]:
    """What a goal's figures rest on says which capability it is about."""
    if len(rests) == 1:
        yield from rests[0].notes
    for rest in rests if len(rests) > 1 else ():
        yield from (f"{rest.capability.id}: {note}" for note in rest.notes)


def _done(told: Forecast, zone: ZoneInfo) -> Forecast:
    today = told.at.astimezone(zone).date()
    return replace(
        told,
        counts=tuple((quantile, 0) for quantile in QUANTILES),
        finish=tuple((probability, today) for probability in FINISH_PROBABILITIES),
        probability=1.0,
        reason=None,
    )


def _expected(told: Forecast, horizon: Horizon, rests: Sequence[Rest], zone: ZoneInfo) -> Forecast:
    beliefs = np.sum([rest.beliefs * rest.remaining for rest in rests], axis=0) / told.remaining
    chances = joint(rest.chances(horizon.days) for rest in rests)
    counts = quantiles_of(beliefs @ count_chances(chances), QUANTILES)
    chance = float(beliefs @ chance_of_all(chances))
    reach = np.prod([rest.reach for rest in rests], axis=0)
    days = finish_days(reach, beliefs, FINISH_PROBABILITIES)
    return replace(
        told,
        counts=tuple(zip(QUANTILES, counts, strict=True)),
        finish=tuple(
            (probability, _day_after(horizon, each, zone))
            for probability, each in zip(FINISH_PROBABILITIES, days, strict=True)
        ),
        probability=min(max(chance, LEAST_CHANCE), MOST_CHANCE),
    )


def _day_after(horizon: Horizon, days: float | None, zone: ZoneInfo) -> date | None:
    if days is None:
        return None
    return (horizon.at + timedelta(days=horizon.wait + days)).astimezone(zone).date()


def _of_team(name: str, team: TeamPast | None, horizon: Horizon) -> Forecast:
    """How many issues the whole team closes, whatever they count towards. A team's work has no end to reach."""
    thin = f"{name} has no history, at least 4 weeks are needed" if team is None else team.thin
    told = Forecast(
        subject=f"team:{name}",
        at=horizon.at,
        until=horizon.until,
        remaining=0 if team is None else len(team.past.open_ages),
        reason=f"thin history: {thin}" if thin else "a team's work has no end that could be reached",
        assumptions=(*horizon.notes, *(team.notes if team else ())),
    )
    if team is None or thin or horizon.over:
        return replace(told, reason="the increment is over") if horizon.over else told
    law = count_law(team.past, team.team.hazards, horizon.days).spread_by(team.spread)
    counts = law.quantiles(np.array(QUANTILES))
    return replace(told, counts=tuple(zip(QUANTILES, map(int, counts), strict=True)))
