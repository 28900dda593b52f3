"""The rules of a workspace, made ready for the findings: compiled, and with what is known of their sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from connectors.model import Issue, IssueRef, Source
from mappings.build import WorkspaceBuilder
from mappings.model import Rule
from mappings.parsed import ParsedTeam, ParsedWorkspace, YamlLocation
from mappings.problems import Problem
from mappings.references import is_jira
from mappings.rules.conditions import Condition, RuleSubject, compile_conditions
from mappings.yaml.tree import Node

_PLACE_KEYS: Final = ("tracker", "project", "repo")
_JIRA_ONLY: Final = ("components", "fix_version", "sprint")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class LocatedSource:
    """A source of a team, where it is written, and a nameless issue of it."""

    name: str
    """As ``Source.name`` says it."""
    jql: str | None
    location: YamlLocation
    probe: RuleSubject
    decidable_keys: frozenset[str]
    """Keys of conditions that the probe can answer: where the issue is, and what its tracker has not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocatedRule:
    """A rule without errors, compiled."""

    rule: Rule
    location: YamlLocation
    conditions: Mapping[str, Condition]
    """By key; ``cel`` is not among them."""
    cel: str | None
    reachable_sources: frozenset[str]
    """Names of the team's sources whose issues it could take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocatedTeam:
    parsed: ParsedTeam
    sources: tuple[LocatedSource, ...]
    rules: tuple[LocatedRule, ...]
    complete: bool
    """False when some of its rules are missing because they are wrong."""


def locate_teams(
    draft: ParsedWorkspace, builder: WorkspaceBuilder, problems: Iterable[Problem]
) -> tuple[LocatedTeam, ...]:
    """Every team that could be read, without those rules in which there is an error."""
    wrong: dict[str, list[int]] = {}
    for problem in problems:
        if problem.severity == "error":
            wrong.setdefault(problem.origin.file, []).append(problem.origin.line)
    return tuple(
        _locate_team(team, draft, builder, wrong.get(team.location.positions.file, ()))
        for team in draft.teams
    )


def _locate_team(
    team: ParsedTeam, draft: ParsedWorkspace, builder: WorkspaceBuilder, wrong: Sequence[int]
) -> LocatedTeam:
    sources = tuple(_locate_sources(team, draft.trackers))
    if len(sources) != sum(map(len, team.entry.sources)):
        sources = ()  # some are wrong: nothing can be said about where rules reach
    mapping = builder.build_team(team)
    rules: list[LocatedRule] = []
    for index, rule in enumerate(mapping.rules):
        place = team.location / "rules" / index
        first, last = _line_range(place)
        if any(first <= line <= last for line in wrong):
            continue
        when = {key: value for key, value in rule.when.items() if key != "cel"}
        compiled = {condition.key: condition for condition in compile_conditions(when)}
        reached = frozenset(source.name for source in sources if can_match(compiled, source))
        rules.append(
            LocatedRule(
                rule=rule,
                location=place,
                conditions=compiled,
                cel=rule.when.get("cel"),
                reachable_sources=reached,
            )
        )
    whole = team.complete and len(rules) == len(mapping.rules)
    return LocatedTeam(parsed=team, sources=sources, rules=tuple(rules), complete=whole)


def _locate_sources(team: ParsedTeam, trackers: Mapping[str, str]) -> Iterator[LocatedSource]:
    for index, by_tracker in enumerate(team.entry.sources):
        for tracker, source in by_tracker.items():
            container = source.project or source.repo
            if container is None or tracker not in trackers:
                continue
            jira = is_jira(trackers[tracker])
            read = Source(tracker=tracker, **source.model_dump())
            yield LocatedSource(
                name=read.name,
                jql=source.jql,
                location=team.location / "sources" / index / tracker,
                probe=RuleSubject(issue=_empty_issue(tracker, container), labels=()),
                decidable_keys=frozenset(
                    (*_PLACE_KEYS, "milestone") if jira else (*_PLACE_KEYS, *_JIRA_ONLY)
                ),
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


def can_match(conditions: Mapping[str, Condition], source: LocatedSource) -> bool:
    """False when a rule can never hold for an issue of the source, whatever else the issue says."""
    return all(
        condition.holds(source.probe) for key, condition in conditions.items() if key in source.decidable_keys
    )


def _line_range(place: YamlLocation) -> tuple[int, int]:
    """The first and the last line of what stands at a place."""
    node = place.positions.root
    for part in place.path:
        node = node.child(part) if node else None
    return (node.key_line, _last_line(node)) if node else (1, 1)


def _last_line(node: Node) -> int:
    value = node.value
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return max([node.line, *map(_last_line, children)])
