"""What came of schedules: a verdict on each, and the sum of many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sync.simulation.invariants import Broken


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What came of one schedule."""

    seed: int
    broken: tuple[Broken, ...]
    injected: Mapping[str, int]
    """How often what went wrong."""
    edits: int
    """How often people acted."""
    writes: int
    mails: int
    """Mails to people, and in the twin."""
    twin_mails: int
    way: str = "in process"


@dataclass(kw_only=True)
class Tally:
    """The sum of many verdicts."""

    schedules: int = 0
    converged: int = 0
    edits: int = 0
    writes: int = 0
    mails: int = 0
    twin_mails: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    by_rule: Counter[str] = field(default_factory=Counter)
    failures: list[Verdict] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        """Count one more."""
        rules = {each.rule for each in verdict.broken}
        self.schedules += 1
        self.converged += not rules & {"converges", "second run is empty"}
        self.edits += verdict.edits
        self.writes += verdict.writes
        self.mails += verdict.mails
        self.twin_mails += verdict.twin_mails
        self.injected.update(verdict.injected)
        self.ways[verdict.way] += 1
        self.by_rule.update(rules)
        if verdict.broken:
            self.failures.append(verdict)

    def merge(self, other: Tally) -> None:
        """Count everything that another one counted."""
        for name in ("schedules", "converged", "edits", "writes", "mails", "twin_mails"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.injected.update(other.injected)
        self.ways.update(other.ways)
        self.by_rule.update(other.by_rule)
        self.failures += other.failures
