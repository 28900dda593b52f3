"""Compiled rules and flow states of one team."""

from __future__ import annotations

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


__all__ = ["CompiledRule", "TeamRules"]
