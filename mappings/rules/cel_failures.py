"""Says once for each rule on which issues its ``cel`` had no answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, cast

from mappings.model import Rule
from mappings.rules.team_rules import TeamRules

if TYPE_CHECKING:
    from mappings.rules.cel import CelCondition


class CelFailureReport:
    """Watches the expressions of some teams while issues are matched."""

    def __init__(self, teams: Iterable[TeamRules]) -> None:
        self._watched = [
            (team.team, compiled.rule, cast("CelCondition", condition))
            for team in teams
            for compiled in team.rules
            for condition in compiled.conditions
            if condition.key == "cel"
        ]

    def reset(self) -> None:
        """Forget what happened so far."""
        for _, _, condition in self._watched:
            condition.reset_failures()

    def warnings(self) -> Iterator[str]:
        """A sentence for each rule whose expression failed since the start."""
        for team, rule, condition in self._watched:
            if condition.first_failure is not None:
                yield _warning(team, rule, condition.failures, str(condition.first_failure.ref), condition)


def _warning(team: str, rule: Rule, count: int, example: str, condition: CelCondition) -> str:
    issues = f"the issue {example}" if count == 1 else f"{count} issues such as {example}"
    reason = condition.first_failure.reason if condition.first_failure else ""
    return (
        f'The rule "{rule.id}" of {team} ({rule.origin}) has no answer for {issues}, which it does not match: '
        f"{reason}; guard its `cel` against that."
    )
