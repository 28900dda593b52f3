"""Puts what is expected onto a roll-up, so that every reader finds it in the same place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sync.model.health import Expected
from sync.model.rollup import CapabilityRollup, GoalRollup, Rollup


def with_expected(rollup: Rollup, expected: Mapping[str, Expected]) -> Rollup:
    """The roll-up with health and forecast. What is finished, cancelled or over has none, whatever was expected."""
    if not expected:
        return rollup
    return replace(
        rollup,
        increments=tuple(
            increment
            if increment.phase in ("grace", "closed")
            else replace(increment, goals=tuple(_goal(goal, expected) for goal in increment.goals))
            for increment in rollup.increments
        ),
    )


def _goal(goal: GoalRollup, expected: Mapping[str, Expected]) -> GoalRollup:
    found = expected.get(goal.subject)
    over = goal.state in ("done", "missed", "cancelled")
    return replace(
        goal,
        capabilities=tuple(_capability(each, expected) for each in goal.capabilities),
        expected=None if over else found,
        health=found.health if found and not over else None,
    )


def _capability(capability: CapabilityRollup, expected: Mapping[str, Expected]) -> CapabilityRollup:
    found = None if capability.cancelled or capability.finished else expected.get(capability.subject)
    return replace(capability, expected=found, health=found.health if found else None)
