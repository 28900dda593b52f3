"""Results of simulations: of one schedule, and summed up over many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from sync.simulation.invariants import Violation


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleResult:
    """The result of one schedule."""

    seed: int
    violations: tuple[Violation, ...]
    injected: Mapping[str, int]
    """Kind of fault -> how often it was injected."""
    user_actions: int
    """Number of actions of simulated users."""
    writes: int
    notifications: int
    """Number of mails to users, and without faults."""
    reference_notifications: int
    mode: str = "in process"
    story: tuple[str, ...] = ()
    """What happened in a random world that failed, after superfluous events were dropped."""


@dataclass(kw_only=True)
class SimulationResults:
    """The sum of many results."""

    schedules: int = 0
    converged: int = 0
    user_actions: int = 0
    writes: int = 0
    notifications: int = 0
    reference_notifications: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    by_invariant: Counter[str] = field(default_factory=Counter)
    failures: list[ScheduleResult] = field(default_factory=list)

    def add(self, result: ScheduleResult) -> None:
        """Add the result of one schedule."""
        rules = {each.invariant for each in result.violations}
        self.schedules += 1
        self.converged += not rules & {"converges", "second run is empty"}
        self.user_actions += result.user_actions
        self.writes += result.writes
        self.notifications += result.notifications
        self.reference_notifications += result.reference_notifications
        self.injected.update(result.injected)
        self.modes[result.mode] += 1
        self.by_invariant.update(rules)
        if result.violations:
            self.failures.append(result)

    def merge(self, other: SimulationResults) -> None:
        """Add all results of another one."""
        for each in fields(self):
            # Numbers, counters and lists: all of them can be added.
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
