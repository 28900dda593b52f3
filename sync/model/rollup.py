"""What a roll-up says, as frozen values. ``rollup.py`` makes them; comments, reports and guards read them.

Every value can be turned into JSON with ``dataclasses.asdict``: it holds nothing but dataclasses, tuples,
texts, numbers, dates and None.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal

from connectors.model import IssueRef
from mappings.model import Anchor, Answer, Conflict, IssueState, Phase, Unplanned
from sync.model.health import Expectation

CapabilityState = Literal["empty", "planned", "in-progress", "done", "cancelled"]
GoalState = Literal["planned", "in-progress", "done", "missed", "cancelled"]

SCOPE_GROWTH_THRESHOLD: Final = 0.25
"""Above this share of the baseline the anchor carries ``flag:scope-growth``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """The issues that were in scope at the first whole roll-up at or after the increment's start."""

    capability: str
    at: datetime
    """Aware, UTC."""
    refs: frozenset[IssueRef]


@dataclass(frozen=True, kw_only=True, slots=True)
class EvidenceResult:
    """How the evidence that a capability asks for stands."""

    reached: bool
    value: float | None
    """The number that was found; None without one."""
    why: str
    """For people: the number, the bound and the file, or why there is no number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many issues are where. Issues are counted, nothing is estimated."""

    todo: int = 0
    doing: int = 0
    done: int = 0
    unknown: int = 0
    """Their status means nothing to team and tracker; they are work that is left, never done."""
    dropped: int = 0
    """Outside of scope and progress, shown apart."""

    @property
    def scope(self) -> int:
        return self.todo + self.doing + self.done + self.unknown

    @property
    def remaining(self) -> int:
        return self.scope - self.done

    @property
    def progress(self) -> float | None:
        """Done share from 0 to 1, None without scope: neither 0 nor 100 %."""
        return self.done / self.scope if self.scope else None

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            todo=self.todo + other.todo,
            doing=self.doing + other.doing,
            done=self.done + other.done,
            unknown=self.unknown + other.unknown,
            dropped=self.dropped + other.dropped,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """How the experiments of a capability or iteration stand. Dropped ones are not among them."""

    confirmed: int = 0
    rejected: int = 0
    inconclusive: int = 0
    open: int = 0
    missing: int = 0
    """Closed, but nobody said how it ended."""

    @property
    def answered(self) -> int:
        return self.confirmed + self.rejected + self.inconclusive


@dataclass(frozen=True, kw_only=True, slots=True)
class CountedIssue:
    """An issue as it counts in one capability, with what people ask about it."""

    ref: IssueRef
    title: str
    url: str
    state: IssueState
    """As it counts: an issue that vanished for long is dropped here, whatever it said last."""
    team: str
    rule: str | None = None
    by: Literal["rule", "pin"] = "rule"
    iteration: str | None = None
    experiment: bool = False
    vanished: datetime | None = None
    reopened: int = 0
    closed: datetime | None = None
    late: bool = False
    """Done after the increment's end, within its grace days."""

    @property
    def in_scope(self) -> bool:
        return self.state.state != "dropped"

    @property
    def answer(self) -> Answer | None:
        return self.state.answer if self.experiment else None

    @property
    def lacks_result(self) -> bool:
        """An experiment that was closed without saying what came of it."""
        return self.experiment and self.state.state == "done" and not self.answer


@dataclass(frozen=True, kw_only=True, slots=True)
class IterationRollup:
    """A named round of a capability. It has no effect on the capability's state."""

    name: str
    state: CapabilityState
    counts: Counts
    answers: Answers


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopeChange:
    """What became of the baseline. The parts always add up::

    baseline + added - dropped - moved_out - vanished - split = scope now = delivered + remaining
    """

    baseline: int | None = None
    """Number of issues at the start; None when there is no baseline (yet): then all lists but
    ``delivered`` and ``reopened`` are empty."""
    baseline_at: datetime | None = None
    complete_from_start: bool = False
    """False when the baseline was taken more than a day after the start: growth is "since" then."""
    added: tuple[IssueRef, ...] = ()
    dropped: tuple[IssueRef, ...] = ()
    moved_out: tuple[IssueRef, ...] = ()
    """Now in another capability, or in none."""
    vanished: tuple[IssueRef, ...] = ()
    split: tuple[IssueRef, ...] = ()
    """Still here, but their children count in their place."""
    delivered: tuple[IssueRef, ...] = ()
    """In scope now and done."""
    reopened: tuple[IssueRef, ...] = ()
    """In scope now, not done, and seen done before."""

    @property
    def grown_by(self) -> int:
        """Issues that came on top; a parent that was split into three children adds two."""
        return max(0, len(self.added) - len(self.split))

    @property
    def growth(self) -> float | None:
        """``grown_by`` as a share of the baseline (0.25 is 25 %); None without one or with an empty one."""
        return self.grown_by / self.baseline if self.baseline else None

    @property
    def exceeds_threshold(self) -> bool:
        """True when the growth is worth a flag on the anchor."""
        return self.growth is not None and self.growth > SCOPE_GROWTH_THRESHOLD


