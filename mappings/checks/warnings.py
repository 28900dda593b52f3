"""Warnings about probable mistakes, based on the plan and mapping files alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta

from connectors.text import fold_name
from mappings.checks.plans import predecessors
from mappings.checks.rule_reach import LocatedSource, LocatedTeam, locate_teams
from mappings.checks.rules import located_names, state_labels
from mappings.checks.shadowed_rules import impossible_rule, is_plain, shadowed_rule
from mappings.checks.silence import CheckedProblems, split_silenced
from mappings.load_result import LoadResult
from mappings.parsed import ParsedCapability, ParsedWorkspace, YamlLocation
from mappings.problems import Problem
from mappings.rules.fields import PATTERN_KEYS


def file_warnings(loaded: LoadResult, now: datetime) -> CheckedProblems:
    """Return all warnings about the files. Of a file with errors, its valid part is checked."""
    parsed = loaded.parsed
    teams = locate_teams(parsed, loaded.builder, loaded.problems)
    found = [problem for team in teams for problem in _team_warnings(team)]
    found += shared_source(teams)
    found += capability_without_rule(parsed, teams, now.date())
    return split_silenced(found, parsed)


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
                yield (each.location / "when" / key).warning("plain-pattern", message)


def unmapped_source(team: LocatedTeam) -> Iterator[Problem]:
    """Warn about sources that no rule can reach: all their issues are unplanned."""
    if not team.complete:
        return
    if not team.rules:
        message = "the team has sources but no rules, so all its work is unplanned; add rules."
        location = team.parsed.location / "sources"
        yield location.warning("unmapped-source", message, on_key=True)
        return
    for source in team.sources:
        if not any(source.name in rule.reachable_sources for rule in team.rules):
            message = f"no rule can match an issue of {source.name}; add a rule or remove the source."
            yield source.location.warning("unmapped-source", message, on_key=True)


def label_case(team: LocatedTeam) -> Iterator[Problem]:
    """Warn about one label in two spellings: rules ignore case, trackers may not."""
    first: dict[str, tuple[str, YamlLocation]] = {}
    for text, location in located_labels(team):
        before, where = first.setdefault(fold_name(text), (text, location))
        if before != text:
            message = f'"{text}" is written "{before}" at {where.origin}; use the spelling of the tracker.'
            yield location.warning("label-case", message)


def located_labels(team: LocatedTeam) -> Iterator[tuple[str, YamlLocation]]:
    """Yield every label in the rules and states of a team, with its location."""
    for index, rule in enumerate(team.parsed.entry.rules):
        location = team.parsed.location / "rules" / index
        if any(each.location == location for each in team.rules):
            yield from located_names(rule, location, "labels")
    yield from state_labels(team.parsed)


def shared_source(teams: Sequence[LocatedTeam]) -> Iterator[Problem]:
    """Warn about sources of two teams that overlap: issues claimed by both count nowhere."""
    first: dict[str, list[tuple[LocatedTeam, LocatedSource]]] = defaultdict(list)
    for team in teams:
        for source in team.sources:
            issue = source.probe.issue
            same = first[f"{issue.ref.tracker}:{fold_name(issue.container)}"]
            for other_team, other in same:
                if other_team is not team and _overlaps(source, other):
                    message = (
                        f"{other_team.name} also has {other.name} ({other.location.key_origin}): an issue that "
                        "rules of both assign to different capabilities counts nowhere; narrow one of them."
                    )
                    yield source.location.warning("shared-source", message, on_key=True)
                    break
            same.append((team, source))


def _overlaps(one: LocatedSource, other: LocatedSource) -> bool:
    """Return True if both certainly contain the same issues. Two different filters cannot be compared."""
    return one.narrowing == other.narrowing or not one.narrowing or not other.narrowing


def capability_without_rule(
    parsed: ParsedWorkspace, teams: Sequence[LocatedTeam], today: date
) -> Iterator[Problem]:
    """Warn about capabilities that no rule assigns anything to."""
    complete = len(teams) == len(parsed.teams) and all(team.complete for team in teams)
    if not parsed.teams_readable or not complete:
        return
    named = {rule.rule.assign for team in teams for rule in team.rules}
    continued = {each.capability.id: each.capability.continues for each in parsed.capabilities()}
    for each in parsed.capabilities():
        if is_over(each, today) or named & predecessors(each.capability.id, continued):
            continue  # rules of a predecessor assign to it, too
        message = f'no rule assigns anything to "{each.capability.id}", so it stays empty; add a rule for it.'
        yield (each.location / "id").warning("capability-without-rule", message)


def is_over(planned: ParsedCapability, today: date) -> bool:
    """Return True if no work is expected any more: cancelled, released, or in a closed increment."""
    capability, plan = planned.capability, planned.plan.entry
    if capability.cancelled or planned.goal.cancelled or capability.released is not None:
        return True
    return plan.end + timedelta(days=plan.grace_days) < today
