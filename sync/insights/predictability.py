"""Predictability of increments: committed goals compared with what was reached. Pure.

The measure is that of SAFe: the sum of the actual values of all goals divided by the sum of the planned values of the
committed ones. Stretch goals can raise it above 100%. People enter actual values at the review; they are never
computed. A goal without a planned value has the planned value 1, and the actual value 1 once it is done.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from mappings.model import Goal, Increment, Phase
from sync.insights.unplanned import AdHocShare
from sync.model.attribution import PlanFacts
from sync.model.rollup import CapabilityRollup, GoalRollup, GoalState, IncrementRollup

Commitment = Literal["committed", "stretch"]
ActualValueBasis = Literal["entered", "done", "not done", "not entered", "given up"]


@dataclass(frozen=True, kw_only=True, slots=True)
class GoalOutcome:
    """Planned and actual value of one goal."""

    id: str
    title: str
    commitment: Commitment
    """Commitment at the start of the increment, if it is recorded."""
    state: GoalState | Literal["removed"]
    planned: float
    """Planned value; 1 without one."""
    actual: float | None
    """None: not entered yet."""
    basis: ActualValueBasis
    """Origin of ``actual``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CarriedOverCapability:
    """Capability with open issues at the end of its increment."""

    capability: str
    title: str
    team: str
    remaining: int
    into: str | None
    """Capability that continues it; None if no plan names one."""
    times: int
    """Number of times that this work was carried over, including this one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamOutcome:
    """Capabilities of one team at the end of an increment."""

    team: str
    committed_done: int
    committed_total: int
    """Capabilities of committed goals that the team owns, without cancelled ones."""
    stretch_done: int
    stretch_total: int
    carried: int
    """Open issues."""
    ad_hoc: AdHocShare


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictability:
    """Predictability of one increment."""

    increment: str
    start: date
    end: date
    phase: Phase
    committed_on: date | None
    """Day of the recorded plan that is the commitment; None: the current plan is used."""
    goals: tuple[GoalOutcome, ...]
    carried: tuple[CarriedOverCapability, ...]
    """For a running increment: capabilities with open issues."""
    ad_hoc: AdHocShare
    teams: tuple[TeamOutcome, ...]

    @property
    def so_far(self) -> bool:
        """The increment is not over yet."""
        return self.phase != "closed"

    @property
    def planned(self) -> float:
        return sum(goal.planned for goal in self.goals if goal.commitment == "committed")

    @property
    def actual(self) -> float:
        return sum(goal.actual or 0 for goal in self.goals)

    @property
    def not_entered(self) -> tuple[str, ...]:
        """Goals whose actual value is not entered yet."""
        return tuple(goal.id for goal in self.goals if goal.basis == "not entered")

    @property
    def share(self) -> float | None:
        """Actual divided by planned value (1.0 is 100%).

        None without committed goals, and after the end while actual values are not entered.
        """
        if not self.planned or (self.not_entered and not self.so_far):
            return None
        return self.actual / self.planned

    def count(self, commitment: Commitment) -> tuple[int, int]:
        """Return (done, all) of the goals with this commitment."""
        states = [goal.state for goal in self.goals if goal.commitment == commitment]
        return states.count("done"), len(states)


def assess_predictability(
    increment: Increment,
    rollup: IncrementRollup,
    committed_plan: PlanFacts | None,
    successors: Mapping[str, str],
    ad_hoc: AdHocShare,
    shares: Mapping[str, AdHocShare],
) -> Predictability:
    """Assess one increment.

    ``committed_plan``: facts of the plans at the increment's start, or when they were first recorded; None if unknown.
    ``successors``: capability -> the one that continues it. ``shares``: ad-hoc work by team.
    """
    carried = tuple(
        _carried_over(each, successors)
        for each in rollup.capabilities
        if each.counts.remaining and not each.cancelled
    )
    return Predictability(
        increment=increment.id,
        start=increment.start,
        end=increment.end,
        phase=rollup.phase,
        committed_on=committed_plan.at.date() if committed_plan else None,
        goals=_goal_outcomes(increment, rollup, committed_plan),
        carried=carried,
        ad_hoc=ad_hoc,
        teams=_team_outcomes(rollup, carried, shares, ad_hoc),
    )


def _goal_outcomes(
    increment: Increment, rollup: IncrementRollup, committed_plan: PlanFacts | None
) -> tuple[GoalOutcome, ...]:
    plans = {goal.id: goal for goal in increment.goals}
    names = {old: goal.id for goal in increment.goals for old in goal.previously}
    before = {
        names.get(name, name): facts
        for name, facts in (committed_plan.body["goals"].items() if committed_plan else ())
        if facts["increment"] == increment.id and not facts["cancelled"]
    }
    found = [
        _goal_outcome(plans[goal.id], goal, before.get(goal.id))
        for goal in rollup.goals
        if goal.state != "cancelled" or goal.id in before
    ]
    removed = [_removed_goal_outcome(name, facts) for name, facts in before.items() if name not in plans]
    return (*found, *removed)


def _goal_outcome(plan: Goal, rollup: GoalRollup, before: Mapping[str, Any] | None) -> GoalOutcome:
    planned, commitment = plan.value, plan.commitment
    if before is not None:
        commitment = before["commitment"]
        planned = plan.value if before.get("value") is None else before["value"]
    actual, basis = _actual_value(plan, rollup, planned)
    return GoalOutcome(
        id=plan.id,
        title=plan.title,
        commitment=commitment,
        state=rollup.state,
        planned=1 if planned is None else planned,
        actual=actual,
        basis=basis,
    )


def _actual_value(
    plan: Goal, rollup: GoalRollup, planned: float | None
) -> tuple[float | None, ActualValueBasis]:
    if plan.actual_value is not None:
        return plan.actual_value, "entered"
    if rollup.state == "cancelled":
        return 0, "given up"
    if planned is not None:
        return None, "not entered"
    return (1, "done") if rollup.state == "done" else (0, "not done")


def _removed_goal_outcome(name: str, facts: Mapping[str, Any]) -> GoalOutcome:
    return GoalOutcome(
        id=name,
        title=facts["title"],
        commitment=facts["commitment"],
        state="removed",
        planned=1 if facts["value"] is None else facts["value"],
        actual=0,
        basis="given up",
    )


def _carried_over(capability: CapabilityRollup, successors: Mapping[str, str]) -> CarriedOverCapability:
    parents = {new: old for old, new in successors.items()}
    chain = [capability.id]
    while (old := parents.get(chain[-1])) is not None and old not in chain[1:]:
        chain.append(old)
    return CarriedOverCapability(
        capability=capability.id,
        title=capability.title,
        team=capability.team,
        remaining=capability.counts.remaining,
        into=successors.get(capability.id),
        times=len(chain),
    )


def _team_outcomes(
    rollup: IncrementRollup,
    carried: Iterable[CarriedOverCapability],
    shares: Mapping[str, AdHocShare],
    overall: AdHocShare,
) -> tuple[TeamOutcome, ...]:
    owned: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
    for goal in rollup.goals:
        for each in goal.capabilities:
            if each.state != "cancelled":
                owned[each.team].append((goal.commitment, each.finished))
    open_issues: Counter[str] = Counter()
    for capability in carried:
        open_issues[capability.team] += capability.remaining
    nothing = AdHocShare(since=overall.since, closed=0, unplanned=0)
    return tuple(
        TeamOutcome(
            team=team,
            committed_done=owned[team].count(("committed", True)),
            committed_total=sum(commitment == "committed" for commitment, _ in owned[team]),
            stretch_done=owned[team].count(("stretch", True)),
            stretch_total=sum(commitment == "stretch" for commitment, _ in owned[team]),
            carried=open_issues[team],
            ad_hoc=shares.get(team, nothing),
        )
        for team in sorted({*owned, *shares})
    )
