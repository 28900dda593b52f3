"""Warnings about CEL expressions that failed while issues were matched, one per rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

from mappings.model import Rule
from mappings.rules.team_rules import TeamRules

if TYPE_CHECKING:
    from mappings.rules.cel import CelCondition


class CelFailureReport:
    """Collects failures of the CEL conditions of several teams."""

    def __init__(self, teams: Iterable[TeamRules]) -> None:
        self._watched = [
            (team.team, compiled.rule, cast("CelCondition", condition))
            for team in teams
            for compiled in team.rules
            for condition in compiled.conditions
            if condition.key == "cel"
        ]

    def reset(self) -> None:
        """Reset all failure counts."""
        for _, _, condition in self._watched:
            condition.reset_failures()

    def warnings(self) -> Iterator[str]:
        """Yield a warning for each rule whose expression failed since the last reset."""
        for team, rule, condition in self._watched:
            if condition.first_failure is not None:
                yield _warning(team, rule, condition.failures, str(condition.first_failure.ref), condition)


def _warning(team: str, rule: Rule, count: int, example: str, condition: CelCondition) -> str:
    issues = f"the issue {example}" if count == 1 else f"{count} issues such as {example}"
    reason = condition.first_failure.reason if condition.first_failure else ""
    return (
        f'The rule "{rule.id}" of {team} ({rule.origin}) fails on {issues}, which it therefore does not match: '
        f"{reason}; handle that case in its `cel`."
    )
