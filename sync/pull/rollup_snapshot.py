"""The figures of a roll-up that are kept from run to run: a small JSON value for each capability and goal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sync.model.rollup import CapabilityRollup, GoalRollup, Rollup


def rollup_snapshot(rollup: Rollup) -> dict[str, dict[str, Any]]:
    """By subject (``capability:<id>``, ``goal:<id>``), each goal before its capabilities."""
    figures: dict[str, dict[str, Any]] = {}
    for goal in rollup.goals:
        figures[goal.subject] = _goal_snapshot(goal)
        figures |= {capability.subject: _capability_snapshot(capability) for capability in goal.capabilities}
    return figures


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
    """``2 of 6 issues done, 3 doing, 1 to do``; a status that nobody knows counts as to do."""
    open_ones = {"doing": counts["doing"], "to do": counts["todo"] + counts["unknown"]}
    scope = counts["done"] + sum(open_ones.values())
    if not scope:
        return "no issue in scope"
    parts = [f"{number} {name}" for name, number in open_ones.items() if number]
    parts += [f"{counts['dropped']} dropped"] if counts["dropped"] else []
    return ", ".join([f"{counts['done']} of {scope} issues done", *parts])
