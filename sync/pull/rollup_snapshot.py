"""JSON snapshot of a roll-up, saved by every run to compare later ones with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from connectors.wording import pluralize
from sync.model.rollup import CapabilityRollup, Rollup

_GOAL_FIELDS: Final = (
    *("title", "increment", "commitment", "state", "health", "required_done", "required_total"),
)
_CAPABILITY_FIELDS: Final = (
    *("title", "increment", "goal", "team", "state", "health", "blocked", "released"),
)


def rollup_snapshot(rollup: Rollup) -> dict[str, dict[str, Any]]:
    """Return subject (``capability:<id>``, ``goal:<id>``) -> JSON value, each goal before its capabilities."""
    snapshot: dict[str, dict[str, Any]] = {}
    for goal in rollup.goals:
        snapshot[goal.subject] = {
            **{name: getattr(goal, name) for name in _GOAL_FIELDS},
            "counts": asdict(goal.counts),
        }
        snapshot |= {capability.subject: _capability_snapshot(capability) for capability in goal.capabilities}
    return snapshot


def _capability_snapshot(capability: CapabilityRollup) -> dict[str, Any]:
    return {
        **{name: getattr(capability, name) for name in _CAPABILITY_FIELDS},
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
    return ", ".join([f"{counts['done']} of {pluralize(scope, 'issue')} done", *parts])
