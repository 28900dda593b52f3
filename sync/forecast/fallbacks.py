"""Forecasts that need no calculation: not enough history, nothing left to do, or no time left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mappings.model import Increment
from sync.forecast.horizon import forecast_horizon
from sync.model.forecast import Forecast
from sync.model.rollup import CapabilityRollup, GoalRollup, IncrementRollup


def fallback_forecasts(
    rollup: IncrementRollup, increment: Increment, at: datetime, reason_for: Callable[[str], str]
) -> tuple[Forecast, ...]:
    """Return the forecasts of goals and capabilities as ``build_forecasts`` does, without numbers and teams.

    ``reason_for``: returns the reason why a team has no forecast.
    """
    found: list[Forecast] = []
    for goal in (each for each in rollup.goals if each.state != "cancelled"):
        parts = [
            _capability_forecast(each, increment, at, reason_for)
            for each in goal.capabilities
            if not each.cancelled
        ]
        found += [_goal_forecast(goal, parts, increment, at), *parts]
    return tuple(found)


def _capability_forecast(
    capability: CapabilityRollup, increment: Increment, at: datetime, reason_for: Callable[[str], str]
) -> Forecast:
    horizon = forecast_horizon(increment, at, capability.target)
    teams = sorted({issue.team for issue in capability.issues if issue.state.state in ("todo", "doing")})
    reason: str | None = "; ".join(map(reason_for, teams))
    if capability.state == "empty":
        reason = empty_reason(capability)
    elif not teams:
        reason = None
    elif horizon.has_ended:
        reason = "the increment is over"
    return Forecast(
        subject=capability.subject,
        at=at,
        until=horizon.until,
        remaining=capability.counts.remaining,
        probability=None if reason else 1.0,
        reason=reason,
    )


def empty_reason(capability: CapabilityRollup) -> str:
    """Return the reason why an empty capability has no forecast: its work is not known yet, so it is not done."""
    return "all its issues were dropped" if capability.issues else "it has no issues yet"


def _goal_forecast(goal: GoalRollup, parts: list[Forecast], increment: Increment, at: datetime) -> Forecast:
    by_subject = {part.subject: part for part in parts}
    required = [each for each in goal.capabilities if each.required and not each.cancelled]
    unfinished = [each for each in required if not each.finished]
    unknown = [each for each in unfinished if by_subject[each.subject].reason]
    reason = "; ".join(f"{each.id}: {by_subject[each.subject].reason}" for each in unknown) or None
    if not required:
        reason = "it has no required capability"
    return Forecast(
        subject=goal.subject,
        at=at,
        until=increment.ends_at,
        remaining=sum(each.counts.remaining for each in unfinished),
        probability=None if reason else 1.0,
        reason=reason,
    )
