"""Builders for the tests of mappings: issues, plans and teams with plausible defaults."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from connectors.model import Issue, IssueRef, KnownIssue, Source
from mappings.labels import LabelScheme
from mappings.model import (
    Anchor,
    Capability,
    Goal,
    Increment,
    MatchResult,
    Origin,
    Overrides,
    Rule,
    TeamMapping,
    Workspace,
)
from mappings.rules.matcher import Matcher

HERE = Origin(file="somewhere.yaml")
NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
Q3 = (date(2026, 7, 1), date(2026, 9, 30))
Q4 = (date(2026, 10, 1), date(2026, 12, 31))


def at(month: int, day: int, hour: int = 9) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def issue(key: str = "DS-1", **facts: Any) -> Issue:
    tracker = "github" if "/" in key else "jira"
    container = key.split("#")[0] if "/" in key else key.split("-")[0]
    defaults: dict[str, Any] = {
        "ref": IssueRef(tracker=tracker, id=key, key=key),
        "url": f"https://tracker.example/{key}",
        "title": "Something to do",
        "container": container,
        "status": "open",
        "category": "todo",
        "created": at(10, 20),
        "updated": at(11, 1),
    }
    facts["labels"] = frozenset(facts.get("labels", ()))
    return Issue(**{**defaults, **facts})


def known(key: str = "DS-1", *, sources: set[str] | None = None, **facts: Any) -> KnownIssue:
    made = issue(key, **facts)
    seen_by = {f"{made.ref.tracker}:{made.container}"} if sources is None else sources
    return KnownIssue(issue=made, sources=frozenset(seen_by), first_seen=at(10, 1))


def closed(key: str = "DS-1", when: datetime = at(11, 2), **facts: Any) -> KnownIssue:
    return known(key, **{"status": "closed", "category": "done", "closed": when, "updated": when, **facts})


def ref(key: str) -> IssueRef:
    return issue(key).ref


def capability(id: str, **facts: Any) -> Capability:  # noqa: A002 - the word of the plan
    return Capability(**{"id": id, "title": id, "team": "science", "origin": HERE, **facts})


def increment(
    id: str,  # noqa: A002 - the word of the plan
    days: tuple[date, date],
    *capabilities: Capability,
    anchor: Anchor | None = None,
) -> Increment:
    goal = Goal(id=f"goal-{id}", title="A goal", origin=HERE, anchor=anchor, capabilities=capabilities)
    return Increment(id=id, start=days[0], end=days[1], timezone="UTC", origin=HERE, goals=(goal,))


def rule(id: str, assign: str, when: dict[str, Any], **facts: Any) -> Rule:  # noqa: A002
    return Rule(id=id, assign=assign, when=when, origin=HERE, **facts)


def labelled(label: str) -> dict[str, Any]:
    return {"labels": {"any": (label,)}}


def team(
    name: str, *rules: Rule, sources: tuple[str, ...] = ("DS", "acme/churn"), **facts: Any
) -> TeamMapping:
    read = tuple(
        Source(tracker="github", container=each) if "/" in each else Source(tracker="jira", container=each)
        for each in sources
    )
    return TeamMapping(team=name, origin=HERE, sources=read, rules=rules, **facts)


def workspace(*increments: Increment, teams: tuple[TeamMapping, ...]) -> Workspace:
    return Workspace(increments=increments, teams=teams, digest="")


def matcher(world: Workspace, now: datetime = NOW) -> Matcher:
    return Matcher(world, LabelScheme(), now)


def match(
    world: Workspace, *issues: KnownIssue, overrides: Overrides = Overrides(), now: datetime = NOW
) -> MatchResult:
    return matcher(world, now).match(issues, overrides)


def assigned_capabilities(matched: MatchResult) -> dict[str, str]:
    """Key -> capability of what was assigned."""
    return {each.ref.key: each.capability for each in matched.assignments}


def reasons(matched: MatchResult) -> dict[str, str]:
    """Key -> reason of what is unplanned."""
    return {each.ref.key: each.reason for each in matched.unplanned}
