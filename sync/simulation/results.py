"""What came of schedules: a verdict on each, and the sum of many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sync.simulation.invariants import Violation


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleResult:
    """What came of one schedule."""

    seed: int
    violations: tuple[Violation, ...]
    injected: Mapping[str, int]
    """How often what went wrong."""
    user_actions: int
    """How often people acted."""
    writes: int
    notifications: int
    """Mails to people, and in the twin."""
    reference_notifications: int
    way: str = "in process"


@dataclass(kw_only=True)
class SimulationResults:
    """The sum of many verdicts."""

    schedules: int = 0
    converged: int = 0
    edits: int = 0
    writes: int = 0
    mails: int = 0
    twin_mails: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    by_invariant: Counter[str] = field(default_factory=Counter)
    failures: list[ScheduleResult] = field(default_factory=list)

    def add(self, verdict: ScheduleResult) -> None:
        """Count one more."""
        rules = {each.invariant for each in verdict.violations}
        self.schedules += 1
        self.converged += not rules & {"converges", "second run is empty"}
        self.edits += verdict.user_actions
        self.writes += verdict.writes
        self.mails += verdict.notifications
        self.twin_mails += verdict.reference_notifications
        self.injected.update(verdict.injected)
        self.modes[verdict.way] += 1
        self.by_invariant.update(rules)
        if verdict.violations:
            self.failures.append(verdict)

    def merge(self, other: SimulationResults) -> None:
        """Count everything that another one counted."""
        for name in ("schedules", "converged", "edits", "writes", "mails", "twin_mails"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.injected.update(other.injected)
        self.modes.update(other.modes)
        self.by_invariant.update(other.by_invariant)
        self.failures += other.failures
