"""Looks for goals that are green outside and red inside, and says with which evidence. Pure.

A finding is no verdict: each has its good reasons, and people who know them. It only says what nobody should overlook.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from connectors.model import IssueRef
from sync.insights.plan_changes import PlanTurn, plan_turns
from sync.model.attribution import Difference, PlanFacts
from sync.model.flow import FlowIssue
from sync.model.rollup import CapabilityRollup, GoalRollup, IncrementRollup

Kind = Literal[
    "nothing-moves", "mapped-out", "given-up", "vanished", "plan-changed", "old-work", "not-proven"
]
GREEN_FROM: Final = 0.5
"""A goal under way looks green from this done share of its issues on, where no forecast says how it stands."""
OLD_FROM: Final = 0.85
"""Work is old when it takes longer than this share of what its team finished (the customary service level)."""
ENOUGH: Final = 10
"""Finished issues of a team below which nothing is said about its usual time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """One fact behind a finding. Without any text from an issue but its key."""

    text: str
    ref: IssueRef | None = None
    at: datetime | None = None
    """When it happened, or when a run saw it."""
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    kind: Kind
    subject: str
    """``goal:<id>``, ``capability:<id>`` or ``team:<id>``."""
    title: str
    text: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditInputs:
    increments: tuple[IncrementRollup, ...]
    """Those that are looked at."""
    since_commitment: Mapping[str, Difference]
    """Capability id -> what changed since its baseline."""
    history: tuple[PlanFacts, ...]
    """What the plans said, oldest first."""
    flow: Mapping[IssueRef, FlowIssue]
    teams: Mapping[IssueRef, str]
    starts: Mapping[str, datetime]
    """Increment -> its first instant."""
    quiet_after: timedelta
    now: datetime


def audit(inputs: AuditInputs) -> tuple[Finding, ...]:
    """All findings: goals in the order of the plans, each followed by its capabilities; teams last."""
    found: list[Finding] = []
    for increment in inputs.increments:
        for goal in increment.goals:
            found += _nothing_moves(goal, increment, inputs)
            for capability in goal.capabilities:
                found += _not_proven(capability)
                found += _left(capability, inputs.since_commitment.get(capability.id))
    return (*found, *_plan_changed(inputs), *_old_work(inputs))


def _nothing_moves(goal: GoalRollup, increment: IncrementRollup, inputs: AuditInputs) -> Iterator[Finding]:
    """A goal that looks well, has work left, and of which no issue has moved for long."""
    if increment.phase not in ("active", "grace") or not _looks_green(goal):
        return
    open_issues = [
        issue.ref
        for capability in goal.capabilities
        if not capability.cancelled
        for issue in capability.issues
        if issue.state.state in ("todo", "doing")
    ]
    refs = {issue.ref for capability in goal.capabilities for issue in capability.issues}
    moved = {ref: _last_move(inputs.flow[ref]) for ref in refs if ref in inputs.flow}
    last = max(moved.values(), default=None)
    if not open_issues or last is None or inputs.now - last < inputs.quiet_after:
        return
    counts = goal.counts
    yield Finding(
        kind="nothing-moves",
        subject=goal.subject,
        title=goal.title,
        text=f"{goal.state}, {counts.done} of {counts.scope} issues done, and nothing has moved since "
        f"{last:%Y-%m-%d}",
        evidence=tuple(
            Evidence(ref=ref, text="open, and moved last then", at=moved.get(ref))
            for ref in sorted(open_issues, key=lambda ref: moved.get(ref, inputs.now))
        ),
    )


def _looks_green(goal: GoalRollup) -> bool:
    if goal.state != "in-progress" or goal.health in ("at-risk", "off-track"):
        return False
    return goal.health == "on-track" or (goal.counts.progress or 0) >= GREEN_FROM


def _last_move(flow: FlowIssue) -> datetime:
    return max((move.at for move in flow.moves), default=flow.created)


def _not_proven(capability: CapabilityRollup) -> Iterator[Finding]:
    if capability.not_proven and capability.proof:
        yield Finding(
            kind="not-proven",
            subject=capability.subject,
            title=capability.title,
            text="all issues are done, and the evidence that the plan asks for is not there",
            evidence=(Evidence(text=capability.proof.why),),
        )


