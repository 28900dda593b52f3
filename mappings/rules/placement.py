"""Which capability an issue belongs to once the dates of increments are looked at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from connectors.model import Issue
from mappings.model import Capability, Increment, IssueState, Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """Where an issue ends up that was meant for a capability."""

    kind: Literal["home", "old", "homeless"]
    """``old``: finished before the increment began. ``homeless``: its increment is closed for good."""
    capability: Capability
    increment: Increment


@dataclass(frozen=True, kw_only=True, slots=True)
class _CapabilityDates:
    """A capability's moments, and the ways to land there, which are asked for again and again."""

    starts_at: datetime
    closes_at: datetime
    closed: bool
    current: Placement
    finished_before: Placement
    without_successor: Placement


def finished_at(issue: Issue, state: IssueState) -> datetime | None:
    """When the issue was finished (UTC); None while it is open.

    Without a closing time, the last change is the latest moment at which it can have been.
    """
    if state.state in ("todo", "doing"):
        return None
    return issue.closed or issue.updated


class CapabilityTimeline:
    """The capabilities of a workspace at one moment (aware)."""

    def __init__(self, workspace: Workspace, now: datetime) -> None:
        self._now = now
        self._dates: dict[str, _CapabilityDates] = {}
        self._successors: dict[str, str] = {}
        self._current_ids: dict[str, str] = {}
        for increment in workspace.increments:
            for capability in increment.capabilities:
                self._add(increment, capability)
        self._first_start = min((each.starts_at for each in workspace.increments), default=None)
        running = [each for each in workspace.increments if each.phase(now) in ("active", "grace")]
        self._running = [(each.starts_at, each.ends_at) for each in running]

    def _add(self, increment: Increment, capability: Capability) -> None:
        home = Placement(kind="home", capability=capability, increment=increment)
        self._dates[capability.id] = _CapabilityDates(
            starts_at=increment.starts_at,
            closes_at=increment.closes_at,
            closed=increment.phase(self._now) == "closed",
            current=home,
            finished_before=replace(home, kind="old"),
            without_successor=replace(home, kind="homeless"),
        )
        if capability.continues is not None:
            self._successors.setdefault(capability.continues, capability.id)
        for old in capability.previously:
            self._current_ids.setdefault(old, capability.id)

    def current_id(self, name: str) -> str | None:
        """The id that a capability has now, for its own id or a former one; None when there is none."""
        if name in self._dates:
            return name
        return self._current_ids.get(name)

    def place(self, capability_id: str, issue: Issue, state: IssueState) -> Placement:
        """Follow ``continues`` from closed increments to where the issue belongs."""
        finished = finished_at(issue, state)
        seen: set[str] = set()
        current = capability_id
        while True:
            place = self._dates[current]
            if finished is not None and finished < place.starts_at:
                return place.finished_before
            if not place.closed or (finished is not None and finished < place.closes_at):
                return place.current
            seen.add(current)
            successor = self._successors.get(current)
            if successor is None or successor in seen:
                return place.without_successor
            current = successor

    def closed_over(self, named: str, landing: Placement, issue: Issue) -> tuple[Capability, ...]:
        """The capabilities from the named one to where the issue landed whose increment closed over it: it was there
        already, and not finished."""
        found = []
        current = named
        while current != landing.capability.id or landing.kind == "homeless":
            place = self._dates[current]
            if issue.created < place.closes_at:
                found.append(place.current.capability)
            if current == landing.capability.id:
                break
            current = self._successors[current]
        return tuple(found)

    def is_before_all_increments(self, moment: datetime) -> bool:
        """Whether what was finished then belongs to no increment of the plans."""
        return self._first_start is not None and moment < self._first_start

    def is_current(self, issue: Issue, state: IssueState) -> bool:
        """Under way, or created or finished in a running increment; dropped work only when finished there."""
        if state.state == "doing":
            return True
        finished = finished_at(issue, state)
        if finished is not None and self._is_in_running(finished):
            return True
        return state.state != "dropped" and self._is_in_running(issue.created)

    def _is_in_running(self, moment: datetime) -> bool:
        return any(start <= moment < end for start, end in self._running)
