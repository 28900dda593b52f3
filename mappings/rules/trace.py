"""What ``explain`` shows: every rule that was tried on an issue, and what decided."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.model import IssueRef
from mappings.model import Assignment, Conflict, Rule, Unplanned
from mappings.rules.conditions import RuleSubject
from mappings.rules.rule_index import CompiledRule
from mappings.rules.team_rules import TeamRules

MatchOutcome = Assignment | Unplanned | Conflict | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionTrace:
    key: str
    expected: str
    """What the rule asks for, in words."""
    found: tuple[str, ...]
    """What the issue says."""
    holds: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleTrace:
    rule: Rule
    reached: bool
    """False after the team's winner: the rule was not asked any more."""
    matched: bool
    """Whether all its conditions hold, also when it was not reached."""
    conditions: tuple[ConditionTrace, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamTrace:
    """One team that has the issue's source."""

    team: str
    rules: tuple[RuleTrace, ...]
    winner: str | None
    """Id of the first rule that matched."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    ref: IssueRef
    ancestors: tuple[str, ...]
    """Keys, nearest first."""
    hidden_labels: tuple[str, ...]
    """Labels of the issue that rules do not see."""
    teams: tuple[TeamTrace, ...]
    outcome: MatchOutcome
    """None when the issue is neither counted nor unplanned."""
    because: str
    """One sentence that says what decided."""


def trace_team(rules: TeamRules, subject: RuleSubject, winner: Rule | None) -> TeamTrace:
    """Every rule of a team against one issue, in file order, up to and beyond the one that won."""
    traced: list[RuleTrace] = []
    reached = True
    for compiled in rules.rules:
        traced.append(_trace_rule(compiled, subject, reached=reached))
        reached = reached and compiled.rule is not winner
    return TeamTrace(team=rules.team, rules=tuple(traced), winner=winner.id if winner else None)


def _trace_rule(compiled: CompiledRule, subject: RuleSubject, *, reached: bool) -> RuleTrace:
    conditions = tuple(
        ConditionTrace(
            key=each.key,
            expected=each.expected,
            found=each.actual(subject),
            holds=each.holds(subject),
        )
        for each in compiled.conditions
    )
    matched = all(each.holds for each in conditions)
    return RuleTrace(rule=compiled.rule, reached=reached, matched=matched, conditions=conditions)