_LEFT: Final[Mapping[str, tuple[Kind, str]]] = {
    "remapped": ("mapped-out", "taken out by an edit of rules or plan, or by hand, since the commitment"),
    "dropped": ("given-up", "dropped since the commitment"),
    "vanished": ("vanished", "not found any more since the commitment"),
}


def _left(capability: CapabilityRollup, difference: Difference | None) -> Iterator[Finding]:
    """Work that was promised and is not in the figures any more, by what took it out."""
    if difference is None:
        return
    parts = {"remapped": difference.remapped, "dropped": difference.dropped, "vanished": difference.vanished}
    for part, entries in parts.items():
        gone = [entry for entry in entries if entry.scope < 0]
        kind, words = _LEFT[part]
        if gone:
            number = "1 issue" if len(gone) == 1 else f"{len(gone)} issues"
            yield Finding(
                kind=kind,
                subject=capability.subject,
                title=capability.title,
                text=f"{number} of {difference.scope_before} {words} ({difference.since:%Y-%m-%d})",
                evidence=tuple(
                    Evidence(ref=each.ref, text=each.why, at=each.at, run_id=each.run_id) for each in gone
                ),
            )


def _plan_changed(inputs: AuditInputs) -> Iterator[Finding]:
    """What the plans made easier after the start of an increment."""
    looked_at = {increment.id for increment in inputs.increments}
    by_subject: defaultdict[str, list[PlanTurn]] = defaultdict(list)
    for turn in plan_turns(inputs.history):
        if turn.increment in looked_at and turn.at > inputs.starts[turn.increment]:
            by_subject[turn.subject].append(turn)
    for subject, turns in by_subject.items():
        yield Finding(
            kind="plan-changed",
            subject=subject,
            title=turns[-1].title,
            text="; ".join(dict.fromkeys(turn.what for turn in turns)) + " after the start",
            evidence=tuple(Evidence(text=turn.detail, at=turn.at, run_id=turn.run_id) for turn in turns),
        )


def _old_work(inputs: AuditInputs) -> Iterator[Finding]:
    """Work under way for longer than most of what its team finished ever took."""
    usual, unknown = _usual_times(inputs)
    old: defaultdict[str, list[tuple[timedelta, IssueRef]]] = defaultdict(list)
    for increment in inputs.increments:
        for goal in increment.goals:
            for issue in (issue for capability in goal.capabilities for issue in capability.issues):
                flow, team = inputs.flow.get(issue.ref), inputs.teams.get(issue.ref)
                if issue.state.state != "doing" or flow is None or team is None or team in unknown:
                    continue
                age = inputs.now - _begin(flow)
                if age > usual[team]:
                    old[team].append((age, issue.ref))
    for team, issues in sorted(old.items()):
        number = "1 issue is" if len(issues) == 1 else f"{len(issues)} issues are"
        yield Finding(
            kind="old-work",
            subject=f"team:{team}",
            title=team,
            text=f"{number} under way for longer than {OLD_FROM:.0%} of what the team finished took "
            f"({_days(usual[team])})",
            evidence=tuple(
                Evidence(ref=ref, text=f"under way for {_days(age)}", at=_begin(inputs.flow[ref]))
                for age, ref in sorted(issues, reverse=True)
            ),
        )


def _usual_times(inputs: AuditInputs) -> tuple[dict[str, timedelta], set[str]]:
    """By team the time that ``OLD_FROM`` of its finished issues did not exceed; and teams that finished too few."""
    times: defaultdict[str, list[timedelta]] = defaultdict(list)
    for ref, team in inputs.teams.items():
        flow = inputs.flow.get(ref)
        times[team] += (
            [flow.finished - _begin(flow)] if flow is not None and flow.finished is not None else []
        )
    unknown = {team for team, each in times.items() if len(each) < ENOUGH}
    usual = {
        team: sorted(each)[math.ceil(OLD_FROM * len(each)) - 1]
        for team, each in times.items()
        if team not in unknown
    }
    return usual, unknown


def _begin(flow: FlowIssue) -> datetime:
    """When it went under way; where nobody saw that, when it was created."""
    return flow.started or flow.created


def _days(time: timedelta) -> str:
    return "1 day" if time.days == 1 else f"{time.days} days"


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """For people: what is about promises before what is about single issues."""
    order: tuple[Kind, ...] = (
        "nothing-moves",
        "not-proven",
        "plan-changed",
        "mapped-out",
        "given-up",
        "vanished",
        "old-work",
    )
    return sorted(findings, key=lambda each: order.index(each.kind))
