"""What is usually a mistake in plans and mappings, as far as the files alone can tell. All are warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mappings.checks.rule_reach import LocatedSource, LocatedTeam, locate_teams
from mappings.checks.rules import located_names
from mappings.checks.shadowed_rules import impossible_rule, is_plain, shadowed_rule
from mappings.checks.silence import split_silenced
from mappings.load import LoadResult
from mappings.parsed import ParsedCapability, ParsedWorkspace, YamlLocation
from mappings.problems import Problem, sort_problems


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckWarnings:
    """What the findings of one kind come to."""

    reported: tuple[Problem, ...]
    """In order."""
    silenced: tuple[Problem, ...]


def file_warnings(loaded: LoadResult, now: datetime) -> CheckWarnings:
    """All that the files tell. Where a file has errors, what is sound in it is looked at."""
    draft = loaded.draft
    teams = locate_teams(draft, loaded.builder, loaded.problems)
    found = [problem for team in teams for problem in _team_warnings(team)]
    found += shared_source(teams)
    found += capability_without_rule(draft, teams, now.date())
    told, silenced = split_silenced(found, draft)
    return CheckWarnings(reported=sort_problems(told), silenced=sort_problems(silenced))


def _team_warnings(team: LocatedTeam) -> Iterator[Problem]:
    yield from impossible_rule(team)
    yield from shadowed_rule(team)
    yield from plain_pattern(team)
    yield from unmapped_source(team)
    yield from label_case(team)


def plain_pattern(team: LocatedTeam) -> Iterator[Problem]:
    """A pattern that is a plain word is found inside other words, and only in this spelling."""
    for each in team.rules:
        for key in ("title", "body"):
            pattern = each.rule.when.get(key)
            if pattern is not None and is_plain(pattern):
                message = (
                    f'the pattern "{pattern}" is a plain text: it is found inside other words and only spelled '
                    rf"like this; write (?i)\b{pattern}\b if a word is meant."
                )
                yield (each.location / "when" / key).problem("plain-pattern", message, severity="warning")


def unmapped_source(team: LocatedTeam) -> Iterator[Problem]:
    """A source of which every issue is unplanned."""
    if not team.complete:
        return
    if not team.rules:
        message = "the team has sources and no rules, so all its work is unplanned; write rules."
        place = team.parsed.location / "sources"
        yield place.problem("unmapped-source", message, severity="warning", on_key=True)
        return
    for source in team.sources:
        if not any(source.name in rule.reachable_sources for rule in team.rules):
            message = f"no rule can ever take an issue of {source.name}; write one or remove the source."
            yield source.location.problem("unmapped-source", message, severity="warning", on_key=True)


def label_case(team: LocatedTeam) -> Iterator[Problem]:
    """One label in two spellings: they mean the same here, but not in every tracker."""
    first: dict[str, tuple[str, YamlLocation]] = {}
    for text, place in located_labels(team):
        before, where = first.setdefault(text.casefold(), (text, place))
        if before != text:
            message = f'"{text}" is written "{before}" at {where.origin}; spell it as the tracker does.'
            yield place.problem("label-case", message, severity="warning")


def located_labels(team: LocatedTeam) -> Iterator[tuple[str, YamlLocation]]:
    """Every label that the rules and states of a team name, with its place."""
    entry = team.parsed.entry
    entries = {each.location.path[-1] for each in team.rules}
    for index, rule in enumerate(entry.rules):
        if index in entries:
            yield from located_names(
                rule.when.labels, team.parsed.location / "rules" / index / "when" / "labels"
            )
    for state in type(entry.states).model_fields:
        for index, name in enumerate(getattr(entry.states, state).labels):
            yield name, team.parsed.location / "states" / state / "labels" / index


def shared_source(teams: Sequence[LocatedTeam]) -> Iterator[Problem]:
    """Two teams that read the same issues: what rules of both claim counts nowhere."""
    first: dict[str, list[tuple[LocatedTeam, LocatedSource]]] = {}
    for team in teams:
        for source in team.sources:
            issue = source.probe.issue
            same = first.setdefault(f"{issue.ref.tracker}:{issue.container}".casefold(), [])
            for other_team, other in same:
                if other_team is not team and _overlaps(source, other):
                    message = (
                        f"{other_team.parsed.entry.team} has {other.name} too ({other.location.key_origin}): an issue that "
                        "rules of both take for different capabilities counts nowhere; narrow one of them."
                    )
                    yield source.location.problem("shared-source", message, severity="warning", on_key=True)
                    break
            same.append((team, source))


def _overlaps(one: LocatedSource, other: LocatedSource) -> bool:
    """Whether both certainly hold the same issues: what two different pieces of JQL hold cannot be known."""
    return one.jql == other.jql or one.jql is None or other.jql is None


def capability_without_rule(
    draft: ParsedWorkspace, teams: Iterable[LocatedTeam], today: date
) -> Iterator[Problem]:
    """A capability that nothing can ever count towards, unless people pin issues to it."""
    everyone = list(teams)
    whole = draft.teams_readable and len(everyone) == len(draft.teams) and all(t.complete for t in everyone)
    if not whole:
        return
    named = {rule.rule.assign for team in everyone for rule in team.rules}
    continued = {each.capability.id: each.capability.continues for each in draft.capabilities()}
    for each in draft.capabilities():
        if is_over(each, today) or named & _predecessors(each.capability.id, continued):
            continue
        message = (
            f'no rule assigns anything to "{each.capability.id}", so it stays empty; write a rule for it.'
        )
        yield (each.location / "id").problem("capability-without-rule", message, severity="warning")


def is_over(planned: ParsedCapability, today: date) -> bool:
    """Nobody expects work on it any more: given up, released, or of a closed increment."""
    capability, plan = planned.capability, planned.plan.entry
    if capability.cancelled or planned.goal.cancelled or capability.released is not None:
        return True
    return plan.end + timedelta(days=plan.grace_days) < today


def _predecessors(capability: str, continued: dict[str, str | None]) -> set[str]:
    """A capability and those that it continues: their rules feed it."""
    line: set[str] = set()
    current: str | None = capability
    while current is not None and current not in line:
        line.add(current)
        current = continued.get(current)
    return line
