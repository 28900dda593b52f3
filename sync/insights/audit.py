"""Integrity findings: goals and capabilities that look better than they are, with evidence. Pure.

A finding is not a verdict. It can have good reasons; it says what a reader should not overlook.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from connectors.model import IssueRef
from connectors.wording import are, pluralize
from sync.insights.plan_edits import PlanEdit, find_plan_edits
from sync.model.attribution import Difference, PlanFacts
from sync.model.flow import IssueFlow
from sync.model.rollup import CapabilityRollup, GoalRollup, IncrementRollup

FindingKind = Literal[
    "stalled", "evidence-missing", "plan-changed", "remapped", "dropped", "vanished", "aging-wip"
]
"""In the order in which readers get them: commitments before single issues."""
GREEN_MIN_PROGRESS: Final = 0.5
"""Share of done issues from which a goal in progress without health looks green."""
AGING_QUANTILE: Final = 0.85
"""Quantile of the durations of a team's finished issues above which work is aging (the usual service level)."""
MIN_FINISHED_ISSUES: Final = 10
"""Finished issues of a team that are needed for its usual duration."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingEvidence:
    """One fact behind a finding. Contains no text from issues except keys."""

    text: str
    ref: IssueRef | None = None
    at: datetime | None = None
    """Time of the event, or of the run that saw it."""
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditFinding:
    """One finding, with its evidence."""

    kind: FindingKind
    subject: str
    """``goal:<id>``, ``capability:<id>`` or ``team:<id>``."""
    title: str
    text: str
    evidence: tuple[FindingEvidence, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditInputs:
    """Inputs of the audit."""

    increments: tuple[IncrementRollup, ...]
    """Increments to check."""
    since_commitment: Mapping[str, Difference]
    """Capability id -> difference since its baseline."""
    history: tuple[PlanFacts, ...]
    """Recorded facts of the plans, oldest first."""
    flow: Mapping[IssueRef, IssueFlow]
    teams: Mapping[IssueRef, str]
    starts: Mapping[str, datetime]
    """Increment -> its first instant."""
    quiet_after: timedelta
    now: datetime


def find_audit_findings(inputs: AuditInputs) -> tuple[AuditFinding, ...]:
    """Return all findings: goals in the order of the plans, each followed by its capabilities; teams last."""
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
    """Find a goal that looks green, has open issues, and has had no change of state for ``quiet_after``."""
    if increment.phase not in ("active", "grace") or not _looks_green(goal):
        return
    issues = [(issue, capability) for capability in goal.capabilities for issue in capability.issues]
    open_issues = [issue.ref for issue, capability in issues if issue.is_open and not capability.cancelled]
    flows = {issue.ref: inputs.flow[issue.ref] for issue, _ in issues if issue.ref in inputs.flow}
    changed = {ref: flow.state_changes[-1].at for ref, flow in flows.items()}
    last = max(changed.values(), default=None)
    if not open_issues or last is None or inputs.now - last < inputs.quiet_after:
        return
    counts = goal.counts
    yield _finding(
        "stalled",
        goal,
        f"{goal.state}, {counts.done} of {pluralize(counts.scope, 'issue')} done, and no issue has "
        f"changed its state since {last:%Y-%m-%d}",
        [
            FindingEvidence(ref=ref, text="open, last change of state", at=changed.get(ref))
            for ref in sorted(open_issues, key=lambda ref: changed.get(ref, inputs.now))
        ],
    )


def _looks_green(goal: GoalRollup) -> bool:
    if goal.state != "in-progress" or goal.health in ("at-risk", "off-track"):
        return False
    return goal.health == "on-track" or (goal.counts.progress or 0) >= GREEN_MIN_PROGRESS


def _missing_evidence(capability: CapabilityRollup) -> Iterator[AuditFinding]:
    """Find a capability whose issues are done without the evidence that the plan requires."""
    if capability.not_proven and capability.proof:
        text = "all issues are done, but the evidence that the plan requires is missing"
        yield _finding("evidence-missing", capability, text, [FindingEvidence(text=capability.proof.why)])


_REMOVALS: Final[Mapping[Literal["remapped", "dropped", "vanished"], str]] = {
    "remapped": "removed by an edit of rules or plan, or by a manual override, since the commitment",
    "dropped": "dropped since the commitment",
    "vanished": "no longer found since the commitment",
}


def _removed_work(capability: CapabilityRollup, difference: Difference | None) -> Iterator[AuditFinding]:
    """Find committed work that no longer counts, by its cause."""
    if difference is None:
        return
    for kind, words in _REMOVALS.items():
        gone = [entry for entry in difference.part(kind) if entry.scope < 0]
        if gone:
            number = pluralize(len(gone), "issue")
            yield _finding(
                kind,
                capability,
                f"{number} of {difference.scope_before} {words} ({difference.since:%Y-%m-%d})",
                [
                    FindingEvidence(ref=each.ref, text=each.why, at=each.at, run_id=each.run_id)
                    for each in gone
                ],
            )


def _finding(
    kind: FindingKind,
    subject: GoalRollup | CapabilityRollup,
    text: str,
    evidence: Sequence[FindingEvidence],
) -> AuditFinding:
    return AuditFinding(
        kind=kind, subject=subject.subject, title=subject.title, text=text, evidence=tuple(evidence)
    )


def _weakened_plans(inputs: AuditInputs) -> Iterator[AuditFinding]:
    """Find edits of the plans that weaken a commitment after the start of its increment."""
    checked = {increment.id for increment in inputs.increments}
    by_subject: defaultdict[str, list[PlanEdit]] = defaultdict(list)
    for edit in find_plan_edits(inputs.history):
        if edit.increment in checked and edit.at > inputs.starts[edit.increment]:
            by_subject[edit.subject].append(edit)
    for subject, edits in by_subject.items():
        yield AuditFinding(
            kind="plan-changed",
            subject=subject,
            title=edits[-1].title,
            text="; ".join(dict.fromkeys(edit.what for edit in edits)) + " after the start",
            evidence=tuple(
                FindingEvidence(text=edit.detail, at=edit.at, run_id=edit.run_id) for edit in edits
            ),
        )


def _aging_work(inputs: AuditInputs) -> Iterator[AuditFinding]:
    """Find issues that are in progress for longer than 85% of what their team finished (aging WIP)."""
    usual = _usual_durations(inputs)
    aging: defaultdict[str, list[tuple[timedelta, IssueRef]]] = defaultdict(list)
    capabilities = (each for increment in inputs.increments for each in increment.capabilities)
    for issue in (issue for capability in capabilities for issue in capability.issues):
        flow, team = inputs.flow.get(issue.ref), inputs.teams.get(issue.ref)
        if issue.state.state == "doing" and flow is not None and team in usual:
            age = inputs.now - _started_at(flow)
            if age > usual[team]:
                aging[team].append((age, issue.ref))
    for team, issues in sorted(aging.items()):
        number = are(len(issues), "issue")
        yield AuditFinding(
            kind="aging-wip",
            subject=f"team:{team}",
            title=team,
            text=f"{number} in progress for longer than {AGING_QUANTILE:.0%} of what the team finished took "
            f"({pluralize(usual[team].days, 'day')})",
            evidence=tuple(
                FindingEvidence(
                    ref=ref,
                    text=f"in progress for {pluralize(age.days, 'day')}",
                    at=_started_at(inputs.flow[ref]),
                )
                for age, ref in sorted(issues, reverse=True)
            ),
        )


def _usual_durations(inputs: AuditInputs) -> dict[str, timedelta]:
    """Return team -> AGING_QUANTILE of the durations of its finished issues. Teams with too few are left out."""
    times: defaultdict[str, list[timedelta]] = defaultdict(list)
    for ref, team in inputs.teams.items():
        flow = inputs.flow.get(ref)
        if flow is not None and flow.finished is not None and flow.finished <= inputs.now:
            times[team].append(flow.finished - _started_at(flow))
    return {
        team: sorted(each)[math.ceil(AGING_QUANTILE * len(each)) - 1]
        for team, each in times.items()
        if len(each) >= MIN_FINISHED_ISSUES
    }


def _started_at(flow: IssueFlow) -> datetime:
    """Return the start of an issue, or its creation if no start is known."""
    return flow.started or flow.created


def sort_by_severity(findings: Iterable[AuditFinding]) -> list[AuditFinding]:
    """Sort findings for readers: those about commitments before those about single issues."""
    return sorted(findings, key=lambda each: get_args(FindingKind).index(each.kind))
