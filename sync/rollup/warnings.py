"""Warnings of the roll-up, each as ``code: sentence``.

Of issues, sentences contain keys only. Renderers must escape the keys for the tracker that shows them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from connectors.wording import are
from mappings.model import Assignment
from sync.model.rollup import CountedIssue, Counts, GoalState

MAX_KEYS_NAMED: Final = 5


def capability_warnings(
    issues: tuple[CountedIssue, ...], counts: Counts, *, released: bool, cancelled: bool
) -> tuple[str, ...]:
    """Return warnings about missing results, unmapped states and contradictory release or cancellation."""
    if cancelled:
        return ()
    found: list[str] = []
    if released and counts.remaining:
        found.append(f"released_with_open_items: released, but {are(counts.remaining, 'issue')} still open")
    if counts.dropped and not counts.scope:
        found.append(
            f"all_cancelled: every issue was dropped ({counts.dropped}); "
            "if the capability is dropped too, set `cancelled: true` in the plan"
        )
    without_result = [each for each in issues if each.lacks_result]
    if without_result:
        found.append(f"result_missing: {_names(without_result)} closed without a result label")
    unknown = [each for each in issues if not each.state.known]
    if unknown:
        found.append(
            f"unknown_status: the status of {_names(unknown)} is unmapped and counts as todo; "
            "add it under `states` in the team's mapping"
        )
    return tuple(found)


def goal_warnings(
    state: GoalState, *, stretch: bool, is_closed: bool, acceptance_open: bool
) -> tuple[str, ...]:
    """Return warnings about missing acceptance and missed stretch goals."""
    found: list[str] = []
    if acceptance_open:
        found.append(
            "acceptance_open: all required capabilities are finished; "
            "a person has to accept the goal in the plan"
        )
    if stretch and is_closed and state not in ("done", "cancelled"):
        found.append("stretch_not_done: the increment is closed and this stretch goal was not reached")
    return tuple(found)


def unknown_capabilities(assignments: Iterable[Assignment], planned: Collection[str]) -> tuple[str, ...]:
    """Warn about assignments to capabilities that no plan contains, as after a plan changed during a run."""
    unknown = sorted({each.capability for each in assignments} - set(planned))
    return tuple(
        f"unknown_capability: issues are assigned to {name}, which no plan contains" for name in unknown
    )


def _names(issues: list[CountedIssue]) -> str:
    """Return ``DS-1, DS-2 and 3 more``."""
    names = ", ".join(issue.ref.key for issue in issues[:MAX_KEYS_NAMED])
    more = len(issues) - MAX_KEYS_NAMED
    return f"{names} and {more} more" if more > 0 else names
