"""Attach expectations to a roll-up, so that all readers find them in one place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sync.model.health import Expectation
from sync.model.rollup import CapabilityRollup, GoalRollup, Rollup


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
    over = capability.cancelled or capability.finished
    found = None if over else expectations.get(capability.subject)
    return replace(capability, expected=found, health=found.health if found else None)
