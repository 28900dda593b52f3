"""Compiled rules and flow states of one team."""

from __future__ import annotations

from collections.abc import Sequence

from mappings.model import Rule, TeamMapping
from mappings.rules.conditions import compile_conditions
from mappings.rules.flow_state import StateResolver
from mappings.rules.rule_index import CompiledRule, RuleIndex
from mappings.rules.subject import RuleSubject


class TeamRules:
    """Compiled mapping of one team. Raises PatternInvalid."""

    def __init__(self, mapping: TeamMapping) -> None:
        self.mapping = mapping
        self.rules = tuple(
            CompiledRule(rule=rule, conditions=compile_conditions(rule.when)) for rule in mapping.rules
        )
        self.states = StateResolver(mapping)

    @property
    def team(self) -> str:
        return self.mapping.team

    def first_match(self, subject: RuleSubject) -> Rule | None:
        """Return the first rule in file order whose conditions all hold."""
        return RuleIndex([self.rules]).first(subject).get(0)


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
