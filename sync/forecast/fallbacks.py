"""Forecasts that need no calculation: not enough history, nothing left to do, or no time left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
        active = [each for each in goal.capabilities if not each.cancelled]
        parts = {each.id: _capability_forecast(each, increment, at, reason_for) for each in active}
        reason = goal_reason(goal, {name: part.reason for name, part in parts.items()})
        whole = Forecast(
            subject=goal.subject,
            at=at,
            until=increment.ends_at,
            remaining=sum(each.counts.remaining for each in unfinished_required(goal)),
            probability=None if reason else 1.0,
            reason=reason,
        )
        found += [whole, *parts.values()]
    return tuple(found)


def _capability_forecast(
    capability: CapabilityRollup, increment: Increment, at: datetime, reason_for: Callable[[str], str]
) -> Forecast:
    horizon = forecast_horizon(increment, at, capability.target)
    teams = sorted({issue.team for issue in capability.issues if issue.is_open})
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


def unfinished_required(goal: GoalRollup) -> list[CapabilityRollup]:
    """Return the capabilities that a goal still needs: required, neither cancelled nor finished."""
    return [each for each in goal.capabilities if each.required and not each.cancelled and not each.finished]


def goal_reason(goal: GoalRollup, reasons: Mapping[str, str | None]) -> str | None:
    """Return why a goal has no forecast. ``reasons``: the same by id of its capabilities."""
    if not any(each.required and not each.cancelled for each in goal.capabilities):
        return "it has no required capability"
    return (
        "; ".join(f"{each.id}: {reasons[each.id]}" for each in unfinished_required(goal) if reasons[each.id])
        or None
    )
