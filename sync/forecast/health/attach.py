"""Attach expectations to a roll-up, so that all readers find them in one place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from sync.model.health import Expectation
from sync.model.rollup import CapabilityRollup, GoalRollup, Rollup

_Subject = TypeVar("_Subject", CapabilityRollup, GoalRollup)


def attach_expectations(rollup: Rollup, expectations: Mapping[str, Expectation]) -> Rollup:
    """Return the roll-up with health and forecast. Finished, cancelled and past subjects get none."""
    if not expectations:
        return rollup
    return replace(
        rollup,
        increments=tuple(
            increment
            if increment.phase in ("grace", "closed")
            else replace(
                increment, goals=tuple(_attach_to_goal(goal, expectations) for goal in increment.goals)
            )
            for increment in rollup.increments
        ),
    )


def _attach_to_goal(goal: GoalRollup, expectations: Mapping[str, Expectation]) -> GoalRollup:
    over = goal.state in ("done", "missed", "cancelled")
    return replace(
        _attach(goal, expectations, over=over),
        capabilities=tuple(
            _attach(each, expectations, over=each.cancelled or each.finished) for each in goal.capabilities
        ),
    )


def _attach(subject: _Subject, expectations: Mapping[str, Expectation], *, over: bool) -> _Subject:
    found = None if over else expectations.get(subject.subject)
    return replace(subject, expected=found, health=found.health if found else None)
