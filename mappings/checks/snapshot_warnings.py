"""Warnings about probable mistakes, based on the issues in the stored snapshot."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Final

from connectors.model import KnownIssue
from connectors.text import fold_name
from connectors.wording import pluralize
from mappings.checks.rule_reach import LocatedRule, LocatedTeam, locate_teams
from mappings.checks.shadowed_rules import is_shadowed
from mappings.checks.silence import CheckedProblems, split_silenced
from mappings.checks.unknown_names import NamesOfThePast, unknown_names
from mappings.checks.warnings import is_over, located_labels
from mappings.labels import LabelScheme
from mappings.load_result import LoadResult
from mappings.model import Overrides, Rule, TeamMapping, Workspace
from mappings.parsed import ParsedCapability
from mappings.problems import Problem
from mappings.rules.flow_state import state_of
from mappings.rules.matcher import Matcher
from mappings.rules.patterns import has_wildcard
from mappings.rules.placement import ClosingTimes
from mappings.rules.team_rules import TeamRules

_MAX_EXAMPLES: Final = 3
_MAX_SPELLINGS: Final = 20


@dataclass(kw_only=True, slots=True)
class _TeamStatistics:
    """Statistics of the snapshot for one team."""

    mapping: TeamMapping
    issues: Counter[str] = field(default_factory=Counter)
    """By source."""
    matched: Counter[str] = field(default_factory=Counter)
    """Issues that a rule matches, by source."""
    deciding_rules: set[str] = field(default_factory=set)
    """Ids of rules that match an issue first."""
    statuses: Counter[str] = field(default_factory=Counter)
    """Statuses without a category and without a mapping."""
    spellings: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Folded label -> its spellings."""
    has_bodies: bool = False
    fields: set[str] = field(default_factory=set)
    """Folded names of the custom fields in the snapshot."""
    shadowed_rules: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Rule that never matches first -> rules that match its issues first."""

    def add(self, known: KnownIssue, labels: Iterable[str], rule: Rule | None) -> None:
        """Count an issue. ``rule``: the rule of the team that matches it first."""
        issue = known.issue
        sources = known.sources.intersection(source.name for source in self.mapping.sources)
        self.issues.update(sources)
        if rule is not None:
            self.matched.update(sources)
            self.deciding_rules.add(rule.id)
        if issue.category is None and not state_of(issue, self.mapping).known:
            self.statuses[issue.status] += 1
        for label in labels:
            self.spellings[fold_name(label)].add(label)
        self.has_bodies = self.has_bodies or bool(issue.body)
        self.fields.update(map(fold_name, issue.fields))


def snapshot_warnings(
    loaded: LoadResult,
    workspace: Workspace,
    labels: LabelScheme,
    known: Iterable[KnownIssue],
    overrides: Overrides,
    now: datetime,
    closing_times: ClosingTimes | None = None,
    past: NamesOfThePast = NamesOfThePast(),
) -> CheckedProblems:
    """Return warnings about a workspace without errors, based on the stored issues."""
    known = list(known)
    current = [each for each in known if each.vanished is None]
    matcher = Matcher(workspace, labels, now, closing_times=closing_times)
    teams = locate_teams(loaded.parsed, loaded.builder, ())
    statistics = _collect_statistics(matcher, workspace, current)
    counted = {each.capability for each in matcher.match(current, overrides).assignments}
    live = {
        each.capability.id: each for each in loaded.parsed.capabilities() if not is_over(each, now.date())
    }
    found: list[Problem] = []
    for team in teams:
        stats = statistics[team.name]
        found += unmatched_rule(team, stats, live)
        found += rule_shadowed_on_snapshot(team, stats)
        found += source_without_rule(team, stats)
        found += status_without_state(team, stats)
        found += label_spelling(team, stats)
    found += shared_issues(teams, current)
    deciding = {team: stats.deciding_rules for team, stats in statistics.items()}
    mappings = {team.team: team for team in workspace.teams}
    found += unknown_names(teams, mappings, loaded.parsed.defaults, known, past, deciding)
    begun = [
        each for name, each in live.items() if name not in counted and each.plan.entry.start <= now.date()
    ]
    found += capability_without_issues(begun, [team for team in teams if statistics[team.name].issues])
    return split_silenced(found, loaded.parsed)


def _collect_statistics(
    matcher: Matcher, workspace: Workspace, known: Sequence[KnownIssue]
) -> Mapping[str, _TeamStatistics]:
    """Match every issue once, and again for the rules that never match first."""
    statistics = {team.team: _TeamStatistics(mapping=team) for team in workspace.teams}
    for each, subject, firsts in matcher.first_rules(known):
        for team, rule in firsts:
            statistics[team.team].add(each, subject.labels, rule)
    unmatched = {
        team: [rule for rule in TeamRules(stats.mapping).rules if rule.rule.id not in stats.deciding_rules]
        for team, stats in statistics.items()
    }
    for _, subject, firsts in matcher.first_rules(known) if any(unmatched.values()) else ():
        for team, winner in firsts:
            for compiled in unmatched[team.team]:
                if winner is not None and compiled.holds(subject):
                    statistics[team.team].shadowed_rules[compiled.rule.id][winner.id] += 1
    return statistics


def unmatched_rule(team: LocatedTeam, stats: _TeamStatistics, live: Container[str]) -> Iterator[Problem]:
    """Warn about rules of live capabilities that match no issue although their sources were read."""
    for each in team.rules:
        unmatched = each.rule.id not in stats.deciding_rules and each.rule.id not in stats.shadowed_rules
        if unmatched and each.rule.assign in live and _has_needed_data(each, stats):
            count = sum(stats.issues[name] for name in each.reachable_sources)
            message = (
                f"this rule matches none of {_count_issues(count)} in the snapshot; correct its conditions or "
                "remove it."
            )
            yield each.location.warning("unmatched-rule", message, on_key=True)


def _has_needed_data(rule: LocatedRule, stats: _TeamStatistics) -> bool:
    """Return True if the snapshot has the data that the rule needs. Bodies and custom fields come with the next run."""
    if not any(stats.issues[name] for name in rule.reachable_sources):
        return False
    needed = {fold_name(key.removeprefix("field.")) for key in rule.conditions if key.startswith("field.")}
    return ("body" not in rule.conditions or stats.has_bodies) and needed <= stats.fields


def rule_shadowed_on_snapshot(team: LocatedTeam, stats: _TeamStatistics) -> Iterator[Problem]:
    """Warn about rules whose issues are all matched by earlier rules."""
    for index, each in enumerate(team.rules):
        earlier = stats.shadowed_rules.get(each.rule.id)
        if not earlier or is_shadowed(team.rules[:index], each):
            continue
        names = ", ".join(f'"{name}" {count}' for name, count in earlier.most_common(_MAX_EXAMPLES))
        message = (
            f"earlier rules match all issues of this one: {_count_issues(earlier.total())} in the snapshot "
            f"({names}); move it up or remove it."
        )
        yield each.location.warning("shadowed-rule", message, on_key=True)


def source_without_rule(team: LocatedTeam, stats: _TeamStatistics) -> Iterator[Problem]:
    """Warn about sources with issues of which no rule matches any."""
    for source in team.sources:
        count = stats.issues[source.name]
        reached = any(source.name in rule.reachable_sources for rule in team.rules)
        if count and reached and not stats.matched[source.name]:
            message = (
                f"no rule of this team matches any of {_count_issues(count)} of {source.name}; add one or remove "
                "the source."
            )
            yield source.location.warning("unmapped-source", message, on_key=True)


def status_without_state(team: LocatedTeam, stats: _TeamStatistics) -> Iterator[Problem]:
    """Warn about statuses without a category and without a mapping: their issues count as todo."""
    written = team.parsed.location / "states"
    location = written if written.positions.resolve(written.path) else team.parsed.location / "team"
    for status, count in sorted(stats.statuses.items()):
        message = (
            f'the status "{status}" ({_count_issues(count)}) has no category on the tracker and counts as todo; add it '
            "under `states`."
        )
        yield location.warning("status-without-state", message, on_key=True)


def label_spelling(team: LocatedTeam, stats: _TeamStatistics) -> Iterator[Problem]:
    """Warn about labels that the tracker spells differently from the mapping, or in several ways."""
    for text, location in located_labels(team):
        spellings = stats.spellings.get(fold_name(text), set())
        if spellings and text not in spellings and not has_wildcard(text):
            message = f'"{text}" is spelled "{min(spellings)}" on the tracker; use that spelling.'
            yield location.warning("label-case", message)
    several = [sorted(names) for _, names in sorted(stats.spellings.items()) if len(names) > 1]
    for names in several[:_MAX_SPELLINGS]:
        shown = ", ".join(f'"{name}"' for name in names)
        message = f"the team's issues have {shown}, which rules treat as one label; keep one of them."
        yield (team.parsed.location / "team").warning("label-case", message)
    if len(several) > _MAX_SPELLINGS:
        message = f"{len(several) - _MAX_SPELLINGS} more labels of the team's issues differ in case only."
        yield (team.parsed.location / "team").warning("label-case", message)


def shared_issues(teams: Sequence[LocatedTeam], known: Iterable[KnownIssue]) -> Iterator[Problem]:
    """Warn about narrowed sources of different teams that contain the same issues."""
    narrowed = {source.name: team for team in teams for source in team.sources if source.narrowing}
    both: Counter[tuple[str, str]] = Counter()
    for each in known:
        both.update(combinations(sorted(narrowed.keys() & each.sources), 2))
    for team in teams:
        for source in team.sources:
            for (one, other), count in sorted(both.items()):
                mine, theirs = (one, other) if one == source.name else (other, one)
                if mine == source.name and narrowed[theirs].parsed.location != team.parsed.location:
                    other_team = narrowed[theirs].name
                    message = f"{other_team} also reads {_count_issues(count)} of it ({theirs}); narrow one of them."
                    yield source.location.warning("shared-source", message, on_key=True)


def capability_without_issues(
    planned: Iterable[ParsedCapability], teams: Sequence[LocatedTeam]
) -> Iterator[Problem]:
    """Warn about capabilities without issues for which teams with issues have rules."""
    for each in planned:
        name = each.capability.id
        namers = [team.name for team in teams if any(rule.rule.assign == name for rule in team.rules)]
        if namers:
            message = (
                f'no issue in the snapshot counts towards "{name}"; check the rules of {", ".join(namers)}.'
            )
            yield (each.location / "id").warning("capability-without-issues", message)


def _count_issues(count: int) -> str:
    return pluralize(count, "issue")
