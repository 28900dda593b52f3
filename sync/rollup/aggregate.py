"""Aggregation of assignments into capabilities, goals and increments.

State comes from issues, release from a person, health from a forecast. Percentages are never averaged: a goal counts
finished capabilities and, separately, issues.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from connectors.model import IssueRef, KnownIssue
from mappings.model import Capability, Goal, Increment, MatchResult, Workspace
from sync.model.rollup import (
    Baseline,
    CapabilityRollup,
    CapabilityState,
    CountedIssue,
    Counts,
    EvidenceResult,
    GoalRollup,
    GoalState,
    IncrementRollup,
    IterationRollup,
    Rollup,
)
from sync.rollup.baseline import scope_change
from sync.rollup.membership import (
    CapabilityMembers,
    capability_state,
    count_answers,
    count_states,
    members_by_capability,
)
from sync.rollup.warnings import capability_warnings, goal_warnings, unknown_capabilities


@dataclass(frozen=True, kw_only=True, slots=True)
class RollupInputs:
    """Everything that a roll-up depends on."""

    workspace: Workspace
    matched: MatchResult
    known: Mapping[IssueRef, KnownIssue]
    """All assigned issues, and their ancestors as far as known."""
    now: datetime
    """Time-zone aware."""
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    """By capability id."""
    released: frozenset[str] = frozenset()
    """Subjects (``capability:x``, ``goal:x``) whose anchor has the label ``flag:released``."""
    uncertain: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Capability id -> names of its sources that were not read."""
    evidence: Mapping[str, EvidenceResult] = field(default_factory=dict)
    """Capability id -> state of the evidence that the plan asks for."""


def roll_up(inputs: RollupInputs) -> Rollup:
    """Compute the roll-up. The order of the inputs has no effect."""
    return _Aggregator(inputs).roll_up()


