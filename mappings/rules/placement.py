"""Placement of issues in capabilities by the dates of their increments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

from connectors.model import Issue
from mappings.model import Capability, Increment, IssueState, Workspace
from mappings.rules.flow_state import StateResolver


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """Capability and increment in which an issue is placed."""

    kind: Literal["current", "finished-before", "no-successor"]
    """``current``: in this increment. ``finished-before``: finished before the increment started.
    ``no-successor``: the increment is closed and nothing continues the capability."""
    capability: Capability
    increment: Increment


@dataclass(frozen=True, kw_only=True, slots=True)
class _CapabilityDates:
    """Dates of a capability and its possible placements."""

    starts_at: datetime
    closes_at: datetime
    closed: bool
    current: Placement
    finished_before: Placement
    without_successor: Placement


class ClosingTimes(Protocol):
    """Times at which issues were closed, in the words of a team."""

    def closed_at(self, issue: Issue, states: StateResolver, *, experiment: bool) -> datetime | None:
        """Return when an issue that is closed for the team was closed last (UTC); None if nothing says when."""


class TrackerClosingTimes:
    """The tracker's own closing times, where no history is at hand. An update is no closing."""

    def closed_at(self, issue: Issue, states: StateResolver, *, experiment: bool) -> datetime | None:
        del states, experiment
        return issue.closed


def earliest_close(issue: Issue, state: IssueState, closed: datetime | None) -> datetime | None:
    """Return the earliest possible closing (UTC) of an issue; None while it is open.

    An unknown one was not before the creation.
    """
    return None if state.is_open else closed or issue.created


class CapabilityTimeline:
    """Capabilities of a workspace at a given time (aware)."""

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
        current = Placement(kind="current", capability=capability, increment=increment)
        self._dates[capability.id] = _CapabilityDates(
            starts_at=increment.starts_at,
            closes_at=increment.closes_at,
            closed=increment.phase(self._now) == "closed",
            current=current,
            finished_before=replace(current, kind="finished-before"),
            without_successor=replace(current, kind="no-successor"),
        )
        if capability.continues is not None:
            self._successors.setdefault(capability.continues, capability.id)
        for old in capability.previously:
            self._current_ids.setdefault(old, capability.id)

    def current_id(self, name: str) -> str | None:
        """Return the current id for a current or former id; None if unknown."""
        if name in self._dates:
            return name
        return self._current_ids.get(name)

    def place(self, capability_id: str, finished: datetime | None) -> Placement:
        """Place an issue, following ``continues`` from closed increments.

        ``finished``: earliest possible closing; None while it is open.
        """
        visited: set[str] = set()
        current = capability_id
        while True:
            dates = self._dates[current]
            if finished is not None and finished < dates.starts_at:
                return dates.finished_before
            if not dates.closed or (finished is not None and finished < dates.closes_at):
                return dates.current
            visited.add(current)
            successor = self._successors.get(current)
            if successor is None or successor in visited:
                return dates.without_successor
            current = successor

    def closed_over(self, named: str, placement: Placement, issue: Issue) -> tuple[Capability, ...]:
        """Return the capabilities, from the named one to the placement, that closed before the issue was finished."""
        found = []
        current = named
        while current != placement.capability.id or placement.kind == "no-successor":
            dates = self._dates[current]
            if issue.created < dates.closes_at:
                found.append(dates.current.capability)
            if current == placement.capability.id:
                break
            current = self._successors[current]
        return tuple(found)

    def is_before_all_increments(self, moment: datetime) -> bool:
        """Return True if ``moment`` is before the start of the first increment."""
        return self._first_start is not None and moment < self._first_start

    def is_current(self, issue: Issue, state: IssueState, finished: datetime | None) -> bool:
        """Return True for work in progress, or created or finished in a running increment.

        Dropped work is current only if it was dropped there. ``finished``: earliest possible closing."""
        if state.state == "doing":
            return True
        if finished is not None and self._is_in_running(finished):
            return True
        return state.state != "dropped" and self._is_in_running(issue.created)

    def _is_in_running(self, moment: datetime) -> bool:
        return any(start <= moment < end for start, end in self._running)
