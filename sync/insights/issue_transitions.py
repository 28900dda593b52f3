"""Changes of one issue within one goal or capability between two moments, and their causes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sync.model.attribution import CountRecord, DifferenceEntry, Part, PlanFacts, ScopeStatus, Transition

PartEntry = tuple[Part, DifferenceEntry]
NamedRecord = tuple[str, CountRecord]
"""Current id of the capability, and a record of the issue in it."""


@dataclass(frozen=True, slots=True)
class SubjectScope:
    """Capabilities whose issues make up a subject, at the two moments."""

    before: frozenset[str]
    after: frozenset[str]
    why_changed: Mapping[str, tuple[Part, str]]
    """Capability that was added or removed -> part and sentence for its issues."""


class IssueTransitions:
    """Records of one issue in one subject by time, and the ones that were current at two moments.

    ``plan``: the facts at the later moment. Of several current records, one that is in scope is preferred.
    """

    def __init__(
        self,
        rows: Iterable[NamedRecord],
        scope: SubjectScope,
        since: datetime,
        at: datetime,
        plan: PlanFacts,
    ) -> None:
        self._rows = sorted(rows, key=lambda each: (each[1].since, each[1].until or at))
        self._scope, self._since, self._at, self._plan = scope, since, at, plan
        self._first = self._record_at(since, scope.before)
        self._last = self._record_at(at, scope.after)
        self.before: ScopeStatus = self._first[1].scope_status if self._first else "out"
        self.after: ScopeStatus = self._last[1].scope_status if self._last else "out"

    def _record_at(self, moment: datetime, capabilities: frozenset[str]) -> NamedRecord | None:
        found = [each for each in self._rows if each[0] in capabilities and each[1].is_current_at(moment)]
        return min(found, key=lambda each: each[1].scope_status == "out", default=None)

    def entries(self) -> Iterator[PartEntry]:
        """Yield nothing for an unchanged issue, else one entry, or two for an issue that was added and finished."""
        if self.before == self.after:
            return
        if self._last is not None and self.after != "out":
            if self.before != "out":
                yield self._state_entry(self._last[1])
                return
            entry_in = self._entry_in(self._last)
            yield entry_in
            if self.after == "done" and not entry_in[1].done:
                row, _ = self._unbroken_start(self._last[1], {"done"})
                yield "delivered", _transition_entry(row, done=1, scope=0)
        elif self._first is not None:
            yield self._entry_out(self._first)

    def _state_entry(self, last: CountRecord) -> PartEntry:
        """Return the entry of an issue that went from open to done, or back."""
        is_done = self.after == "done"
        row, _ = self._unbroken_start(last, {last.scope_status})
        entry = _transition_entry(row, done=1 if is_done else -1, scope=0)
        return _part_for(row.began, "delivered" if is_done else "reopened"), entry

    def _entry_in(self, last: NamedRecord) -> PartEntry:
        """Return the entry of an issue that came into scope.

        An issue that came in as done, by an edit of rules or plan and not by work, was not delivered in this time.
        """
        capability, row = last
        earlier = self._in_scope_at(capability, self._since)
        if capability in self._scope.why_changed and earlier is not None:
            finished = self.after == earlier.scope_status == "done"
            return self._plan_entry(last, done=int(finished), scope=1)
        start, before = self._unbroken_start(row, {"open", "done"})
        returned = before is not None and before.state == "vanished"
        part = "vanished" if returned else _part_for(start.began, "added")
        finished = part != "added" and self.after == start.scope_status == "done"
        return part, _transition_entry(start, done=int(finished), scope=1)

    def _entry_out(self, first: NamedRecord) -> PartEntry:
        """Return the entry of an issue that went out of scope."""
        done = -1 if self.before == "done" else 0
        capability, row = first
        if capability in self._scope.why_changed and self._in_scope_at(capability, self._at) is not None:
            return self._plan_entry(first, done=done, scope=-1)
        if self._last is not None:
            out, _ = self._unbroken_start(self._last[1], {"out"})
            part = "vanished" if out.state == "vanished" else _part_for(out.began, "dropped")
            return part, _transition_entry(out, done=done, scope=-1)
        end = self._last_end(row)
        gone = end.ended is not None and end.ended.cause == "gone"
        entry = DifferenceEntry(
            ref=end.ref,
            done=done,
            scope=-1,
            why=end.ended.why if end.ended else "",
            at=end.until or self._at,
            run_id=end.ended_by or None,
        )
        return "vanished" if gone else _part_for(end.ended, "dropped"), entry

    def _in_scope_at(self, capability: str, moment: datetime) -> CountRecord | None:
        rows = (row for name, row in self._rows if name == capability and row.is_current_at(moment))
        return next((row for row in rows if row.scope_status != "out"), None)

    def _last_end(self, first: CountRecord) -> CountRecord:
        """Return the record after which the issue no longer counted here, preferably one that was in scope."""
        ended = [row for _, row in self._rows if row.until is not None and row.until <= self._at]
        in_scope = [row for row in ended if row.scope_status != "out"] or ended
        return max(in_scope, key=lambda row: (row.until or self._at, row.since), default=first)

    def _unbroken_start(
        self, row: CountRecord, same: Collection[ScopeStatus]
    ) -> tuple[CountRecord, CountRecord | None]:
        """Return the start of the unbroken chain after ``since`` that ends in ``row``, and the record before it.

        ``same``: statuses that the records of the chain have.
        """
        while (
            (before := self._record_before(row)) is not None
            and before.scope_status in same
            and not before.is_current_at(self._since)
        ):
            row = before
        return row, before

    def _record_before(self, row: CountRecord) -> CountRecord | None:
        ended = [each for _, each in self._rows if each.until == row.since and each.since < row.since]
        return min(ended, key=lambda each: each.capability != row.capability, default=None)

    def _plan_entry(self, record: NamedRecord, *, done: int, scope: int) -> PartEntry:
        """Return the entry of an issue whose capability was added to the subject or removed from it."""
        capability, row = record
        part, why = self._scope.why_changed[capability]
        run_id = self._plan.run_id or None
        return part, DifferenceEntry(
            ref=row.ref, done=done, scope=scope, why=why, at=self._plan.at, run_id=run_id
        )


def _transition_entry(row: CountRecord, *, done: int, scope: int) -> DifferenceEntry:
    return DifferenceEntry(
        ref=row.ref, done=done, scope=scope, why=row.began.why, at=row.since, run_id=row.run_id or None
    )


def _part_for(transition: Transition | None, otherwise: Part) -> Part:
    """Return ``remapped`` for edits of rules, plan or labels, else the part for changes of the issue itself."""
    return "remapped" if transition and transition.cause in ("rules", "pin", "veto", "plan") else otherwise
