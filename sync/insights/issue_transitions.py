"""What became of one issue in one subject between two moments, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sync.model.attribution import Counted, Entry, Part, PlanFacts, Standing, Turn

Told = tuple[Part, Entry]
Held = tuple[str, Counted]
"""The capability as it is called today, and a row of it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The capabilities whose issues make up a subject, at the two moments."""

    before: frozenset[str]
    after: frozenset[str]
    why_changed: Mapping[str, tuple[Part, str]]
    """Capability -> the part and the sentence for issues that come or go with it."""


@dataclass(frozen=True, slots=True)
class Life:
    """The rows of one issue in one subject, by time, and those that held at the two moments."""

    rows: tuple[Held, ...]
    first: Held | None
    last: Held | None

    @property
    def before(self) -> Standing:
        return self.first[1].standing if self.first else "out"

    @property
    def after(self) -> Standing:
        return self.last[1].standing if self.last else "out"


def life_of(rows: Iterable[Held], scope: Scope, since: datetime, at: datetime) -> Life:
    """Where several rows hold at once, one that is in scope counts."""
    ordered = tuple(sorted(rows, key=lambda each: (each[1].since, each[1].until or at)))

    def held(moment: datetime, capabilities: frozenset[str]) -> Held | None:
        found = [each for each in ordered if each[0] in capabilities and each[1].holds_at(moment)]
        return min(found, key=lambda each: each[1].standing == "out", default=None)

    return Life(ordered, held(since, scope.before), held(at, scope.after))


def entries(life: Life, scope: Scope, since: datetime, at: datetime, plan: PlanFacts) -> Iterator[Told]:
    """Nothing when the issue stands where it stood; else one entry, or two when it came in and was finished.

    ``plan``: the facts at the later moment.
    """
    if life.before == life.after:
        return
    if life.last is not None and life.after != "out":
        if life.before != "out":
            yield _turned(life, life.last[1], since)
            return
        came = _came(life, life.last, scope, since, plan)
        yield came
        if life.after == "done" and not came[1].done:
            row, _ = _streak(life, life.last[1], lambda each: each.standing == "done", since)
            yield "delivered", _entry(row, done=1, scope=0)
    elif life.first is not None:
        yield _left(life, life.first, scope, since, at, plan)


def _turned(life: Life, last: Counted, since: datetime) -> Told:
    """Open -> done, or back."""
    is_done = life.after == "done"
    row, _ = _streak(life, last, lambda each: each.standing == last.standing, since)
    entry = _entry(row, done=1 if is_done else -1, scope=0)
    return _by_cause(row.began, "delivered" if is_done else "reopened"), entry


def _came(life: Life, last: Held, scope: Scope, since: datetime, plan: PlanFacts) -> Told:
    """What came in as done, by a decision on rules or plan and not by work, was not delivered in this time."""
    capability, row = last
    stood = _in_scope_at(life, capability, since)
    if capability in scope.why_changed and stood is not None:
        part, why = scope.why_changed[capability]
        finished = life.after == stood.standing == "done"
        return part, _planned(row, why, plan, done=int(finished), scope=1)
    start, before = _streak(life, row, lambda each: each.standing != "out", since)
    returned = before is not None and before.state == "vanished"
    part = "vanished" if returned else _by_cause(start.began, "added")
    finished = part != "added" and life.after == start.standing == "done"
    return part, _entry(start, done=int(finished), scope=1)


def _left(life: Life, first: Held, scope: Scope, since: datetime, at: datetime, plan: PlanFacts) -> Told:
    done = -1 if life.before == "done" else 0
    capability, row = first
    if capability in scope.why_changed and _in_scope_at(life, capability, at) is not None:
        part, why = scope.why_changed[capability]
        return part, _planned(row, why, plan, done=done, scope=-1)
    if life.last is not None:
        out, _ = _streak(life, life.last[1], lambda each: each.standing == "out", since)
        part = "vanished" if out.state == "vanished" else _by_cause(out.began, "dropped")
        return part, _entry(out, done=done, scope=-1)
    end = _last_end(life, row, at)
    gone = end.ended is not None and end.ended.cause == "gone"
    entry = Entry(
        ref=end.ref,
        done=done,
        scope=-1,
        why=end.ended.why if end.ended else "",
        at=end.until or at,
        run_id=end.ended_by or None,
    )
    return "vanished" if gone else _by_cause(end.ended, "dropped"), entry


def _in_scope_at(life: Life, capability: str, moment: datetime) -> Counted | None:
    held = (row for name, row in life.rows if name == capability and row.holds_at(moment))
    return next((row for row in held if row.standing != "out"), None)


def _last_end(life: Life, first: Counted, at: datetime) -> Counted:
    """The row after which the issue counted here no more. A row in scope says more than one that was out."""
    ended = [row for _, row in life.rows if row.until is not None and row.until <= at]
    in_scope = [row for row in ended if row.standing != "out"] or ended
    return max(in_scope, key=lambda row: (row.until or at, row.since), default=first)


def _streak(
    life: Life, row: Counted, same: Callable[[Counted], bool], since: datetime
) -> tuple[Counted, Counted | None]:
    """The first of the unbroken rows that end in ``row`` and began after ``since``, and the one right before it."""
    while (before := _right_before(life, row)) is not None and same(before) and not before.holds_at(since):
        row = before
    return row, before


def _right_before(life: Life, row: Counted) -> Counted | None:
    ended = [each for _, each in life.rows if each.until == row.since and each.since < row.since]
    return min(ended, key=lambda each: each.capability != row.capability, default=None)


def _entry(row: Counted, *, done: int, scope: int) -> Entry:
    return Entry(
        ref=row.ref, done=done, scope=scope, why=row.began.why, at=row.since, run_id=row.run_id or None
    )


def _planned(row: Counted, why: str, plan: PlanFacts, *, done: int, scope: int) -> Entry:
    return Entry(ref=row.ref, done=done, scope=scope, why=why, at=plan.at, run_id=plan.run_id or None)


def _by_cause(turn: Turn | None, otherwise: Part) -> Part:
    """What people did to rules, plan or labels is told apart from what happened to the issue."""
    return "remapped" if turn and turn.cause in ("rules", "pin", "veto", "plan") else otherwise
