"""Warnings about probable mistakes, based on the issues in the stored snapshot."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from connectors.model import Issue, KnownIssue
from mappings.checks.rule_reach import LocatedRule, LocatedTeam, locate_teams
from mappings.checks.shadowed_rules import is_shadowed
from mappings.checks.silence import split_silenced
from mappings.checks.warnings import CheckWarnings, is_over, located_labels
from mappings.labels import LabelScheme
from mappings.load_result import LoadResult
from mappings.model import Overrides, TeamMapping, Workspace
from mappings.parsed import ParsedCapability
from mappings.problems import Problem, sort_problems
from mappings.rules.flow_state import state_of
from mappings.rules.matcher import Matcher
from mappings.rules.patterns import has_wildcard
from mappings.rules.rule_index import CompiledRule
from mappings.rules.team_rules import TeamRules

_MAX_EXAMPLES: Final = 3
_MAX_SPELLINGS: Final = 20


@dataclass(kw_only=True, slots=True)
class _TeamStatistics:
    """Statistics of the snapshot for one team."""

    issues: Counter[str] = field(default_factory=Counter)
    """By source."""
    matched: Counter[str] = field(default_factory=Counter)
    """Issues that a rule matches, by source."""
    deciding_rules: set[str] = field(default_factory=set)
    """Ids of rules that match an issue first."""
    statuses: Counter[str] = field(default_factory=Counter)
    """Statuses without a category and without a mapping."""
    spellings: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Case-folded label -> its spellings."""
    has_bodies: bool = False
    fields: set[str] = field(default_factory=set)
    """Case-folded names of the custom fields in the snapshot."""
    shadowed_rules: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Rule that never matches first -> rules that match its issues first."""


def snapshot_warnings(
    loaded: LoadResult,
    workspace: Workspace,
    labels: LabelScheme,
    known: Iterable[KnownIssue],
    overrides: Overrides,
    now: datetime,
) -> CheckWarnings:
    """Return warnings about a workspace without errors, based on the stored issues."""
    there = [each for each in known if each.vanished is None]
    matcher = Matcher(workspace, labels, now)
    teams = locate_teams(loaded.draft, loaded.builder, ())
    seen = _collect_statistics(matcher, workspace, labels, there)
    found: list[Problem] = []
    for team in teams:
        facts = seen[team.parsed.entry.team]
        found += unmatched_rule(team, facts, loaded, now)
        found += rule_shadowed_on_snapshot(team, facts)
        found += source_without_rule(team, facts)
        found += status_without_state(team, facts)
        found += label_spelling(team, facts)
    found += shared_issues(teams, there)
    found += capability_without_issues(loaded, teams, seen, matcher, there, overrides, now)
    told, silenced = split_silenced(found, loaded.draft)
    return CheckWarnings(reported=sort_problems(told), silenced=sort_problems(silenced))


def _collect_statistics(
    matcher: Matcher, workspace: Workspace, labels: LabelScheme, known: Sequence[KnownIssue]
) -> Mapping[str, _TeamStatistics]:
    """Match every issue once, and again for the rules that never match first."""
    seen = {team.team: _TeamStatistics() for team in workspace.teams}
    mappings = {team.team: team for team in workspace.teams}
    sources = {team.team: {source.name for source in team.sources} for team in workspace.teams}
    for each, subject, firsts in matcher.first_rules(known):
        for team, rule in firsts:
            facts, held = seen[team.team], each.sources & sources[team.team]
            facts.issues.update(held)
            _record_issue(facts, each.issue, mappings[team.team], labels.unmanaged(subject.labels))
            if rule is not None:
                facts.matched.update(held)
                facts.deciding_rules.add(rule.id)
    silent = {
        team: [rule for rule in TeamRules(mapping).rules if rule.rule.id not in seen[team].deciding_rules]
        for team, mapping in mappings.items()
    }
    if any(silent.values()):
        _collect_shadowed_rules(matcher, known, seen, silent)
    return seen


def _collect_shadowed_rules(
    matcher: Matcher,
    known: Sequence[KnownIssue],
    statistics: Mapping[str, _TeamStatistics],
    unmatched: Mapping[str, Sequence[CompiledRule]],
) -> None:
    for _, subject, firsts in matcher.first_rules(known):
        for team, winner in firsts:
            for compiled in unmatched[team.team]:
                if compiled.holds(subject) and winner is not None:
                    statistics[team.team].shadowed_rules[compiled.rule.id][winner.id] += 1


def _record_issue(facts: _TeamStatistics, issue: Issue, mapping: TeamMapping, labels: Iterable[str]) -> None:
    if issue.category is None and not state_of(issue, mapping).known:
        facts.statuses[issue.status] += 1
    for label in labels:
        facts.spellings[label.casefold()].add(label)
    facts.has_bodies = facts.has_bodies or bool(issue.body)
    facts.fields.update(name.casefold() for name in issue.fields)


def unmatched_rule(
    team: LocatedTeam, facts: _TeamStatistics, loaded: LoadResult, now: datetime
) -> Iterator[Problem]:
    """Warn about rules that match no issue although their sources were read."""
    over = {each.capability.id for each in loaded.draft.capabilities() if is_over(each, now.date())}
    for each in team.rules:
        silent = each.rule.id not in facts.deciding_rules and each.rule.id not in facts.shadowed_rules
        if silent and each.rule.assign not in over and _has_needed_data(each, facts):
            count = sum(facts.issues[name] for name in each.reachable_sources)
            message = (
                f"this rule matches none of {_count_issues(count)} in the snapshot; correct its conditions or "
                "remove it."
            )
            yield each.location.problem("unmatched-rule", message, severity="warning", on_key=True)


def _has_needed_data(rule: LocatedRule, facts: _TeamStatistics) -> bool:
    """Return True if the snapshot has the data that the rule needs. Bodies and custom fields come with the next run."""
    if not any(facts.issues[name] for name in rule.reachable_sources):
        return False
    wanted = {key.removeprefix("field.").casefold() for key in rule.conditions if key.startswith("field.")}
    return ("body" not in rule.conditions or facts.has_bodies) and wanted <= facts.fields


def rule_shadowed_on_snapshot(team: LocatedTeam, facts: _TeamStatistics) -> Iterator[Problem]:
    """Warn about rules whose issues are all matched by earlier rules."""
    for index, each in enumerate(team.rules):
        takers = facts.shadowed_rules.get(each.rule.id)
        if not takers or is_shadowed(team.rules[:index], each):
            continue
        names = ", ".join(f'"{name}" {count}' for name, count in takers.most_common(_MAX_EXAMPLES))
        message = (
            f"earlier rules match all issues of this one: {_count_issues(takers.total())} in the snapshot "
            f"({names}); move it up or remove it."
        )
        yield each.location.problem("shadowed-rule", message, severity="warning", on_key=True)


def source_without_rule(team: LocatedTeam, facts: _TeamStatistics) -> Iterator[Problem]:
    """Warn about sources with issues of which no rule matches any."""
    for source in team.sources:
        count = facts.issues[source.name]
        reached = any(source.name in rule.reachable_sources for rule in team.rules)
        if count and reached and not facts.matched[source.name]:
            message = (
                f"no rule of this team matches any of {_count_issues(count)} of {source.name}; add one or remove "
                "the source."
            )
            yield source.location.problem("unmapped-source", message, severity="warning", on_key=True)


def status_without_state(team: LocatedTeam, facts: _TeamStatistics) -> Iterator[Problem]:
    """Warn about statuses without a category and without a mapping: their issues count as todo."""
    written = team.parsed.location / "states"
    place = written if written.positions.resolve(written.path) else team.parsed.location / "team"
    for status, count in sorted(facts.statuses.items()):
        message = (
            f'the status "{status}" ({_count_issues(count)}) has no category on the tracker and counts as todo; add it '
            "under `states`."
        )
        yield place.problem("status-without-state", message, severity="warning", on_key=True)


def label_spelling(team: LocatedTeam, facts: _TeamStatistics) -> Iterator[Problem]:
    """Warn about labels that the tracker spells differently from the mapping, or in several ways."""
    for text, place in located_labels(team):
        there = facts.spellings.get(text.casefold(), set())
        if there and text not in there and not has_wildcard(text):
            message = f'"{text}" is spelled "{min(there)}" on the tracker; use that spelling.'
            yield place.problem("label-case", message, severity="warning")
    several = [sorted(names) for _, names in sorted(facts.spellings.items()) if len(names) > 1]
    for names in several[:_MAX_SPELLINGS]:
        shown = ", ".join(f'"{name}"' for name in names)
        message = f"the team's issues have {shown}, which rules treat as one label; keep one of them."
        yield (team.parsed.location / "team").problem("label-case", message, severity="warning")
    if len(several) > _MAX_SPELLINGS:
        message = f"{len(several) - _MAX_SPELLINGS} more labels of the team's issues differ in case only."
        yield (team.parsed.location / "team").problem("label-case", message, severity="warning")


def shared_issues(teams: Sequence[LocatedTeam], known: Iterable[KnownIssue]) -> Iterator[Problem]:
    """Warn about JQL sources of different teams that contain the same issues."""
    narrowed = {source.name: team for team in teams for source in team.sources if source.jql is not None}
    both: Counter[tuple[str, str]] = Counter()
    for each in known:
        names = sorted(name for name in each.sources if name in narrowed)
        both.update((one, other) for i, one in enumerate(names) for other in names[i + 1 :])
    for team in teams:
        for source in team.sources:
            for (one, other), count in sorted(both.items()):
                mine, theirs = (one, other) if one == source.name else (other, one)
                if mine == source.name and narrowed[theirs].parsed.location != team.parsed.location:
                    other_team = narrowed[theirs].parsed.entry.team
                    message = f"{other_team} also reads {_count_issues(count)} of it ({theirs}); narrow one of them."
                    yield source.location.problem("shared-source", message, severity="warning", on_key=True)


def capability_without_issues(
    loaded: LoadResult,
    teams: Sequence[LocatedTeam],
    statistics: Mapping[str, _TeamStatistics],
    matcher: Matcher,
    known: Sequence[KnownIssue],
    overrides: Overrides,
    now: datetime,
) -> Iterator[Problem]:
    """Warn about capabilities of a running increment that have rules but no issues."""
    fed = {each.capability for each in matcher.match(known, overrides).assignments}
    for each in loaded.draft.capabilities():
        name = each.capability.id
        if name in fed or is_over(each, now.date()) or not _has_begun(each, now):
            continue
        namers = [
            team.parsed.entry.team
            for team in teams
            if any(rule.rule.assign == name for rule in team.rules)
            and statistics[team.parsed.entry.team].issues
        ]
        if namers:
            message = (
                f'no issue in the snapshot counts towards "{name}"; check the rules of {", ".join(namers)}.'
            )
            yield (each.location / "id").problem("capability-without-issues", message, severity="warning")


def _has_begun(planned: ParsedCapability, now: datetime) -> bool:
    return planned.plan.entry.start <= now.date()


def _count_issues(count: int) -> str:
    return "1 issue" if count == 1 else f"{count} issues"
