"""List of all cross-file checks. Each check is a function from the parsed workspace to problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from mappings.checks import labels, plans, rules, sources
from mappings.checks.duplicates import duplicate_ids, duplicate_source
from mappings.checks.silence import unknown_silence
from mappings.parsed import ParsedWorkspace
from mappings.problems import Problem

Check = Callable[[ParsedWorkspace], Iterable[Problem]]

CHECKS: Final[tuple[Check, ...]] = (
    duplicate_ids,
    duplicate_source,
    plans.unusable_id,
    plans.end_before_start,
    plans.target_outside_increment,
    plans.unknown_timezone,
    plans.bad_anchor,
    plans.unknown_team,
    plans.bad_continues,
    plans.previously_clashes,
    plans.goal_without_capabilities,
    rules.unknown_capability,
    rules.unknown_iteration,
    rules.unknown_tracker,
    sources.one_tracker_per_entry,
    sources.source_does_not_fit_tracker,
    rules.pattern_invalid,
    rules.cel_invalid,
    labels.clashing_prefixes,
    rules.reserved_labels,
    rules.identical_rules,
    rules.status_in_two_states,
    unknown_silence,
)


def run_checks(parsed: ParsedWorkspace) -> tuple[Problem, ...]:
    """Return the problems of all checks."""
    return tuple(problem for each in CHECKS for problem in each(parsed))
