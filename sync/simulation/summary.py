"""What a person reads about a rehearsal."""

from __future__ import annotations

from collections.abc import Iterator

from sync.simulation.results import SimulationResults

MAX_SHOWN_FAILURES = 20


def summary_lines(results: SimulationResults, *, seconds: float) -> Iterator[str]:
    """The figures, then what did not hold, with the seeds that show it again."""
    yield f"schedules run         {results.schedules}"
    for way, count in sorted(results.modes.items()):
        yield f"  {way:<20}{count}"
    yield f"faults injected       {results.injected.total()}"
    for kind, count in sorted(results.injected.items()):
        yield f"  {kind:<32}{count}"
    yield f"people acted          {results.edits} times"
    yield f"writes                {results.writes}"
    yield f"converged             {results.converged} of {results.schedules}"
    for name, rule in INVARIANT_LABELS:
        yield f"{name:<22}{results.by_invariant[rule]}"
    yield f"mails to people       {results.mails}, without faults {results.twin_mails}"
    yield f"wall time             {seconds:.0f} s"
    yield from failure_lines(results)


INVARIANT_LABELS = (
    ("duplicate comments", "one comment"),
    ("human edits lost", "people first"),
    ("labels flapping", "no flapping"),
    ("partial roll-ups", "no partial roll-up"),
    ("writes not journalled", "journalled"),
    ("last run not empty", "second run is empty"),
    ("unexpected errors", "no bug"),
)
"""What people call it when a rule does not hold; each counts schedules."""


def failure_lines(results: SimulationResults) -> Iterator[str]:
    """What did not hold."""
    for verdict in results.failures[:MAX_SHOWN_FAILURES]:
        yield f"seed {verdict.seed} ({verdict.way}):"
        for broken in verdict.violations[:5]:
            yield f"  {broken.invariant}: {broken.text}"
    if len(results.failures) > MAX_SHOWN_FAILURES:
        yield f"and {len(results.failures) - MAX_SHOWN_FAILURES} more seeds"