@dataclass(frozen=True, kw_only=True, slots=True)
class CapabilityRollup:
    id: str
    title: str
    increment: str
    goal: str
    team: str
    """The owner."""
    teams: tuple[str, ...]
    """Those whose issues count here."""
    state: CapabilityState
    counts: Counts
    answers: Answers
    scope: ScopeChange
    issues: tuple[CountedIssue, ...] = ()
    """The leaves, dropped ones included, by tracker and key."""
    iterations: tuple[IterationRollup, ...] = ()
    blocked: bool = False
    partly_blocked: tuple[int, int] | None = None
    """(blocked, started) when some but not all started issues are blocked."""
    released: bool = False
    released_on: date | None = None
    """The plan's date; None when the label says it, or nobody."""
    required: bool = True
    cancelled: bool = False
    target: date
    """The plan's date, or the increment's last day."""
    anchor: Anchor | None = None
    continues: str | None = None
    conflicts: int = 0
    """Issues that rules of several teams claim, this capability being one of the claims."""
    warnings: tuple[str, ...] = ()
    """``code: sentence``, without any text from an issue but keys."""
    uncertain: tuple[str, ...] = ()
    """Sources that feed it and could not be read: nothing may be concluded or written from its figures."""
    health: str | None = None
    """The word that a forecast has earned; None where none may be said (``expected`` says why)."""
    expected: Expectation | None = None
    """What a forecast says, as readers are told; None without one, and when it is finished or cancelled."""
    proof: EvidenceResult | None = None
    """None when the plan asks for no evidence."""

    @property
    def subject(self) -> str:
        return f"capability:{self.id}"

    @property
    def not_proven(self) -> bool:
        """Done, but what would prove it is not there. A fact of its own, as released is: the state stays."""
        return self.state == "done" and self.proof is not None and not self.proof.reached

    @property
    def finished(self) -> bool:
        """Done, or released by a person: what a goal asks of its capabilities."""
        return self.state == "done" or (self.released and not self.cancelled)


@dataclass(frozen=True, kw_only=True, slots=True)
class GoalRollup:
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
    """Required capabilities that are not cancelled; ``done`` counts the finished ones among them."""
    acceptance_open: bool = False
    """All work is done and only a person's word is missing."""
    released: bool = False
    blocked: bool = False
    anchor: Anchor | None = None
    warnings: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()
    health: str | None = None
    """That of its worst required capability."""
    expected: Expectation | None = None
    """As a capability's."""

    @property
    def subject(self) -> str:
        return f"goal:{self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class IncrementRollup:
    """Goals that the plan cancelled are in ``goals`` but in none of the totals."""

    id: str
    phase: Phase
    start: date
    end: date
    goals: tuple[GoalRollup, ...]
    committed_done: int
    committed_total: int
    stretch_done: int
    stretch_total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollup:
    increments: tuple[IncrementRollup, ...]
    unplanned: tuple[Unplanned, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def goals(self) -> Iterator[GoalRollup]:
        return (goal for increment in self.increments for goal in increment.goals)

    @property
    def capabilities(self) -> Iterator[CapabilityRollup]:
        return (capability for goal in self.goals for capability in goal.capabilities)

    def capability(self, capability_id: str) -> CapabilityRollup | None:
        return next((each for each in self.capabilities if each.id == capability_id), None)

    def goal(self, goal_id: str) -> GoalRollup | None:
        return next((each for each in self.goals if each.id == goal_id), None)

    def subject(self, subject: str) -> CapabilityRollup | GoalRollup | None:
        """What ``capability:<id>`` or ``goal:<id>`` names, or None."""
        kind, _, name = subject.partition(":")
        if kind == "capability":
            return self.capability(name)
        return self.goal(name) if kind == "goal" else None
