"""Facts of the plans that are recorded, so that later runs can compare plans. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mappings.model import Capability, Goal, Increment, Workspace
from sync.model.attribution import PlanFacts
from sync.model.renames import current_names


def plan_facts(
    workspace: Workspace, at: datetime, run_id: str, recorded: PlanFacts | None = None
) -> PlanFacts:
    """Return increments, goals and capabilities by id, as small JSON values.

    Recorded renames stay, even if the plans no longer contain them.
    """
    body: dict[str, dict[str, dict[str, Any]]] = {"increments": {}, "goals": {}, "capabilities": {}}
    for increment in workspace.increments:
        body["increments"][increment.id] = {"start": f"{increment.start}", "end": f"{increment.end}"}
        for goal in increment.goals:
            body["goals"][goal.id] = _goal_facts(goal, increment)
            body["capabilities"] |= {
                each.id: _capability_facts(each, goal, increment) for each in goal.capabilities
            }
    names = _merge_names(recorded.names if recorded else {}, current_names(workspace), body)
    return PlanFacts(at=at, run_id=run_id, digest=workspace.digest, body=body, names=names)


def _merge_names(
    recorded: Mapping[str, str], current: Mapping[str, str], body: Mapping[str, Mapping[str, object]]
) -> dict[str, str]:
    """Return former subject -> newest name. A current name is never a former one."""
    known = {**recorded, **current}
    live = {f"goal:{each}" for each in body["goals"]} | {
        f"capability:{each}" for each in body["capabilities"]
    }
    return {old: _newest_name(old, known) for old in known if old not in live}


def _newest_name(name: str, known: Mapping[str, str]) -> str:
    visited = {name}
    while (newer := known.get(name)) is not None and newer not in visited:
        visited.add(newer)
        name = newer
    return name


def _goal_facts(goal: Goal, increment: Increment) -> dict[str, Any]:
    return {
        "title": goal.title,
        "increment": increment.id,
        "commitment": goal.commitment,
        "value": goal.value,
        "cancelled": goal.cancelled,
        "previously": list(goal.previously),
    }


def _capability_facts(capability: Capability, goal: Goal, increment: Increment) -> dict[str, Any]:
    return {
        "title": capability.title,
        "increment": increment.id,
        "goal": goal.id,
        "team": capability.team,
        "required": capability.required,
        "cancelled": capability.cancelled,
        "target": f"{capability.target}" if capability.target else None,
        "previously": list(capability.previously),
    }
