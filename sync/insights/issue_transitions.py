"""Changes of one issue within one goal or capability between two moments, and their causes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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


@dataclass(frozen=True, slots=True)
class IssueTransitions:
    """Records of one issue in one subject, by time, and the ones that were current at the two moments."""

    rows: tuple[NamedRecord, ...]
    first: NamedRecord | None
    last: NamedRecord | None

    @property
    def before(self) -> ScopeStatus:
        return self.first[1].scope_status if self.first else "out"

    @property
    def after(self) -> ScopeStatus:
        return self.last[1].scope_status if self.last else "out"


def issue_transitions(
    rows: Iterable[NamedRecord], scope: SubjectScope, since: datetime, at: datetime
) -> IssueTransitions:
    """Select the records of the two moments. Of several current ones, one that is in scope is preferred."""
    ordered = tuple(sorted(rows, key=lambda each: (each[1].since, each[1].until or at)))

    def record_at(moment: datetime, capabilities: frozenset[str]) -> NamedRecord | None:
        found = [each for each in ordered if each[0] in capabilities and each[1].is_current_at(moment)]
        return min(found, key=lambda each: each[1].scope_status == "out", default=None)

    return IssueTransitions(ordered, record_at(since, scope.before), record_at(at, scope.after))


def difference_entries(
    transitions: IssueTransitions, scope: SubjectScope, since: datetime, at: datetime, plan: PlanFacts
) -> Iterator[PartEntry]:
    """Yield nothing for an unchanged issue, else one entry, or two for an issue that was added and finished.

    ``plan``: the facts at the later moment.
    """
    if transitions.before == transitions.after:
        return
    if transitions.last is not None and transitions.after != "out":
        if transitions.before != "out":
            yield _state_entry(transitions, transitions.last[1], since)
            return
        entry_in = _entry_in(transitions, transitions.last, scope, since, plan)
        yield entry_in
        if transitions.after == "done" and not entry_in[1].done:
            row, _ = _unbroken_start(
                transitions, transitions.last[1], lambda each: each.scope_status == "done", since
            )
            yield "delivered", _transition_entry(row, done=1, scope=0)
    elif transitions.first is not None:
        yield _entry_out(transitions, transitions.first, scope, since, at, plan)


def _state_entry(transitions: IssueTransitions, last: CountRecord, since: datetime) -> PartEntry:
    """Return the entry of an issue that went from open to done, or back."""
    is_done = transitions.after == "done"
    row, _ = _unbroken_start(transitions, last, lambda each: each.scope_status == last.scope_status, since)
    entry = _transition_entry(row, done=1 if is_done else -1, scope=0)
    return _part_for(row.began, "delivered" if is_done else "reopened"), entry


def _entry_in(
    transitions: IssueTransitions, last: NamedRecord, scope: SubjectScope, since: datetime, plan: PlanFacts
) -> PartEntry:
    """Return the entry of an issue that came into scope.

    An issue that came in as done, by an edit of rules or plan and not by work, was not delivered in this time.
    """
    capability, row = last
    earlier = _in_scope_at(transitions, capability, since)
    if capability in scope.why_changed and earlier is not None:
        part, why = scope.why_changed[capability]
        finished = transitions.after == earlier.scope_status == "done"
        return part, _plan_entry(row, why, plan, done=int(finished), scope=1)
    start, before = _unbroken_start(transitions, row, lambda each: each.scope_status != "out", since)
    returned = before is not None and before.state == "vanished"
    part = "vanished" if returned else _part_for(start.began, "added")
    finished = part != "added" and transitions.after == start.scope_status == "done"
    return part, _transition_entry(start, done=int(finished), scope=1)


def _entry_out(
    transitions: IssueTransitions,
    first: NamedRecord,
    scope: SubjectScope,
    since: datetime,
    at: datetime,
    plan: PlanFacts,
) -> PartEntry:
    """Return the entry of an issue that went out of scope."""
    done = -1 if transitions.before == "done" else 0
    capability, row = first
    if capability in scope.why_changed and _in_scope_at(transitions, capability, at) is not None:
        part, why = scope.why_changed[capability]
        return part, _plan_entry(row, why, plan, done=done, scope=-1)
    if transitions.last is not None:
        out, _ = _unbroken_start(
            transitions, transitions.last[1], lambda each: each.scope_status == "out", since
        )
        part = "vanished" if out.state == "vanished" else _part_for(out.began, "dropped")
        return part, _transition_entry(out, done=done, scope=-1)
    end = _last_end(transitions, row, at)
    gone = end.ended is not None and end.ended.cause == "gone"
    entry = DifferenceEntry(
        ref=end.ref,
        done=done,
        scope=-1,
        why=end.ended.why if end.ended else "",
        at=end.until or at,
        run_id=end.ended_by or None,
    )
    return "vanished" if gone else _part_for(end.ended, "dropped"), entry


def _in_scope_at(transitions: IssueTransitions, capability: str, moment: datetime) -> CountRecord | None:
    rows = (row for name, row in transitions.rows if name == capability and row.is_current_at(moment))
    return next((row for row in rows if row.scope_status != "out"), None)


def _last_end(transitions: IssueTransitions, first: CountRecord, at: datetime) -> CountRecord:
    """Return the record after which the issue no longer counted here, preferably one that was in scope."""
    ended = [row for _, row in transitions.rows if row.until is not None and row.until <= at]
    in_scope = [row for row in ended if row.scope_status != "out"] or ended
    return max(in_scope, key=lambda row: (row.until or at, row.since), default=first)


def _unbroken_start(
    transitions: IssueTransitions, row: CountRecord, same: Callable[[CountRecord], bool], since: datetime
) -> tuple[CountRecord, CountRecord | None]:
    """Return the start of the unbroken chain after ``since`` that ends in ``row``, and the record before it."""
    while (
        (before := _record_before(transitions, row)) is not None
        and same(before)
        and not before.is_current_at(since)
    ):
        row = before
    return row, before


def _record_before(transitions: IssueTransitions, row: CountRecord) -> CountRecord | None:
    ended = [each for _, each in transitions.rows if each.until == row.since and each.since < row.since]
    return min(ended, key=lambda each: each.capability != row.capability, default=None)


def _transition_entry(row: CountRecord, *, done: int, scope: int) -> DifferenceEntry:
    return DifferenceEntry(
        ref=row.ref, done=done, scope=scope, why=row.began.why, at=row.since, run_id=row.run_id or None
    )


def _plan_entry(row: CountRecord, why: str, plan: PlanFacts, *, done: int, scope: int) -> DifferenceEntry:
    return DifferenceEntry(
        ref=row.ref, done=done, scope=scope, why=why, at=plan.at, run_id=plan.run_id or None
    )


def _part_for(transition: Transition | None, otherwise: Part) -> Part:
    """Return ``remapped`` for edits of rules, plan or labels, else the part for changes of the issue itself."""
    return "remapped" if transition and transition.cause in ("rules", "pin", "veto", "plan") else otherwise
