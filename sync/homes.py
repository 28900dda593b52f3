"""Where a status comment belongs: remembered with it, for the day when the plan names its subject no more."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.model import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Home:
    """The increment of a capability or goal, and the teams for which its comment speaks."""

    increment: str
    teams: tuple[str, ...]


def homes_of(workspace: Workspace) -> dict[str, Home]:
    """Subject -> home, for everything that the plans name."""
    found: dict[str, Home] = {}
    for increment in workspace.increments:
        for goal in increment.goals:
            teams = tuple(sorted({capability.team for capability in goal.capabilities}))
            found[f"goal:{goal.id}"] = Home(increment=increment.id, teams=teams)
            for capability in goal.capabilities:
                found[f"capability:{capability.id}"] = Home(increment=increment.id, teams=(capability.team,))
    return found
