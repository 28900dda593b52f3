"""Warnings about probable mistakes, based on the plan and mapping files alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mappings.checks.rule_reach import LocatedSource, LocatedTeam, locate_teams
from mappings.checks.rules import located_names
from mappings.checks.shadowed_rules import impossible_rule, is_plain, shadowed_rule
from mappings.checks.silence import split_silenced
from mappings.load_result import LoadResult
from mappings.parsed import ParsedCapability, ParsedWorkspace, YamlLocation
from mappings.problems import Problem, sort_problems
from mappings.rules.fields import PATTERN_KEYS


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckWarnings:
    """Warnings of one kind, split into reported and silenced ones."""

    reported: tuple[Problem, ...]
    """Sorted."""
    silenced: tuple[Problem, ...]


def file_warnings(loaded: LoadResult, now: datetime) -> CheckWarnings:
    """Return all warnings about the files. Of a file with errors, its valid part is checked."""
    parsed = loaded.parsed
    teams = locate_teams(parsed, loaded.builder, loaded.problems)
    found = [problem for team in teams for problem in _team_warnings(team)]
    found += shared_source(teams)
    found += capability_without_rule(parsed, teams, now.date())
    reported, silenced = split_silenced(found, parsed)
    return CheckWarnings(reported=sort_problems(reported), silenced=sort_problems(silenced))


def _team_warnings(team: LocatedTeam) -> Iterator[Problem]:
    yield from impossible_rule(team)
    yield from shadowed_rule(team)
    yield from plain_pattern(team)
    yield from unmapped_source(team)
    yield from label_case(team)


def plain_pattern(team: LocatedTeam) -> Iterator[Problem]:
    """Warn about patterns without special characters: they match inside other words and only in this case."""
    for each in team.rules:
        for key in PATTERN_KEYS:
            pattern = each.rule.when.get(key)
            if pattern is not None and is_plain(pattern):
                message = (
                    f'the pattern "{pattern}" is plain text: it also matches inside other words and only in this '
                    rf"case; write (?i)\b{pattern}\b to match a word."
                )
                yield (each.location / "when" / key).problem("plain-pattern", message, severity="warning")


def unmapped_source(team: LocatedTeam) -> Iterator[Problem]:
    """Warn about sources that no rule can reach: all their issues are unplanned."""
    if not team.complete:
        return
    if not team.rules:
        message = "the team has sources but no rules, so all its work is unplanned; add rules."
        location = team.parsed.location / "sources"
        yield location.problem("unmapped-source", message, severity="warning", on_key=True)
        return
    for source in team.sources:
        if not any(source.name in rule.reachable_sources for rule in team.rules):
            message = f"no rule can match an issue of {source.name}; add a rule or remove the source."
            yield source.location.problem("unmapped-source", message, severity="warning", on_key=True)


def label_case(team: LocatedTeam) -> Iterator[Problem]:
    """Warn about one label in two spellings: rules ignore case, trackers may not."""
    first: dict[str, tuple[str, YamlLocation]] = {}
    for text, location in located_labels(team):
        before, where = first.setdefault(text.casefold(), (text, location))
        if before != text:
            message = f'"{text}" is written "{before}" at {where.origin}; use the spelling of the tracker.'
            yield location.problem("label-case", message, severity="warning")


def located_labels(team: LocatedTeam) -> Iterator[tuple[str, YamlLocation]]:
    """Yield every label in the rules and states of a team, with its location."""
    entry = team.parsed.entry
    entries = {each.location.path[-1] for each in team.rules}
    for index, rule in enumerate(entry.rules):
        if index in entries:
            yield from located_names(
                rule.when.choice("labels"), team.parsed.location / "rules" / index / "when" / "labels"
            )
    for state in type(entry.states).model_fields:
        for index, name in enumerate(getattr(entry.states, state).labels):
            yield name, team.parsed.location / "states" / state / "labels" / index


def shared_source(teams: Sequence[LocatedTeam]) -> Iterator[Problem]:
    """Warn about sources of two teams that overlap: issues claimed by both count nowhere."""
    first: dict[str, list[tuple[LocatedTeam, LocatedSource]]] = {}
    for team in teams:
        for source in team.sources:
            issue = source.probe.issue
            same = first.setdefault(f"{issue.ref.tracker}:{issue.container}".casefold(), [])
            for other_team, other in same:
                if other_team is not team and _overlaps(source, other):
                    message = (
                        f"{other_team.parsed.entry.team} also has {other.name} ({other.location.key_origin}): an "
                        "issue that rules of both assign to different capabilities counts nowhere; narrow one of them."
                    )
                    yield source.location.problem("shared-source", message, severity="warning", on_key=True)
                    break
            same.append((team, source))


def _overlaps(one: LocatedSource, other: LocatedSource) -> bool:
    """Return True if both certainly contain the same issues. Two different JQL filters cannot be compared."""
    return one.jql == other.jql or one.jql is None or other.jql is None


def capability_without_rule(
    parsed: ParsedWorkspace, teams: Iterable[LocatedTeam], today: date
) -> Iterator[Problem]:
    """Warn about capabilities that no rule assigns anything to."""
    all_teams = list(teams)
    complete = (
        parsed.teams_readable and len(all_teams) == len(parsed.teams) and all(t.complete for t in all_teams)
    )
    if not complete:
        return
    named = {rule.rule.assign for team in all_teams for rule in team.rules}
    continued = {each.capability.id: each.capability.continues for each in parsed.capabilities()}
    for each in parsed.capabilities():
        if is_over(each, today) or named & _predecessors(each.capability.id, continued):
            continue
        message = f'no rule assigns anything to "{each.capability.id}", so it stays empty; add a rule for it.'
        yield (each.location / "id").problem("capability-without-rule", message, severity="warning")


def is_over(planned: ParsedCapability, today: date) -> bool:
    """Return True if no work is expected any more: cancelled, released, or in a closed increment."""
    capability, plan = planned.capability, planned.plan.entry
    if capability.cancelled or planned.goal.cancelled or capability.released is not None:
        return True
    return plan.end + timedelta(days=plan.grace_days) < today


def _predecessors(capability: str, continued: dict[str, str | None]) -> set[str]:
    """Return a capability and those that it continues, whose rules also assign to it."""
    line: set[str] = set()
    current: str | None = capability
    while current is not None and current not in line:
        line.add(current)
        current = continued.get(current)
    return line
