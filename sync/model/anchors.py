"""Anchors of capabilities and goals, and the owners of their status comments."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.model import Anchor, Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentOwner:
    """Increment of a capability or goal, and the teams that its status comment is about.

    Saved with the comment, because the plans may stop to name its subject.
    """

    increment: str
    teams: tuple[str, ...]


def anchors_by_subject(workspace: Workspace) -> dict[str, Anchor]:
    """Return subject -> anchor for everything that the plans name."""
    found = {}
    for increment in workspace.increments:
        for goal in increment.goals:
            found[f"goal:{goal.id}"] = goal.anchor
            found.update({f"capability:{each.id}": each.anchor for each in goal.capabilities})
    return {subject: anchor for subject, anchor in found.items() if anchor}


def comment_owners(workspace: Workspace) -> dict[str, CommentOwner]:
    """Return subject -> owner for everything that the plans name."""
    found: dict[str, CommentOwner] = {}
    for increment in workspace.increments:
        for goal in increment.goals:
            teams = tuple(sorted({capability.team for capability in goal.capabilities}))
            found[f"goal:{goal.id}"] = CommentOwner(increment=increment.id, teams=teams)
            for capability in goal.capabilities:
                found[f"capability:{capability.id}"] = CommentOwner(
                    increment=increment.id, teams=(capability.team,)
                )
    return found


def list_anchors(workspace: Workspace) -> tuple[Anchor, ...]:
    """Return every anchor of the plans once."""
    found = [
        anchor
        for increment in workspace.increments
        for goal in increment.goals
        for anchor in (goal.anchor, *(capability.anchor for capability in goal.capabilities))
        if anchor
    ]
    return tuple(dict.fromkeys(found))
