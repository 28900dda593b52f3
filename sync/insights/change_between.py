"""Difference of each goal and capability between two moments, from the recorded counts of its issues. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.model import IssueRef
from sync.insights.issue_transitions import IssueTransitions, SubjectScope
from sync.model.attribution import (
    PARTS,
    CountRecord,
    Difference,
    DifferenceEntry,
    Part,
    PlanFacts,
    ScopeStatus,
    current_id,
)

Names = Mapping[str, str]
"""Former subject (``goal:<id>``, ``capability:<id>``) -> its current name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CountHistory:
    """Recorded counts and plans between two moments."""

    records: tuple[CountRecord, ...]
    """All records that were current between ``since`` and ``at``; others are ignored."""
    plan_since: PlanFacts
    plan_at: PlanFacts
    names: Names

    @property
    def since(self) -> datetime:
        return self.plan_since.at

    @property
    def at(self) -> datetime:
        return self.plan_at.at


def differences(history: CountHistory) -> tuple[Difference, ...]:
    """Return the difference of every goal and capability of the plans at either moment, goals before capabilities."""
    by_capability: dict[str, list[CountRecord]] = defaultdict(list)
    for row in history.records:
        if row.since <= history.at and (row.until is None or row.until > history.since):
            by_capability[current_id(history.names, "capability", row.capability)].append(row)
    return tuple(
        _difference(subject, title, scope, by_capability, history)
        for subject, title, scope in _subjects(history)
    )


def _subjects(history: CountHistory) -> Iterator[tuple[str, str, SubjectScope]]:
    before, after = (_PlanSnapshot(facts, history.names) for facts in (history.plan_since, history.plan_at))
    reported: set[str] = set()
    for goal_id, goal in {**after.goals, **before.goals}.items():
        yield f"goal:{goal_id}", str(goal["title"]), _goal_scope(goal_id, before, after)
        for plan in (after, before):
            for capability_id, capability in plan.of_goal(goal_id).items():
                # A capability that went to another goal is reported there, with the plan of the later moment.
                elsewhere = plan is before and capability_id in after.capabilities
                if capability_id not in reported and not elsewhere:
                    reported.add(capability_id)
                    alone = frozenset({capability_id})
                    scope = SubjectScope(alone, alone, {})
                    yield f"capability:{capability_id}", str(capability["title"]), scope


class _PlanSnapshot:
    """Plan facts under the current names."""

    def __init__(self, facts: PlanFacts, names: Names) -> None:
        self.goals = {current_id(names, "goal", name): goal for name, goal in facts.body["goals"].items()}
        self.capabilities = {
            current_id(names, "capability", name): {**each, "goal": current_id(names, "goal", each["goal"])}
            for name, each in facts.body["capabilities"].items()
        }

    def of_goal(self, goal_id: str) -> dict[str, dict[str, Any]]:
        return {name: each for name, each in self.capabilities.items() if each["goal"] == goal_id}

    def active_capabilities(self, goal_id: str) -> frozenset[str]:
        """Return the capabilities that a goal's counts are the sum of."""
        cancelled = self.goals.get(goal_id, {}).get("cancelled")
        return frozenset(
            name for name, each in self.of_goal(goal_id).items() if not (each["cancelled"] or cancelled)
        )


def _goal_scope(goal_id: str, before: _PlanSnapshot, after: _PlanSnapshot) -> SubjectScope:
    was, now = before.active_capabilities(goal_id), after.active_capabilities(goal_id)
    why = {name: _removal_reason(name, goal_id, after) for name in was - now}
    why |= {name: _addition_reason(name, goal_id, before) for name in now - was}
    return SubjectScope(was, now, why)


def _removal_reason(capability: str, goal: str, after: _PlanSnapshot) -> tuple[Part, str]:
    if capability not in after.capabilities:
        return "dropped", f"capability {capability} was removed from the plan"
    if after.capabilities[capability]["goal"] != goal:
        return "remapped", f"the plan moved capability {capability} to another goal"
    return "dropped", f"capability {capability} was cancelled"


def _addition_reason(capability: str, goal: str, before: _PlanSnapshot) -> tuple[Part, str]:
    if capability not in before.capabilities:
        return "added", f"capability {capability} was added to the plan"
    if before.capabilities[capability]["goal"] != goal:
        return "remapped", f"the plan moved capability {capability} here"
    return "added", f"capability {capability} is no longer cancelled"


def _difference(
    subject: str,
    title: str,
    scope: SubjectScope,
    by_capability: Mapping[str, list[CountRecord]],
    history: CountHistory,
) -> Difference:
    rows: dict[IssueRef, list[tuple[str, CountRecord]]] = defaultdict(list)
    for capability in sorted(scope.before | scope.after):
        for row in by_capability.get(capability, ()):
            rows[row.ref].append((capability, row))
    parts: dict[Part, list[DifferenceEntry]] = {name: [] for name in PARTS}
    before: list[ScopeStatus] = []
    after: list[ScopeStatus] = []
    for ref in sorted(rows, key=_natural_key):
        transitions = IssueTransitions(rows[ref], scope, history.since, history.at, history.plan_at)
        before.append(transitions.before)
        after.append(transitions.after)
        for part, entry in transitions.entries():
            parts[part].append(entry)
    return Difference(
        subject=subject,
        title=title,
        since=history.since,
        at=history.at,
        done_before=before.count("done"),
        scope_before=len(before) - before.count("out"),
        done_after=after.count("done"),
        scope_after=len(after) - after.count("out"),
        **{name: tuple(entries) for name, entries in parts.items()},
    )


def _natural_key(ref: IssueRef) -> tuple[str, int, str]:
    """Return a sort key that puts DS-9 before DS-10."""
    name = ref.key.rstrip("0123456789")
    return f"{ref.tracker}:{name}", int(ref.key[len(name) :] or 0), ref.id
