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
from sync.insights.plan_changes import PlanChange, plan_changes
from sync.model.attribution import Difference, PlanFacts
from sync.model.flow import IssueFlow
from sync.model.rollup import CapabilityRollup, GoalRollup, IncrementRollup

FindingKind = Literal[
    "nothing-moves", "mapped-out", "given-up", "vanished", "plan-changed", "old-work", "not-proven"
]
GREEN_MIN_PROGRESS: Final = 0.5
"""A goal under way looks green from this done share of its issues on, where no forecast says how it stands."""
AGING_QUANTILE: Final = 0.85
"""Work is old when it takes longer than this share of what its team finished (the customary service level)."""
MIN_FINISHED_ISSUES: Final = 10
"""Finished issues of a team below which nothing is said about its usual time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingEvidence:
    """One fact behind a finding. Without any text from an issue but its key."""

    text: str
    ref: IssueRef | None = None
    at: datetime | None = None
    """When it happened, or when a run saw it."""
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFinding:
    kind: FindingKind
    subject: str
    """``goal:<id>``, ``capability:<id>`` or ``team:<id>``."""
    title: str
    text: str
    evidence: tuple[FindingEvidence, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditInputs:
    increments: tuple[IncrementRollup, ...]
    """Those that are looked at."""
    since_commitment: Mapping[str, Difference]
    """Capability id -> what changed since its baseline."""
    history: tuple[PlanFacts, ...]
    """What the plans said, oldest first."""
    flow: Mapping[IssueRef, IssueFlow]
    teams: Mapping[IssueRef, str]
    starts: Mapping[str, datetime]
    """Increment -> its first instant."""
    quiet_after: timedelta
    now: datetime


def find_audit_findings(inputs: AuditInputs) -> tuple[AuditFinding, ...]:
    """All findings: goals in the order of the plans, each followed by its capabilities; teams last."""
    found: list[AuditFinding] = []
    for increment in inputs.increments:
        for goal in increment.goals:
            found += _stalled_goal(goal, increment, inputs)
            for capability in goal.capabilities:
                found += _missing_evidence(capability)
                found += _removed_work(capability, inputs.since_commitment.get(capability.id))
    return (*found, *_weakened_plans(inputs), *_aging_work(inputs))


def _stalled_goal(
    goal: GoalRollup, increment: IncrementRollup, inputs: AuditInputs
) -> Iterator[AuditFinding]:
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
    moved = {ref: _last_state_change(inputs.flow[ref]) for ref in refs if ref in inputs.flow}
    last = max(moved.values(), default=None)
    if not open_issues or last is None or inputs.now - last < inputs.quiet_after:
        return
    counts = goal.counts
    yield AuditFinding(
        kind="nothing-moves",
        subject=goal.subject,
        title=goal.title,
        text=f"{goal.state}, {counts.done} of {counts.scope} issues done, and nothing has moved since "
        f"{last:%Y-%m-%d}",
        evidence=tuple(
            FindingEvidence(ref=ref, text="open, and moved last then", at=moved.get(ref))
            for ref in sorted(open_issues, key=lambda ref: moved.get(ref, inputs.now))
        ),
    )


def _looks_green(goal: GoalRollup) -> bool:
    if goal.state != "in-progress" or goal.health in ("at-risk", "off-track"):
        return False
    return goal.health == "on-track" or (goal.counts.progress or 0) >= GREEN_MIN_PROGRESS


def _last_state_change(flow: IssueFlow) -> datetime:
    return max((move.at for move in flow.state_changes), default=flow.created)


def _missing_evidence(capability: CapabilityRollup) -> Iterator[AuditFinding]:
    if capability.not_proven and capability.proof:
        yield AuditFinding(
            kind="not-proven",
            subject=capability.subject,
            title=capability.title,
            text="all issues are done, and the evidence that the plan asks for is not there",
            evidence=(FindingEvidence(text=capability.proof.why),),
        )


_REMOVAL_KINDS: Final[Mapping[str, tuple[FindingKind, str]]] = {
    "remapped": ("mapped-out", "taken out by an edit of rules or plan, or by hand, since the commitment"),
    "dropped": ("given-up", "dropped since the commitment"),
    "vanished": ("vanished", "not found any more since the commitment"),
}


def _removed_work(capability: CapabilityRollup, difference: Difference | None) -> Iterator[AuditFinding]:
    """Work that was promised and is not in the figures any more, by what took it out."""
    if difference is None:
        return
    parts = {"remapped": difference.remapped, "dropped": difference.dropped, "vanished": difference.vanished}
    for part, entries in parts.items():
        gone = [entry for entry in entries if entry.scope < 0]
        kind, words = _REMOVAL_KINDS[part]
        if gone:
            number = "1 issue" if len(gone) == 1 else f"{len(gone)} issues"
            yield AuditFinding(
                kind=kind,
                subject=capability.subject,
                title=capability.title,
                text=f"{number} of {difference.scope_before} {words} ({difference.since:%Y-%m-%d})",
                evidence=tuple(
                    FindingEvidence(ref=each.ref, text=each.why, at=each.at, run_id=each.run_id)
                    for each in gone
                ),
            )


def _weakened_plans(inputs: AuditInputs) -> Iterator[AuditFinding]:
    """What the plans made easier after the start of an increment."""
    looked_at = {increment.id for increment in inputs.increments}
    by_subject: defaultdict[str, list[PlanChange]] = defaultdict(list)
    for turn in plan_changes(inputs.history):
        if turn.increment in looked_at and turn.at > inputs.starts[turn.increment]:
            by_subject[turn.subject].append(turn)
    for subject, turns in by_subject.items():
        yield AuditFinding(
            kind="plan-changed",
            subject=subject,
            title=turns[-1].title,
            text="; ".join(dict.fromkeys(turn.what for turn in turns)) + " after the start",
            evidence=tuple(
                FindingEvidence(text=turn.detail, at=turn.at, run_id=turn.run_id) for turn in turns
            ),
        )


def _aging_work(inputs: AuditInputs) -> Iterator[AuditFinding]:
    """Work under way for longer than most of what its team finished ever took."""
    usual, unknown = _usual_durations(inputs)
    old: defaultdict[str, list[tuple[timedelta, IssueRef]]] = defaultdict(list)
    for increment in inputs.increments:
        for goal in increment.goals:
            for issue in (issue for capability in goal.capabilities for issue in capability.issues):
                flow, team = inputs.flow.get(issue.ref), inputs.teams.get(issue.ref)
                if issue.state.state != "doing" or flow is None or team is None or team in unknown:
                    continue
                age = inputs.now - _started_at(flow)
                if age > usual[team]:
                    old[team].append((age, issue.ref))
    for team, issues in sorted(old.items()):
        number = "1 issue is" if len(issues) == 1 else f"{len(issues)} issues are"
        yield AuditFinding(
            kind="old-work",
            subject=f"team:{team}",
            title=team,
            text=f"{number} under way for longer than {AGING_QUANTILE:.0%} of what the team finished took "
            f"({_days(usual[team])})",
            evidence=tuple(
                FindingEvidence(ref=ref, text=f"under way for {_days(age)}", at=_started_at(inputs.flow[ref]))
                for age, ref in sorted(issues, reverse=True)
            ),
        )


def _usual_durations(inputs: AuditInputs) -> tuple[dict[str, timedelta], set[str]]:
    """By team the time that ``AGING_QUANTILE`` of its finished issues did not exceed; and teams that finished too few."""
    times: defaultdict[str, list[timedelta]] = defaultdict(list)
    for ref, team in inputs.teams.items():
        flow = inputs.flow.get(ref)
        times[team] += (
            [flow.finished - _started_at(flow)] if flow is not None and flow.finished is not None else []
        )
    unknown = {team for team, each in times.items() if len(each) < MIN_FINISHED_ISSUES}
    usual = {
        team: sorted(each)[math.ceil(AGING_QUANTILE * len(each)) - 1]
        for team, each in times.items()
        if team not in unknown
    }
    return usual, unknown


def _started_at(flow: IssueFlow) -> datetime:
    """When it went under way; where nobody saw that, when it was created."""
    return flow.started or flow.created


def _days(time: timedelta) -> str:
    return "1 day" if time.days == 1 else f"{time.days} days"


def sort_by_severity(findings: Iterable[AuditFinding]) -> list[AuditFinding]:
    """For people: what is about promises before what is about single issues."""
    order: tuple[FindingKind, ...] = (
        "nothing-moves",
        "not-proven",
        "plan-changed",
        "mapped-out",
        "given-up",
        "vanished",
        "old-work",
    )
    return sorted(findings, key=lambda each: order.index(each.kind))
