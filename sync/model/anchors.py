"""Capabilities and goals of the plans with their anchors, and the owners of their status comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connectors.model import KnownIssue
from mappings.model import Anchor, Increment, Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedSubject:
    """A capability or goal of the plans."""

    name: str
    """``capability:<id>`` or ``goal:<id>``."""
    increment: Increment
    anchor: Anchor | None
    teams: tuple[str, ...]
    """The team of a capability; the teams of a goal's capabilities by name."""
    capability_team: str | None = None
    """Team that sets prefix and color: the team of a capability; None for a goal, which has those of the
    organization."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentOwner:
    """Increment of a capability or goal, and the teams that its status comment is about.

    Saved with the comment, because the plans may stop to name its subject.
    """

    increment: str
    teams: tuple[str, ...]


def planned_subjects(workspace: Workspace) -> Iterator[PlannedSubject]:
    """Return each goal of the plans, followed by its capabilities."""
    for increment in workspace.increments:
        for goal in increment.goals:
            teams = tuple(sorted({each.team for each in goal.capabilities}))
            yield PlannedSubject(name=f"goal:{goal.id}", increment=increment, anchor=goal.anchor, teams=teams)
            for each in goal.capabilities:
                yield PlannedSubject(
                    name=f"capability:{each.id}",
                    increment=increment,
                    anchor=each.anchor,
                    teams=(each.team,),
                    capability_team=each.team,
                )


def anchors_by_subject(workspace: Workspace) -> dict[str, Anchor]:
    """Return subject -> anchor for every subject that has one."""
    return {each.name: each.anchor for each in planned_subjects(workspace) if each.anchor}


def comment_owners(workspace: Workspace) -> dict[str, CommentOwner]:
    """Return subject -> owner for everything that the plans name."""
    return {
        each.name: CommentOwner(increment=each.increment.id, teams=each.teams)
        for each in planned_subjects(workspace)
    }


def issues_by_place(known: Iterable[KnownIssue]) -> dict[tuple[str, str], KnownIssue]:
    """Return (tracker, key in lower case) -> issue, also by former keys that no other issue of a source has now.

    ``Anchor.place`` is such a place.
    """
    issues = list(known)
    current = {(each.issue.ref.tracker, each.issue.ref.key.lower()): each for each in issues}
    former = {(each.issue.ref.tracker, key.lower()): each for each in issues for key in each.former_keys}
    kept = (place for place, each in current.items() if each.sources and not each.vanished)
    return current | former | {place: current[place] for place in kept if place in former}


def list_anchors(workspace: Workspace) -> tuple[Anchor, ...]:
    """Return every anchor of the plans once."""
    return tuple(dict.fromkeys(anchors_by_subject(workspace).values()))
