"""Compiled rules and flow states of one team."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from mappings.model import Rule, TeamMapping
from mappings.rules.conditions import compile_conditions
from mappings.rules.flow_state import StateResolver
from mappings.rules.rule_index import CompiledRule, RuleIndex
from mappings.rules.subject import RuleSubject

if TYPE_CHECKING:
    from mappings.rules.cel import CelCondition


class TeamRules:
    """Compiled mapping of one team. Raises PatternInvalid."""

    def __init__(self, mapping: TeamMapping) -> None:
        self.mapping = mapping
        self.team = mapping.team
        self.rules = tuple(
            CompiledRule(rule=rule, conditions=compile_conditions(rule.when)) for rule in mapping.rules
        )
        self.states = StateResolver(mapping)

    def reset_cel_failures(self) -> None:
        for _, condition in self._cel_conditions():
            condition.failures = 0

    def cel_warnings(self) -> Iterator[str]:
        """Yield a warning for each rule whose CEL expression failed on issues since the last reset."""
        for rule, condition in self._cel_conditions():
            count, example = condition.failures, condition.first_failed
            if count:
                issues = f"the issue {example}" if count == 1 else f"{count} issues such as {example}"
                yield (
                    f'The rule "{rule.id}" of {self.team} ({rule.origin}) fails on {issues}, which it therefore '
                    f"does not match: {condition.reason}; handle that case in its `cel`."
                )

    def _cel_conditions(self) -> Iterator[tuple[Rule, CelCondition]]:
        for compiled in self.rules:
            for condition in compiled.conditions:
                if condition.key == "cel":
                    yield compiled.rule, cast("CelCondition", condition)


class CandidateTeams:
    """Teams that have a source of an issue, with the index of their rules."""

    def __init__(self, teams: Sequence[TeamRules]) -> None:
        self.teams = teams
        self.first = RuleIndex([team.rules for team in teams]).first
        self.never_reopen = all(team.states.never_reopens for team in teams)

    def first_rules(self, subject: RuleSubject) -> list[tuple[TeamRules, Rule | None]]:
        """Return the teams in order, each with its first matching rule."""
        found = self.first(subject)
        return [(team, found.get(position)) for position, team in enumerate(self.teams)]
