"""Puts what is expected onto a roll-up, so that every reader finds it in the same place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sync.model.health import Expectation
from sync.model.rollup import CapabilityRollup, GoalRollup, Rollup


def attach_expectations(rollup: Rollup, expectations: Mapping[str, Expectation]) -> Rollup:
    """The roll-up with health and forecast. What is finished, cancelled or over has none, whatever was expected."""
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
    found = expectations.get(goal.subject)
    over = goal.state in ("done", "missed", "cancelled")
    return replace(
        goal,
        capabilities=tuple(_attach_to_capability(each, expectations) for each in goal.capabilities),
        expected=None if over else found,
        health=found.health if found and not over else None,
    )


def _attach_to_capability(
    capability: CapabilityRollup, expectations: Mapping[str, Expectation]
) -> CapabilityRollup:
    found = None if capability.cancelled or capability.finished else expectations.get(capability.subject)
    return replace(capability, expected=found, health=found.health if found else None)
