"""Roll-up values: counts, states and scope of capabilities, goals and increments.

``dataclasses.asdict`` turns every value into JSON: field names are keys of ``status --json``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal, Self

from connectors.model import IssueRef
from mappings.model import Anchor, Answer, Conflict, IssueState, Phase, Unplanned
from sync.model.health import Expectation

CapabilityState = Literal["empty", "planned", "in-progress", "done", "cancelled"]
GoalState = Literal["planned", "in-progress", "done", "missed", "cancelled"]

SCOPE_GROWTH_THRESHOLD: Final = 0.25
"""Share of the baseline above which the anchor gets ``flag:scope-growth``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """Issues in scope at the first complete roll-up at or after the start of the increment."""

    capability: str
    at: datetime
    """UTC."""
    refs: frozenset[IssueRef]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceResult:
    """State of the evidence that the plan asks for: a number in a file, compared with a bound."""

    reached: bool
    value: float | None
    """The number found in the file; None if there is none."""
    why: str
    """Sentence for people with the number, the bound and the file, or the reason why there is no number."""


class _Numbers:
    """Numbers that can be added field by field."""

    __slots__ = ()

    def __add__(self, other: Self) -> Self:
        names = self.__dataclass_fields__  # type: ignore[attr-defined]
        return type(self)(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts(_Numbers):
    """Number of issues by state. Issues are counted, not estimated."""

    todo: int = 0
    doing: int = 0
    done: int = 0
    unknown: int = 0
    """Issues whose status neither the team's mapping nor the tracker explains. They count as open work."""
    dropped: int = 0
    """Outside of scope and progress, listed separately."""

    @property
    def scope(self) -> int:
        """Number of issues that are not dropped."""
        return self.todo + self.doing + self.done + self.unknown

    @property
    def remaining(self) -> int:
        """Number of open issues in scope."""
        return self.scope - self.done

    @property
    def progress(self) -> float | None:
        """Share of issues done, from 0 to 1; None without scope."""
        return self.done / self.scope if self.scope else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers(_Numbers):
    """Number of experiments by result. Dropped experiments are not counted."""

    confirmed: int = 0
    rejected: int = 0
    inconclusive: int = 0
    open: int = 0
    missing: int = 0
    """Closed without a result label."""

    @property
    def answered(self) -> int:
        """Number of experiments with a result."""
        return self.confirmed + self.rejected + self.inconclusive


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedIssue:
    """An issue as counted in one capability."""

    ref: IssueRef
    title: str
    url: str
    state: IssueState
    """State as counted: an issue that has been missing for long counts as dropped."""
    team: str
    rule: str | None = None
    by: Literal["rule", "pin"] = "rule"
    iteration: str | None = None
    experiment: bool = False
    vanished: datetime | None = None
    reopened: int = 0
    closed: datetime | None = None
    late: bool = False
    """Done after the end of the increment, within its grace days."""

    @property
    def in_scope(self) -> bool:
        """False for a dropped issue."""
        return self.state.state != "dropped"

    @property
    def is_open(self) -> bool:
        """To do or in progress."""
        return self.state.state in ("todo", "doing")

    @property
    def answer(self) -> Answer | None:
        """Result of an experiment; None for other issues and without a result."""
        return self.state.answer if self.experiment else None

    @property
    def lacks_result(self) -> bool:
        """True for an experiment that was closed without a result label."""
        return self.experiment and self.state.state == "done" and not self.answer


@dataclass(frozen=True, kw_only=True, slots=True)
class IterationRollup:
    """A named round of a capability. It does not affect the state of the capability."""

    name: str
    state: CapabilityState
    counts: Counts
    answers: Answers


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopeChange:
    """Changes of the scope since the baseline. The parts always add up::

    baseline + added - dropped - moved_out - vanished - split = scope now = delivered + remaining
    """

    baseline: int | None = None
    """Number of issues at the start. None without a baseline; all lists but ``delivered`` and ``reopened`` are then
    empty."""
    baseline_at: datetime | None = None
    complete_from_start: bool = False
    """False for a baseline taken more than a day after the start: growth then counts from that day."""
    added: tuple[IssueRef, ...] = ()
    dropped: tuple[IssueRef, ...] = ()
    moved_out: tuple[IssueRef, ...] = ()
    """Now in another capability, or in none."""
    vanished: tuple[IssueRef, ...] = ()
    split: tuple[IssueRef, ...] = ()
    """Replaced by their children, which count instead."""
    delivered: tuple[IssueRef, ...] = ()
    """In scope now and done."""
    reopened: tuple[IssueRef, ...] = ()
    """In scope now and not done, but done before."""

    @property
    def grown_by(self) -> int:
        """Number of additional issues. A parent that was split into three children adds two."""
        return max(0, len(self.added) - len(self.split))

    @property
    def growth(self) -> float | None:
        """``grown_by`` as a share of the baseline; None without a baseline or for an empty one."""
        return self.grown_by / self.baseline if self.baseline else None

    @property
    def exceeds_threshold(self) -> bool:
        """True if the growth is large enough for ``flag:scope-growth``."""
        return self.growth is not None and self.growth > SCOPE_GROWTH_THRESHOLD


@dataclass(frozen=True, kw_only=True, slots=True)
class CapabilityRollup:
    """State, counts and scope of one capability."""

    id: str
    title: str
    increment: str
    goal: str
    team: str
    """The owner."""
    teams: tuple[str, ...]
    """Teams whose issues count here."""
    state: CapabilityState
    counts: Counts
    answers: Answers
    scope: ScopeChange
    issues: tuple[CountedIssue, ...] = ()
    """Leaf issues by tracker and key, dropped ones included."""
    iterations: tuple[IterationRollup, ...] = ()
    blocked: bool = False
    partly_blocked: tuple[int, int] | None = None
    """(blocked, started), if some but not all started issues are blocked."""
    released: bool = False
    released_on: date | None = None
    """Date in the plan; None if the label marks the release, or without a release."""
    required: bool = True
    cancelled: bool = False
    target: date
    """Date in the plan, or the last day of the increment."""
    anchor: Anchor | None = None
    continues: str | None = None
    conflicts: int = 0
    """Number of issues that rules of several teams claim, this capability being one of the claims."""
    warnings: tuple[str, ...] = ()
    """``code: sentence``; of issues, sentences contain keys only."""
    uncertain: tuple[str, ...] = ()
    """Sources of the capability that could not be read. Nothing is concluded or written from these numbers."""
    health: str | None = None
    """``on-track``, ``at-risk`` or ``off-track``; None without a reliable forecast (``expected`` has the reason)."""
    expected: Expectation | None = None
    """Forecast as shown to readers; None without one, and for finished or cancelled work."""
    proof: EvidenceResult | None = None
    """Evidence for the result; None if the plan asks for none."""

    @property
    def subject(self) -> str:
        """``capability:<id>``."""
        return f"capability:{self.id}"

    @property
    def blocked_issues(self) -> tuple[CountedIssue, ...]:
        """Its open issues that are blocked."""
        return tuple(each for each in self.issues if each.state.blocked and each.state.is_open)

    @property
    def blockers(self) -> tuple[IssueRef, ...]:
        """Issues of any team and tracker that block its open ones, each once.

        Those that nobody can name are one ref without a key.
        """
        return tuple(dict.fromkeys(ref for each in self.blocked_issues for ref in each.state.blockers))

    @property
    def not_proven(self) -> bool:
        """True if the work is done, but the required evidence is missing. The state does not change."""
        return self.state == "done" and self.proof is not None and not self.proof.reached

    @property
    def finished(self) -> bool:
        """True if done, or released by a person. A goal needs its required capabilities finished."""
        return self.state == "done" or (self.released and not self.cancelled)


@dataclass(frozen=True, kw_only=True, slots=True)
class GoalRollup:
    """State and counts of one goal, with its capabilities."""

    id: str
    title: str
    increment: str
    commitment: Literal["committed", "stretch"]
    state: GoalState
    capabilities: tuple[CapabilityRollup, ...]
    counts: Counts
    """Sum over the capabilities that are not cancelled."""
    required_done: int
    required_total: int
    """Required capabilities that are not cancelled; ``required_done`` counts the finished ones."""
    acceptance_open: bool = False
    """All work is done, and a person still has to accept the goal in the plan."""
    released: bool = False
    blocked: bool = False
    anchor: Anchor | None = None
    warnings: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()
    health: str | None = None
    """Health of the worst required capability."""
    expected: Expectation | None = None
    """Forecast as shown to readers, see ``CapabilityRollup.expected``."""

    @property
    def subject(self) -> str:
        """``goal:<id>``."""
        return f"goal:{self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class IncrementRollup:
    """State of one increment. Cancelled goals are in ``goals``, but not in the totals."""

    id: str
    phase: Phase
    start: date
    end: date
    goals: tuple[GoalRollup, ...]
    committed_done: int
    committed_total: int
    stretch_done: int
    stretch_total: int

    @property
    def capabilities(self) -> Iterator[CapabilityRollup]:
        """Capabilities of all goals, in the order of the plans."""
        return (capability for goal in self.goals for capability in goal.capabilities)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollup:
    """Roll-up of all plans, with the issues that count nowhere."""

    increments: tuple[IncrementRollup, ...]
    unplanned: tuple[Unplanned, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def goals(self) -> Iterator[GoalRollup]:
        """Goals of all increments, in the order of the plans."""
        return (goal for increment in self.increments for goal in increment.goals)

    @property
    def capabilities(self) -> Iterator[CapabilityRollup]:
        """Capabilities of all increments, in the order of the plans."""
        return (capability for increment in self.increments for capability in increment.capabilities)

    def capability(self, capability_id: str) -> CapabilityRollup | None:
        """Return the capability with this id; None if unknown."""
        return next((each for each in self.capabilities if each.id == capability_id), None)

    def goal(self, goal_id: str) -> GoalRollup | None:
        """Return the goal with this id; None if unknown."""
        return next((each for each in self.goals if each.id == goal_id), None)

    def subject(self, subject: str) -> CapabilityRollup | GoalRollup | None:
        """Return the capability or goal named ``capability:<id>`` or ``goal:<id>``; None if unknown."""
        kind, _, name = subject.partition(":")
        if kind == "capability":
            return self.capability(name)
        return self.goal(name) if kind == "goal" else None