class _Aggregator:
    """Rolls up everything. Members and conflicting claims are found once for all capabilities."""

    def __init__(self, inputs: RollupInputs) -> None:
        self._inputs, matched = inputs, inputs.matched
        self._increment_of = {
            each.id: increment for increment in inputs.workspace.increments for each in increment.capabilities
        }
        self._members = members_by_capability(
            matched.assignments,
            inputs.known,
            self._increment_of,
            inputs.now,
            left_open=matched.unfinished_at_close,
        )
        self._claims = Counter(
            capability
            for conflict in matched.conflicts
            for capability in {claim.capability for claim in conflict.claims}
        )

    def roll_up(self) -> Rollup:
        """Return the roll-up of all increments."""
        matched = self._inputs.matched
        return Rollup(
            increments=tuple(map(self._increment, self._inputs.workspace.increments)),
            unplanned=tuple(sorted(matched.unplanned, key=lambda each: each.ref)),
            conflicts=tuple(sorted(matched.conflicts, key=lambda each: each.ref)),
            warnings=(
                *sorted(matched.warnings),
                *unknown_capabilities(matched.assignments, self._increment_of),
            ),
        )

    def _increment(self, increment: Increment) -> IncrementRollup:
        goals = tuple(self._goal(goal, increment) for goal in increment.goals)
        active = [each for each in goals if each.state != "cancelled"]
        total = Counter(each.commitment for each in active)
        done = Counter(each.commitment for each in active if each.state == "done")
        return IncrementRollup(
            id=increment.id,
            phase=increment.phase(self._inputs.now),
            start=increment.start,
            end=increment.end,
            goals=goals,
            committed_done=done["committed"],
            committed_total=total["committed"],
            stretch_done=done["stretch"],
            stretch_total=total["stretch"],
        )

    def _goal(self, goal: Goal, increment: Increment) -> GoalRollup:
        capabilities = tuple(self._capability(each, goal, increment) for each in goal.capabilities)
        active = [each for each in capabilities if each.state != "cancelled"]
        required = [each for each in active if each.required]
        finished = sum(each.finished for each in required)
        work_done = 0 < len(required) == finished
        acceptance_open = (
            work_done and goal.acceptance == "manual" and not goal.accepted and not goal.cancelled
        )
        is_closed = increment.phase(self._inputs.now) == "closed"
        state = _goal_state(goal, active, done=work_done and not acceptance_open, is_closed=is_closed)
        started = [each for each in required if not each.finished and each.state == "in-progress"]
        return GoalRollup(
            id=goal.id,
            title=goal.title,
            increment=increment.id,
            commitment=goal.commitment,
            state=state,
            capabilities=capabilities,
            counts=sum((each.counts for each in active), Counts()),
            required_done=finished,
            required_total=len(required),
            acceptance_open=acceptance_open,
            released=f"goal:{goal.id}" in self._inputs.released,
            blocked=bool(started) and all(each.blocked for each in started),
            anchor=goal.anchor,
            warnings=goal_warnings(
                state,
                stretch=goal.commitment == "stretch",
                is_closed=is_closed,
                acceptance_open=acceptance_open,
            ),
            uncertain=tuple(sorted({source for each in capabilities for source in each.uncertain})),
        )

    def _capability(self, capability: Capability, goal: Goal, increment: Increment) -> CapabilityRollup:
        inputs, members = self._inputs, self._members.get(capability.id, CapabilityMembers())
        issues = members.counted
        counts = count_states(issues)
        in_progress = [issue for issue in issues if issue.state.state == "doing"]
        blocked, started = sum(issue.state.blocked for issue in in_progress), len(in_progress)
        cancelled = capability.cancelled or goal.cancelled
        released = _is_released(capability, increment, inputs)
        return CapabilityRollup(
            id=capability.id,
            title=capability.title,
            increment=increment.id,
            goal=goal.id,
            team=capability.team,
            teams=tuple(sorted({issue.team for issue in issues})),
            state="cancelled" if cancelled else capability_state(counts),
            counts=counts,
            answers=count_answers(issues),
            scope=scope_change(members, inputs.baselines.get(capability.id), increment, inputs.known),
            issues=issues,
            iterations=_roll_up_iterations(capability, issues),
            blocked=not cancelled and blocked == started > 0,
            partly_blocked=(blocked, started) if not cancelled and 0 < blocked < started else None,
            released=released,
            released_on=capability.released if released else None,
            required=capability.required,
            cancelled=cancelled,
            target=capability.target or increment.end,
            anchor=capability.anchor,
            continues=capability.continues,
            conflicts=self._claims[capability.id],
            warnings=capability_warnings(issues, counts, released=released, cancelled=cancelled),
            uncertain=tuple(sorted(inputs.uncertain.get(capability.id, ()))),
            proof=inputs.evidence.get(capability.id),
        )


def _is_released(capability: Capability, increment: Increment, inputs: RollupInputs) -> bool:
    """Return True if a label or the plan marks the capability as released.

    A date counts from that day in the plan's zone.
    """
    today = inputs.now.astimezone(ZoneInfo(increment.timezone)).date()
    by_plan = capability.released is not None and capability.released <= today
    return by_plan or f"capability:{capability.id}" in inputs.released


def _roll_up_iterations(
    capability: Capability, issues: tuple[CountedIssue, ...]
) -> tuple[IterationRollup, ...]:
    """Return the iterations of the plan in its order, then others that rules name."""
    named = {issue.iteration for issue in issues if issue.iteration}
    names = (*capability.iterations, *sorted(named - set(capability.iterations)))
    return tuple(
        _roll_up_iteration(name, [issue for issue in issues if issue.iteration == name]) for name in names
    )


def _roll_up_iteration(name: str, issues: list[CountedIssue]) -> IterationRollup:
    counts = count_states(issues)
    return IterationRollup(
        name=name, state=capability_state(counts), counts=counts, answers=count_answers(issues)
    )


def _goal_state(goal: Goal, active: list[CapabilityRollup], *, done: bool, is_closed: bool) -> GoalState:
    if goal.cancelled:
        return "cancelled"
    if done:
        return "done"
    if is_closed and goal.commitment == "committed":
        return "missed"
    started_states: tuple[CapabilityState, ...] = ("in-progress", "done")
    return (
        "in-progress" if any(each.released or each.state in started_states for each in active) else "planned"
    )
