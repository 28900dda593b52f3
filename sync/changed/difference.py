"""The difference of a subject between two moments, from how its issues counted. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.model import IssueRef
from sync.changed.model import PARTS, Counted, Difference, Entry, Part, PlanFacts, Turn

Names = Mapping[str, str]
"""Old subject (``goal:<id>``, ``capability:<id>``) -> the subject as it is called today."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """What is known of the time between two moments."""

    since: datetime
    at: datetime
    counted: tuple[Counted, ...]
    """At least all that held at ``since`` or later, up to ``at``."""
    plan_since: PlanFacts
    plan_at: PlanFacts
    names: Names


@dataclass(frozen=True, slots=True)
class _Scope:
    """The capabilities whose issues make up a subject, at the two moments."""

    before: frozenset[str]
    after: frozenset[str]
    why_changed: Mapping[str, tuple[Part, str]]
    """Capability -> the part and the sentence for issues that come or go with it."""


def differences(past: Past) -> tuple[Difference, ...]:
    """Of every goal and capability that the plans had at either moment, each goal before its capabilities."""
    by_capability: dict[str, list[Counted]] = defaultdict(list)
    for row in past.counted:
        if row.since <= past.at and (row.until is None or row.until > past.since):
            by_capability[_today(past.names, "capability", row.capability)].append(row)
    return tuple(
        _difference(subject, title, scope, by_capability, past) for subject, title, scope in _subjects(past)
    )


def _subjects(past: Past) -> Iterator[tuple[str, str, _Scope]]:
    before, after = (_Plan(facts, past.names) for facts in (past.plan_since, past.plan_at))
    told: set[str] = set()
    for goal_id, goal in {**after.goals, **before.goals}.items():
        yield f"goal:{goal_id}", str(goal["title"]), _scope_of_goal(goal_id, before, after)
        for plan in (after, before):
            for capability_id, capability in plan.of_goal(goal_id).items():
                # A capability that went to another goal is told there, with the plan of the later moment.
                elsewhere = plan is before and capability_id in after.capabilities
                if capability_id not in told and not elsewhere:
                    told.add(capability_id)
                    alone = frozenset({capability_id})
                    yield f"capability:{capability_id}", str(capability["title"]), _Scope(alone, alone, {})


class _Plan:
    """Plan facts under the names of today."""

    def __init__(self, facts: PlanFacts, names: Names) -> None:
        self.goals = {_today(names, "goal", name): goal for name, goal in facts.body["goals"].items()}
        self.capabilities: dict[str, dict[str, Any]] = {
            _today(names, "capability", name): {**each, "goal": _today(names, "goal", each["goal"])}
            for name, each in facts.body["capabilities"].items()
        }

    def of_goal(self, goal_id: str) -> dict[str, dict[str, Any]]:
        return {name: each for name, each in self.capabilities.items() if each["goal"] == goal_id}

    def alive(self, goal_id: str) -> frozenset[str]:
        """The capabilities that a goal's counts are the sum of."""
        cancelled = self.goals.get(goal_id, {}).get("cancelled")
        return frozenset(
            name for name, each in self.of_goal(goal_id).items() if not (each["cancelled"] or cancelled)
        )


def _scope_of_goal(goal_id: str, before: _Plan, after: _Plan) -> _Scope:
    was, now = before.alive(goal_id), after.alive(goal_id)
    why = {name: _why_gone(name, goal_id, after) for name in was - now}
    why |= {name: _why_new(name, goal_id, before) for name in now - was}
    return _Scope(was, now, why)


def _why_gone(capability: str, goal: str, after: _Plan) -> tuple[Part, str]:
    if capability not in after.capabilities:
        return "dropped", f"capability {capability} was taken out of the plan"
    if after.capabilities[capability]["goal"] != goal:
        return "remapped", f"the plan moved capability {capability} to another goal"
    return "dropped", f"capability {capability} was cancelled"


def _why_new(capability: str, goal: str, before: _Plan) -> tuple[Part, str]:
    if capability not in before.capabilities:
        return "added", f"capability {capability} came into the plan"
    if before.capabilities[capability]["goal"] != goal:
        return "remapped", f"the plan moved capability {capability} here"
    return "added", f"capability {capability} is not cancelled any more"


def _today(names: Names, kind: str, name: str) -> str:
    return names.get(f"{kind}:{name}", f"{kind}:{name}").partition(":")[2]


def _difference(
    subject: str, title: str, scope: _Scope, by_capability: Mapping[str, list[Counted]], past: Past
) -> Difference:
    lives: dict[IssueRef, list[tuple[str, Counted]]] = defaultdict(list)
    for capability in sorted(scope.before | scope.after):
        for row in by_capability.get(capability, ()):
            lives[row.ref].append((capability, row))
    tally = dict.fromkeys(("done_before", "scope_before", "done_after", "scope_after"), 0)
    parts: dict[Part, list[Entry]] = {name: [] for name in PARTS}
    for ref in sorted(lives):
        life = _Life(ref, lives[ref], scope, past)
        for moment, standing in (("before", life.before), ("after", life.after)):
            tally[f"done_{moment}"] += standing == "done"
            tally[f"scope_{moment}"] += standing != "out"
        for part, entry in life.entries():
            parts[part].append(entry)
    return Difference(
        subject=subject,
        title=title,
        since=past.since,
        at=past.at,
        **tally,
        **{name: tuple(entries) for name, entries in parts.items()},
    )


