"""The rules of a workspace, made ready for the findings: compiled, and with what is known of their sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from connectors.model import Issue, IssueRef, Source
from mappings.build import Builder
from mappings.model import Rule
from mappings.parsed import Draft, Place, TeamDraft
from mappings.problems import Problem
from mappings.references import is_jira
from mappings.rules.conditions import Condition, Subject, compile_conditions
from mappings.yaml.tree import Node

_PLACE_KEYS: Final = ("tracker", "project", "repo")
_JIRA_ONLY: Final = ("components", "fix_version", "sprint")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceAt:
    """A source of a team, where it is written, and a nameless issue of it."""

    name: str
    """As ``Source.name`` says it."""
    jql: str | None
    place: Place
    probe: Subject
    telling: frozenset[str]
    """Keys of conditions that the probe can answer: where the issue is, and what its tracker has not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleAt:
    """A rule without errors, compiled."""

    rule: Rule
    place: Place
    conditions: Mapping[str, Condition]
    """By key; ``cel`` is not among them."""
    cel: str | None
    reaches: frozenset[str]
    """Names of the team's sources whose issues it could take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamAt:
    draft: TeamDraft
    sources: tuple[SourceAt, ...]
    rules: tuple[RuleAt, ...]
    whole: bool
    """False when some of its rules are missing because they are wrong."""


def teams_of(draft: Draft, builder: Builder, problems: Iterable[Problem]) -> tuple[TeamAt, ...]:
    """Every team that could be read, without those rules in which there is an error."""
    wrong: dict[str, list[int]] = {}
    for problem in problems:
        if problem.severity == "error":
            wrong.setdefault(problem.origin.file, []).append(problem.origin.line)
    return tuple(_team(team, draft, builder, wrong.get(team.place.where.file, ())) for team in draft.teams)


def _team(team: TeamDraft, draft: Draft, builder: Builder, wrong: Sequence[int]) -> TeamAt:
    sources = tuple(_sources(team, draft.trackers))
    if len(sources) != sum(map(len, team.entry.sources)):
        sources = ()  # some are wrong: nothing can be said about where rules reach
    mapping = builder.team(team)
    rules: list[RuleAt] = []
    for index, rule in enumerate(mapping.rules):
        place = team.place / "rules" / index
        first, last = _lines(place)
        if any(first <= line <= last for line in wrong):
            continue
        when = {key: value for key, value in rule.when.items() if key != "cel"}
        compiled = {condition.key: condition for condition in compile_conditions(when)}
        reached = frozenset(source.name for source in sources if could_take(compiled, source))
        rules.append(
            RuleAt(rule=rule, place=place, conditions=compiled, cel=rule.when.get("cel"), reaches=reached)
        )
    whole = team.whole and len(rules) == len(mapping.rules)
    return TeamAt(draft=team, sources=sources, rules=tuple(rules), whole=whole)


def _sources(team: TeamDraft, trackers: Mapping[str, str]) -> Iterator[SourceAt]:
    for index, by_tracker in enumerate(team.entry.sources):
        for tracker, source in by_tracker.items():
            container = source.project or source.repo
            if container is None or tracker not in trackers:
                continue
            jira = is_jira(trackers[tracker])
            read = Source(tracker=tracker, **source.model_dump())
            yield SourceAt(
                name=read.name,
                jql=source.jql,
                place=team.place / "sources" / index / tracker,
                probe=Subject(issue=_probe(tracker, container), labels=()),
                telling=frozenset((*_PLACE_KEYS, "milestone") if jira else (*_PLACE_KEYS, *_JIRA_ONLY)),
            )


def _probe(tracker: str, container: str) -> Issue:
    return Issue(
        ref=IssueRef(tracker=tracker, id="", key=""),
        url="",
        title="",
        container=container,
        status="",
        created=_EPOCH,
        updated=_EPOCH,
    )


def could_take(conditions: Mapping[str, Condition], source: SourceAt) -> bool:
    """False when a rule can never hold for an issue of the source, whatever else the issue says."""
    return all(
        condition.holds(source.probe) for key, condition in conditions.items() if key in source.telling
    )


def _lines(place: Place) -> tuple[int, int]:
    """The first and the last line of what stands at a place."""
    node = place.where.root
    for part in place.path:
        node = node.child(part) if node else None
    return (node.key_line, _last_line(node)) if node else (1, 1)


def _last_line(node: Node) -> int:
    value = node.value
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return max([node.line, *map(_last_line, children)])
