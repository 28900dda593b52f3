"""How well increments kept what was promised. Pure.

The measure is SAFe's: the sum of actual values over all goals divided by the sum of planned values over the committed
ones, so that stretch goals can lift it above 100 %. Actual values are entered by people at the review, never computed;
a goal without a planned value counts 1, and 1 is reached when it is done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from mappings.model import Goal, Increment, Phase
from sync.insights.unplanned import AdHocShare
from sync.model.attribution import PlanFacts
from sync.model.rollup import CapabilityRollup, GoalRollup, GoalState, IncrementRollup

Commitment = Literal["committed", "stretch"]
ActualValueBasis = Literal["entered", "done", "not done", "not entered", "given up"]


@dataclass(frozen=True, kw_only=True, slots=True)
class GoalOutcome:
    id: str
    title: str
    commitment: Commitment
    """As at the start of the increment, where the store remembers it."""
    state: GoalState | Literal["removed"]
    planned: float
    """The planned value; 1 without one."""
    actual: float | None
    """None: people have to enter it."""
    basis: ActualValueBasis
    """Where ``actual`` comes from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CarriedOverCapability:
    """A capability whose open issues the increment left to a later one."""

    capability: str
    title: str
    team: str
    remaining: int
    into: str | None
    """The capability that continues it; None when no plan says."""
    times: int
    """How often this work was carried over by now, this time included."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamOutcome:
    team: str
    committed_done: int
    committed_total: int
    """Capabilities of committed goals that the team owns, cancelled ones left out."""
    stretch_done: int
    stretch_total: int
    carried: int
    """Issues that it left open."""
    ad_hoc: AdHocShare


@dataclass(frozen=True, kw_only=True, slots=True)
class Predictability:
    increment: str
    start: date
    end: date
    phase: Phase
    committed_on: date | None
    """The day from which the store remembers the plan that counts as promised; None: the plan as it is now."""
    goals: tuple[GoalOutcome, ...]
    carried: tuple[CarriedOverCapability, ...]
    """Of an increment in course: what is still open."""
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
        """Goals whose actual value people still have to enter."""
        return tuple(goal.id for goal in self.goals if goal.basis == "not entered")

    @property
    def share(self) -> float | None:
        """Actual over planned (1.0 is 100 %). None when nothing was promised, and at the end also while actual
        values are not entered."""
        if not self.planned or (self.not_entered and not self.so_far):
            return None
        return self.actual / self.planned

    def count(self, commitment: Commitment) -> tuple[int, int]:
        """(done, all) of the goals with this commitment."""
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
    """``committed_plan``: what the plans said at the increment's start, or when it was first noted; None when that is not
    known. ``successors``: capability -> the one that continues it. ``shares``: ad-hoc work by team."""
    carried = tuple(
        _carried_over(each, successors)
        for goal in rollup.goals
        for each in goal.capabilities
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
    return (
        *found,
        *(_removed_goal_outcome(name, facts) for name, facts in before.items() if name not in plans),
    )


def _goal_outcome(plan: Goal, rollup: GoalRollup, before: Mapping[str, object] | None) -> GoalOutcome:
    value = (before or {}).get("value")
    planned = value if isinstance(value, int | float) else plan.value
    actual, basis = _actual_value(plan, rollup, planned)
    commitment: Commitment = plan.commitment
    if before is not None:
        commitment = "committed" if before["commitment"] == "committed" else "stretch"
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


def _removed_goal_outcome(name: str, facts: Mapping[str, object]) -> GoalOutcome:
    value = facts["value"]
    return GoalOutcome(
        id=name,
        title=str(facts["title"]),
        commitment="committed" if facts["commitment"] == "committed" else "stretch",
        state="removed",
        planned=value if isinstance(value, int | float) else 1,
        actual=0,
        basis="given up",
    )


def _carried_over(capability: CapabilityRollup, successors: Mapping[str, str]) -> CarriedOverCapability:
    parents = {new: old for old, new in successors.items()}
    return CarriedOverCapability(
        capability=capability.id,
        title=capability.title,
        team=capability.team,
        remaining=capability.counts.remaining,
        into=successors.get(capability.id),
        times=1 + len(_predecessors(capability.id, parents)),
    )


def _predecessors(start: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """The capabilities that one continues, nearest first."""
    found: list[str] = []
    while (old := parents.get(start)) is not None and old not in found:
        found.append(old)
        start = old
    return tuple(found)


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
    left: defaultdict[str, int] = defaultdict(int)
    for capability in carried:
        left[capability.team] += capability.remaining
    nothing = AdHocShare(since=overall.since, closed=0, unplanned=0)
    return tuple(
        TeamOutcome(
            team=team,
            committed_done=owned[team].count(("committed", True)),
            committed_total=sum(commitment == "committed" for commitment, _ in owned[team]),
            stretch_done=owned[team].count(("stretch", True)),
            stretch_total=sum(commitment == "stretch" for commitment, _ in owned[team]),
            carried=left[team],
            ad_hoc=shares.get(team, nothing),
        )
        for team in sorted({*owned, *shares})
    )