class _Life:
    """One issue in one subject, between the two moments."""

    def __init__(self, ref: IssueRef, rows: Iterable[tuple[str, Counted]], scope: _Scope, past: Past) -> None:
        self._ref, self._scope, self._past = ref, scope, past
        self._rows = sorted(rows, key=lambda each: (each[1].since, each[1].until is None, each[1].until))
        self._first = self._at(past.since, scope.before)
        self._last = self._at(past.at, scope.after)
        self.before = self._first[1].standing if self._first else "out"
        self.after = self._last[1].standing if self._last else "out"

    def _at(self, moment: datetime, capabilities: frozenset[str]) -> tuple[str, Counted] | None:
        """The row that counts at a moment; one in scope goes before one that is out."""
        held = [each for each in self._rows if each[0] in capabilities and each[1].holds_at(moment)]
        return min(held, key=lambda each: each[1].standing == "out", default=None)

    def entries(self) -> Iterator[tuple[Part, Entry]]:
        if self.before == self.after:
            return
        if self.after == "out":
            yield self._left()
        elif self.before == "out":
            yield self._came()
            if self.after == "done":
                yield "delivered", self._entry(self._last_row, done=1, scope=0, turn=self._last_row.began)
        else:
            yield self._turned()

    @property
    def _last_row(self) -> Counted:
        assert self._last is not None
        return self._last[1]

    def _turned(self) -> tuple[Part, Entry]:
        """Open -> done, or back."""
        row = self._start_of(self._last_row)
        done = 1 if self.after == "done" else -1
        part: Part = "delivered" if done == 1 else "reopened"
        return _by_cause(row.began, part), self._entry(row, done=done, scope=0, turn=row.began)

    def _came(self) -> tuple[Part, Entry]:
        assert self._last is not None
        capability = self._last[0]
        if capability in self._scope.why_changed:
            part, why = self._scope.why_changed[capability]
            return part, self._planned(why, done=0, scope=1)
        row, before = self._came_in()
        part = _by_cause(row.began, "added")
        if before is not None and before.state == "vanished":
            part = "vanished"
        return part, self._entry(row, done=0, scope=1, turn=row.began)

    def _left(self) -> tuple[Part, Entry]:
        assert self._first is not None
        done = -1 if self.before == "done" else 0
        capability, row = self._first
        if capability in self._scope.why_changed and row.holds_at(self._past.at):
            part, why = self._scope.why_changed[capability]
            return part, self._planned(why, done=done, scope=-1)
        if self._last is not None:
            out = self._start_of(self._last_row)
            part = "vanished" if out.state == "vanished" else _by_cause(out.began, "dropped")
            return part, self._entry(out, done=done, scope=-1, turn=out.began)
        end = self._last_end()
        part = "vanished" if end.ended and end.ended.cause == "gone" else _by_cause(end.ended, "dropped")
        return part, Entry(
            ref=end.ref,
            done=done,
            scope=-1,
            why=end.ended.why if end.ended else "",
            at=end.until,
            run_id=end.ended_by,
        )

    def _last_end(self) -> Counted:
        """The row after which the issue counted here no more. A row in scope says more than one that was out."""
        ended = [row for _, row in self._rows if row.until is not None and row.until <= self._past.at]
        within = [row for row in ended if row.standing != "out"] or ended
        if not within:
            assert self._first is not None
            return self._first[1]
        return max(within, key=lambda row: (row.until, row.since))

    def _start_of(self, row: Counted) -> Counted:
        """The first of the unbroken rows of the same standing that end in ``row``."""
        return self._streak(row, lambda each: each.standing == row.standing)[0]

    def _came_in(self) -> tuple[Counted, Counted | None]:
        """Where the time in scope that lasts till now began, and the row right before it."""
        return self._streak(self._last_row, lambda each: each.standing != "out")

    def _streak(self, row: Counted, same: Any) -> tuple[Counted, Counted | None]:
        while (before := self._right_before(row)) is not None and same(before):
            row = before
        return row, before

    def _right_before(self, row: Counted) -> Counted | None:
        ended = [
            each
            for _, each in self._rows
            if each.until == row.since and each.since < row.since and each is not row
        ]
        return min(ended, key=lambda each: each.capability != row.capability, default=None)

    def _planned(self, why: str, *, done: int, scope: int) -> Entry:
        facts = self._past.plan_at
        return Entry(ref=self._ref, done=done, scope=scope, why=why, at=facts.at, run_id=facts.run_id)

    def _entry(self, row: Counted, *, done: int, scope: int, turn: Turn) -> Entry:
        return Entry(ref=row.ref, done=done, scope=scope, why=turn.why, at=row.since, run_id=row.run_id)


def _by_cause(turn: Turn | None, otherwise: Part) -> Part:
    """What people did to rules, plan or labels is told apart from what happened to the issue."""
    return "remapped" if turn and turn.cause in ("rules", "pin", "veto", "plan") else otherwise
