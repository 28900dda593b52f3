"""Text summary of simulation results."""

from __future__ import annotations

from collections.abc import Iterator

from sync.simulation.results import SimulationResults

MAX_SHOWN_FAILURES = 20


def summary_lines(results: SimulationResults, *, seconds: float) -> Iterator[str]:
    """Yield the totals, then the violations with the seeds that reproduce them."""
    yield f"schedules run         {results.schedules}"
    for mode, count in sorted(results.modes.items()):
        yield f"  {mode:<20}{count}"
    yield f"faults injected       {results.injected.total()}"
    for kind, count in sorted(results.injected.items()):
        yield f"  {kind:<32}{count}"
    yield f"user actions          {results.user_actions}"
    yield f"writes                {results.writes}"
    yield f"converged             {results.converged} of {results.schedules}"
    for name, rule in (*INVARIANT_LABELS, *WORLD_INVARIANT_LABELS):
        yield f"{name:<22}{results.by_invariant[rule]}"
    yield f"mails to users        {results.notifications}, without faults {results.reference_notifications}"
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
"""Name of each line of the summary, and the invariant whose violations it counts, by schedule."""
WORLD_INVARIANT_LABELS = (
    ("decisions lost", "lost decision"),
    ("decisions invented", "invented decision"),
    ("wrong labels", "wrong label"),
)
"""The same for random worlds."""


def failure_lines(results: SimulationResults) -> Iterator[str]:
    """Yield the violations by seed."""
    for result in results.failures[:MAX_SHOWN_FAILURES]:
        yield f"seed {result.seed} ({result.mode}):"
        yield from (f"  {line}" for line in result.story)
        for violation in result.violations[:5]:
            yield f"  {violation.invariant}: {violation.text}"
    if len(results.failures) > MAX_SHOWN_FAILURES:
        yield f"and {len(results.failures) - MAX_SHOWN_FAILURES} more seeds"
