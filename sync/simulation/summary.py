"""What a person reads about a rehearsal."""

from __future__ import annotations

from collections.abc import Iterator

from sync.simulation.results import Tally

MOST_FAILURES = 20


def tally_text(tally: Tally, *, seconds: float) -> Iterator[str]:
    """The figures, then what did not hold, with the seeds that show it again."""
    yield f"schedules run         {tally.schedules}"
    for way, count in sorted(tally.ways.items()):
        yield f"  {way:<20}{count}"
    yield f"faults injected       {tally.injected.total()}"
    for kind, count in sorted(tally.injected.items()):
        yield f"  {kind:<32}{count}"
    yield f"people acted          {tally.edits} times"
    yield f"writes                {tally.writes}"
    yield f"converged             {tally.converged} of {tally.schedules}"
    for name, rule in COUNTED:
        yield f"{name:<22}{tally.by_rule[rule]}"
    yield f"mails to people       {tally.mails}, without faults {tally.twin_mails}"
    yield f"wall time             {seconds:.0f} s"
    yield from failures_text(tally)


COUNTED = (
    ("duplicate comments", "one comment"),
    ("human edits lost", "people first"),
    ("labels flapping", "no flapping"),
    ("partial roll-ups", "no partial roll-up"),
    ("writes not journalled", "journalled"),
    ("last run not empty", "second run is empty"),
    ("unexpected errors", "no bug"),
)
"""What people call it when a rule does not hold; each counts schedules."""


def failures_text(tally: Tally) -> Iterator[str]:
    """What did not hold."""
    for verdict in tally.failures[:MOST_FAILURES]:
        yield f"seed {verdict.seed} ({verdict.way}):"
        for broken in verdict.broken[:5]:
            yield f"  {broken.rule}: {broken.text}"
    if len(tally.failures) > MOST_FAILURES:
        yield f"and {len(tally.failures) - MOST_FAILURES} more seeds"
