"""Builders for roll-up tests: a plan of one increment, issues with a state, and one call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from connectors.model import Issue, IssueRef, KnownIssue, Source
from mappings.model import (
    Assignment,
    Capability,
    FlowState,
    Goal,
    Increment,
    IssueState,
    MatchResult,
    Origin,
    Rule,
    TeamMapping,
    Workspace,
)
from sync.model.rollup import Baseline, CapabilityRollup, GoalRollup, Rollup
from sync.rollup.aggregate import RollupInputs, roll_up

ORIGIN = Origin(file="plan.yaml")
START = datetime(2026, 10, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
CLOSE = datetime(2027, 1, 6, tzinfo=UTC)
MIDWAY = datetime(2026, 11, 15, 12, tzinfo=UTC)
ENTRY = tuple[Assignment, KnownIssue]


def ref(key: str, tracker: str = "jira") -> IssueRef:
    return IssueRef(tracker=tracker, id=f"id-{key}", key=key)


def issue(
    key: str,
    state: FlowState = "todo",
    *,
    capability: str = "features",
    tracker: str = "jira",
    team: str = "science",
    vanished: datetime | None = None,
    reopened: int = 0,
    status: Mapping[str, Any] | None = None,
    assigned: Mapping[str, Any] | None = None,
    **fields: Any,
) -> ENTRY:
    """Build an assigned issue. ``status`` goes to its IssueState, ``assigned`` to its Assignment."""
    if state in ("done", "dropped"):
        fields.setdefault("closed", MIDWAY - timedelta(days=10))
    the_ref = ref(key, tracker)
    known = KnownIssue(
        issue=Issue(
            ref=the_ref,
            url=f"https://{tracker}.test/{key}",
            title=f"Title of {key}",
            container="DS",
            status=state,
            created=START - timedelta(days=30),
            updated=MIDWAY - timedelta(days=10),
            **fields,
        ),
        sources=frozenset({f"{tracker}:DS"}),
        first_seen=START - timedelta(days=1),
        vanished=vanished,
        reopened=reopened,
    )
    assignment = Assignment(
        ref=the_ref,
        team=team,
        capability=capability,
        state=IssueState(state=state, **(status or {})),
        rule="a-rule",
        **({"closed": fields.get("closed")} | dict(assigned or {})),
    )
    return assignment, known


def capability(name: str = "features", **more: Any) -> Capability:
    return Capability(id=name, title=name.title(), team="science", origin=ORIGIN, **more)


def goal(*capabilities: Capability, name: str = "keep-subscribers", **more: Any) -> Goal:
    return Goal(id=name, title="A goal", origin=ORIGIN, capabilities=capabilities or (capability(),), **more)


def increment(*goals: Goal, **more: Any) -> Increment:
    shape: dict[str, Any] = {
        "id": "2026-q4",
        "start": date(2026, 10, 1),
        "end": date(2026, 12, 31),
        "timezone": "UTC",
        "origin": ORIGIN,
        "goals": goals or (goal(),),
    }
    return Increment(**(shape | more))


def workspace(*increments: Increment, teams: tuple[TeamMapping, ...] = ()) -> Workspace:
    return Workspace(increments=increments or (increment(),), teams=teams, digest="d")


def team(name: str, source: Source, *capabilities: str) -> TeamMapping:
    rules = tuple(Rule(id=f"to-{each}", when={}, assign=each, origin=ORIGIN) for each in capabilities)
    return TeamMapping(team=name, origin=ORIGIN, sources=(source,), rules=rules)


def roll_up_plan(
    *entries: ENTRY,
    plan: Workspace | None = None,
    now: datetime = MIDWAY,
    also_known: tuple[KnownIssue, ...] = (),
    matched: Mapping[str, Any] | None = None,
    **inputs: Any,
) -> Rollup:
    assignments = tuple(assignment for assignment, _ in entries)
    known = {each.issue.ref: each for each in (*(known for _, known in entries), *also_known)}
    return roll_up(
        RollupInputs(
            workspace=plan or workspace(),
            matched=MatchResult(assignments=assignments, **(matched or {})),
            known=known,
            now=now,
            **inputs,
        )
    )


def features(*entries: ENTRY, **options: Any) -> CapabilityRollup:
    """The roll-up of the capability ``features``."""
    found = roll_up_plan(*entries, **options).capability("features")
    assert found is not None
    return found


def first_goal(*entries: ENTRY, **options: Any) -> GoalRollup:
    found = roll_up_plan(*entries, **options).goal("keep-subscribers")
    assert found is not None
    return found


def baseline(*keys: str, at: datetime = START, name: str = "features") -> dict[str, Baseline]:
    return {name: Baseline(capability=name, at=at, refs=frozenset(ref(key) for key in keys))}


def keys(refs: tuple[IssueRef, ...]) -> list[str]:
    return [each.key for each in refs]
