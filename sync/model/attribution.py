"""How issues counted over time, and what a difference between two moments consists of. All times are aware, in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from connectors.model import IssueRef

CountedState = Literal["todo", "doing", "done", "unknown", "dropped", "vanished"]
ScopeStatus = Literal["out", "open", "done"]
Part = Literal["delivered", "reopened", "added", "dropped", "remapped", "vanished"]
PARTS: Final[tuple[Part, ...]] = ("delivered", "added", "dropped", "reopened", "remapped", "vanished")

Cause = Literal["first", "issue", "rules", "pin", "veto", "plan", "family", "time", "gone"]
"""Why an issue began or ceased to count as it did: it was there when figures began to be kept (``first``), the issue
itself changed, somebody edited mappings, a person pinned it or took our label off (or took that back), the plan
changed, children count in its place, time passed (the increment closed), or it is not there any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """What made the difference, for people: without any text from an issue but keys."""

    cause: Cause
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CountRecord:
    """An issue as it counted in one capability, from ``since`` to ``until`` (None: still does)."""

    ref: IssueRef
    capability: str
    """Its id at that time; ``previously`` in the plans says how it is called now."""
    state: CountedState
    team: str
    rule: str | None
    """None for a pin."""
    since: datetime
    """When a run saw it, which is later than when it happened."""
    run_id: str
    began: Transition
    fingerprint: str = ""
    """Of what rules can see of the issue; two equal ones mean that nobody edited it in between."""
    until: datetime | None = None
    ended: Transition | None = None
    ended_by: str | None = None
    """The run that saw the end."""
    id: int | None = None
    """Of the row; None before it is kept."""

    @property
    def scope_status(self) -> ScopeStatus:
        if self.state in ("dropped", "vanished"):
            return "out"
        return "done" if self.state == "done" else "open"

    def is_current_at(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or self.until > at)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanFacts:
    """What the plans said from ``at`` on, and the hash of all plan and mapping files.

    ``body`` has ``increments``, ``goals`` and ``capabilities``, each by id.
    """

    at: datetime
    run_id: str
    digest: str
    body: Mapping[str, Mapping[str, Mapping[str, Any]]]
    names: Mapping[str, str] = field(default_factory=dict)
    """Old subject (``goal:<id>``, ``capability:<id>``) -> how it was called last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DifferenceEntry:
    """What one issue did to the figures. ``done`` and ``scope`` are -1, 0 or 1."""

    ref: IssueRef
    done: int
    scope: int
    why: str
    at: datetime
    """When a run saw it."""
    run_id: str | None
    """None: the change is not kept yet, the next run will."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Of one subject between two moments. The parts add up exactly::

    done_after  = done_before  + sum of ``done``  over all entries of all parts
    scope_after = scope_before + sum of ``scope`` over all entries of all parts

    It is net: what went out and came back in between is in no part. An issue that came in and was finished has an
    entry in ``added`` and one in ``delivered``; one that came in as done, by a decision on rules or plan, has one only.
    """

    subject: str
    """``capability:<id>`` or ``goal:<id>``."""
    title: str
    since: datetime
    at: datetime
    done_before: int
    scope_before: int
    done_after: int
    scope_after: int
    delivered: tuple[DifferenceEntry, ...] = ()
    """Done now, open before."""
    reopened: tuple[DifferenceEntry, ...] = ()
    """Open now, done before."""
    added: tuple[DifferenceEntry, ...] = ()
    """In scope now; the issue is new, was edited so that a rule takes it, or was taken up again."""
    dropped: tuple[DifferenceEntry, ...] = ()
    """Out of scope: closed as will-not-do, taken out by an edit of the issue, or split into its children."""
    remapped: tuple[DifferenceEntry, ...] = ()
    """In, out, or counted otherwise by an edit of mappings or plan, a pin or a veto, while the issue did not change."""
    vanished: tuple[DifferenceEntry, ...] = ()
    """Not there any more, or there again."""

    def part(self, name: Part) -> tuple[DifferenceEntry, ...]:
        entries: tuple[DifferenceEntry, ...] = getattr(self, name)
        return entries

    @property
    def entries(self) -> tuple[DifferenceEntry, ...]:
        return tuple(entry for name in PARTS for entry in self.part(name))
