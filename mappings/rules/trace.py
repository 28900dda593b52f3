"""Trace of a match for ``explain``: all rules and conditions, and the deciding reason."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.model import IssueRef
from mappings.model import Assignment, Conflict, Rule, Unplanned
from mappings.rules.rule_index import CompiledRule
from mappings.rules.subject import RuleSubject
from mappings.rules.team_rules import TeamRules

MatchOutcome = Assignment | Unplanned | Conflict | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionTrace:
    """Result of one condition."""

    key: str
    expected: str
    """Description of what the rule requires."""
    found: tuple[str, ...]
    """Values of the issue."""
    holds: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleTrace:
    """Result of one rule."""

    rule: Rule
    reached: bool
    """False for rules after the first match of the team."""
    matched: bool
    """True if all its conditions hold, also if it was not reached."""
    conditions: tuple[ConditionTrace, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamTrace:
    """Rules of one team that has a source of the issue."""

    team: str
    rules: tuple[RuleTrace, ...]
    winner: str | None
    """Id of the first rule that matches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """Explanation of the match of one issue."""

    ref: IssueRef
    ancestors: tuple[str, ...]
    """Keys, parent first, each followed by its former keys."""
    hidden_labels: tuple[str, ...]
    """Labels of the issue that are hidden from rules."""
    teams: tuple[TeamTrace, ...]
    outcome: MatchOutcome
    """None if the issue is neither counted nor unplanned."""
    because: str
    """One sentence with the deciding reason."""


def trace_team(rules: TeamRules, subject: RuleSubject, winner: Rule | None) -> TeamTrace:
    """Evaluate every rule of a team on one issue, in file order, including those after the first match."""
    traced: list[RuleTrace] = []
    reached = True
    for compiled in rules.rules:
        traced.append(_trace_rule(compiled, subject, reached=reached))
        reached = reached and compiled.rule is not winner
    return TeamTrace(team=rules.team, rules=tuple(traced), winner=winner.id if winner else None)


def _trace_rule(compiled: CompiledRule, subject: RuleSubject, *, reached: bool) -> RuleTrace:
    conditions = tuple(
        ConditionTrace(
            key=each.key, expected=each.expected, found=each.actual(subject), holds=each.holds(subject)
        )
        for each in compiled.conditions
    )
    matched = all(each.holds for each in conditions)
    return RuleTrace(rule=compiled.rule, reached=reached, matched=matched, conditions=conditions)
