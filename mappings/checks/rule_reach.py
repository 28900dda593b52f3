"""Compiled rules with their locations and the sources that they can reach: input of the warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from connectors.model import Issue, IssueRef
from connectors.spec import ConnectorSpec
from mappings.build import WorkspaceBuilder, build_source
from mappings.model import Rule
from mappings.parsed import ParsedTeam, ParsedWorkspace, YamlLocation, located_sources
from mappings.problems import Problem
from mappings.rules.conditions import Condition, compile_conditions
from mappings.rules.fields import decidable_keys
from mappings.rules.subject import RuleSubject
from mappings.yaml.tree import Node

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class LocatedSource:
    """Source of a team with its location and an empty issue of that source."""

    name: str
    """``Source.name``."""
    narrowing: tuple[str, ...]
    """``Source.narrowing``."""
    location: YamlLocation
    probe: RuleSubject
    decidable_keys: frozenset[str]
    """Condition keys that the empty issue decides: its location, and fields that its tracker does not have."""
    fixed_statuses: frozenset[str] = frozenset()
    """All statuses that its issues can have, if its tracker fixes them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocatedRule:
    """Compiled rule without errors."""

    rule: Rule
    location: YamlLocation
    conditions: Mapping[str, Condition]
    """By key, without ``cel``."""
    cel: str | None
    reachable_sources: frozenset[str]
    """Names of the team's sources whose issues it can match."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocatedTeam:
    """Team with its located sources and rules."""

    parsed: ParsedTeam
    sources: tuple[LocatedSource, ...]
    rules: tuple[LocatedRule, ...]
    complete: bool
    """False if invalid rules are missing."""

    @property
    def name(self) -> str:
        return self.parsed.entry.team


def locate_teams(
    parsed: ParsedWorkspace, builder: WorkspaceBuilder, problems: Iterable[Problem]
) -> tuple[LocatedTeam, ...]:
    """Return all teams that could be read, without the rules that have errors."""
    wrong: dict[str, list[int]] = {}
    for problem in problems:
        if problem.severity == "error":
            wrong.setdefault(problem.origin.file, []).append(problem.origin.line)
    return tuple(_locate_team(team, parsed, builder, wrong.get(team.file, ())) for team in parsed.teams)


def _locate_team(
    team: ParsedTeam, parsed: ParsedWorkspace, builder: WorkspaceBuilder, wrong: Sequence[int]
) -> LocatedTeam:
    sources = tuple(_locate_sources(team, parsed.trackers))
    if len(sources) != sum(map(len, team.entry.sources)):
        sources = ()  # some are invalid: the reach of rules is unknown
    mapping = builder.build_team(team)
    rules: list[LocatedRule] = []
    for rule, location in team.location.items("rules", mapping.rules):
        first, last = _line_range(location)
        if any(first <= line <= last for line in wrong):
            continue
        when = {key: value for key, value in rule.when.items() if key != "cel"}
        compiled = {condition.key: condition for condition in compile_conditions(when)}
        reached = frozenset(source.name for source in sources if _can_match(compiled, source))
        cel = rule.when.get("cel")
        rules.append(
            LocatedRule(rule=rule, location=location, conditions=compiled, cel=cel, reachable_sources=reached)
        )
    complete = team.complete and len(rules) == len(mapping.rules)
    return LocatedTeam(parsed=team, sources=sources, rules=tuple(rules), complete=complete)


def _locate_sources(team: ParsedTeam, trackers: Mapping[str, ConnectorSpec]) -> Iterator[LocatedSource]:
    for tracker, entry, location in located_sources(team):
        spec = trackers.get(tracker)
        source = build_source(tracker, entry, spec)
        if spec is not None and source.container:
            yield LocatedSource(
                name=source.name,
                narrowing=source.narrowing,
                location=location,
                probe=RuleSubject(issue=_empty_issue(tracker, source.container), labels=()),
                decidable_keys=decidable_keys(spec),
                fixed_statuses=spec.traits.fixed_statuses,
            )


def _empty_issue(tracker: str, container: str) -> Issue:
    return Issue(
        ref=IssueRef(tracker=tracker, id="", key=""),
        url="",
        title="",
        container=container,
        status="",
        created=_EPOCH,
        updated=_EPOCH,
    )


def _can_match(conditions: Mapping[str, Condition], source: LocatedSource) -> bool:
    """Return False if no issue of the source can satisfy the conditions."""
    return all(
        condition.holds(source.probe) for key, condition in conditions.items() if key in source.decidable_keys
    )


def _line_range(location: YamlLocation) -> tuple[int, int]:
    """Return the first and last line of the value at a location."""
    node = location.positions.root
    for part in location.path:
        node = node.child(part) if node else None
    return (node.key_line, _last_line(node)) if node else (1, 1)


def _last_line(node: Node) -> int:
    value = node.value
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return max([node.line, *map(_last_line, children)])
