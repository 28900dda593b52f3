"""JSON snapshot of a roll-up, saved by every run to compare later ones with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sync.model.rollup import CapabilityRollup, GoalRollup, Rollup


def rollup_snapshot(rollup: Rollup) -> dict[str, dict[str, Any]]:
    """Return subject (``capability:<id>``, ``goal:<id>``) -> JSON value, each goal before its capabilities."""
    snapshot: dict[str, dict[str, Any]] = {}
    for goal in rollup.goals:
        snapshot[goal.subject] = _goal_snapshot(goal)
        snapshot |= {capability.subject: _capability_snapshot(capability) for capability in goal.capabilities}
    return snapshot


def _goal_snapshot(goal: GoalRollup) -> dict[str, Any]:
    return {
        "title": goal.title,
        "increment": goal.increment,
        "commitment": goal.commitment,
        "state": goal.state,
        "health": goal.health,
        "required_done": goal.required_done,
        "required_total": goal.required_total,
        "counts": asdict(goal.counts),
    }


def _capability_snapshot(capability: CapabilityRollup) -> dict[str, Any]:
    return {
        "title": capability.title,
        "increment": capability.increment,
        "goal": capability.goal,
        "team": capability.team,
        "state": capability.state,
        "health": capability.health,
        "blocked": capability.blocked,
        "released": capability.released,
        "counts": asdict(capability.counts),
        "iterations": {
            each.name: {"state": each.state, "counts": asdict(each.counts)} for each in capability.iterations
        },
        "uncertain": list(capability.uncertain),
        **({"not_proven": capability.not_proven} if capability.proof else {}),
    }


def describe_counts(counts: Mapping[str, int]) -> str:
    """Return for example ``2 of 6 issues done, 3 in progress, 1 to do``. Unknown statuses count as to do."""
    remaining = {"in progress": counts["doing"], "to do": counts["todo"] + counts["unknown"]}
    scope = counts["done"] + sum(remaining.values())
    if not scope:
        return "no issue in scope"
    parts = [f"{number} {name}" for name, number in remaining.items() if number]
    parts += [f"{counts['dropped']} dropped"] if counts["dropped"] else []
    return ", ".join([f"{counts['done']} of {scope} issues done", *parts])
