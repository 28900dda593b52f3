"""Recorded counts of issues, and the parts of a difference between two moments. All times are aware and in UTC."""

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
"""Cause for which an issue began or ceased to count: ``first`` recorded run, change of the ``issue`` itself, edit of
the ``rules``, a person's ``pin`` or ``veto`` (or its removal), edit of the ``plan``, parents and children (``family``),
close of the increment (``time``), or an issue that is ``gone``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transition:
    """Cause of a change, with a sentence for readers. Contains no text from issues except keys."""

    cause: Cause
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CountRecord:
    """Count of an issue in one capability from ``since`` to ``until`` (None: still current)."""

    ref: IssueRef
    capability: str
    """Id at that time; ``previously`` in the plans leads to the current one."""
    state: CountedState
    team: str
    rule: str | None
    """None for a pin."""
    since: datetime
    """Time of the run that saw it, later than the change itself."""
    run_id: str
    began: Transition
    fingerprint: str = ""
    """Hash of the fields that rules use; equal hashes mean that nobody edited the issue in between."""
    until: datetime | None = None
    ended: Transition | None = None
    ended_by: str | None = None
    """Run that saw the end."""
    id: int | None = None
    """Id of the stored row; None before it is saved."""

    @property
    def scope_status(self) -> ScopeStatus:
        if self.state in ("dropped", "vanished"):
            return "out"
        return "done" if self.state == "done" else "open"

    def is_current_at(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or self.until > at)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanFacts:
    """Facts of the plans from ``at`` on, and the hash of all plan and mapping files.

    ``body`` has ``increments``, ``goals`` and ``capabilities``, each by id.
    """

    at: datetime
    run_id: str
    digest: str
    body: Mapping[str, Mapping[str, Mapping[str, Any]]]
    names: Mapping[str, str] = field(default_factory=dict)
    """Former subject (``goal:<id>``, ``capability:<id>``) -> its latest name."""


def current_id(names: Mapping[str, str], kind: str, name: str) -> str:
    """Return the current id of a goal or capability. ``names``: former subject -> current one."""
    return names.get(f"{kind}:{name}", f"{kind}:{name}").partition(":")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class DifferenceEntry:
    """Effect of one issue on the counts. ``done`` and ``scope`` are -1, 0 or 1."""

    ref: IssueRef
    done: int
    scope: int
    why: str
    at: datetime
    """Time of the run that saw it."""
    run_id: str | None
    """None: the change is not recorded yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Difference of one subject between two moments. The parts add up exactly::

    done_after  = done_before  + sum of ``done``  over all entries of all parts
    scope_after = scope_before + sum of ``scope`` over all entries of all parts

    The difference is net: an issue that left and came back in between is in no part. An issue that was added and
    finished has an entry in ``added`` and one in ``delivered``. An issue that came in as done, by an edit of rules or
    plan, has one entry only.
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
    """In scope now: a new issue, one that a rule matches after an edit, or a dropped one that was reopened."""
    dropped: tuple[DifferenceEntry, ...] = ()
    """Out of scope: closed as won't do, edited so that no rule matches, or replaced by its children."""
    remapped: tuple[DifferenceEntry, ...] = ()
    """In, out or counted differently by an edit of mappings or plan, a pin or a veto; the issue did not change."""
    vanished: tuple[DifferenceEntry, ...] = ()
    """Not found any more, or found again."""

    def part(self, name: Part) -> tuple[DifferenceEntry, ...]:
        entries: tuple[DifferenceEntry, ...] = getattr(self, name)
        return entries

    @property
    def entries(self) -> tuple[DifferenceEntry, ...]:
        return tuple(entry for name in PARTS for entry in self.part(name))
