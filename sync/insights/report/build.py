"""Build the content of a report from its inputs. Pure: nothing is read, and time is passed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from connectors.wording import pluralize
from sync.insights.audit import AuditFinding, FindingEvidence
from sync.insights.predictability import Predictability
from sync.insights.report.flows import local_day
from sync.insights.report.goals import goal_row
from sync.insights.report.inputs import ReportInputs
from sync.insights.report.model import (
    VERSION,
    ChangePart,
    ChangeRow,
    FindingRow,
    GoalRow,
    IssueLink,
    PredictabilityRow,
    ReportData,
    UnplannedRow,
)
from sync.insights.report.teams import team_rows
from sync.insights.unplanned import AdHocIssue
from sync.model.attribution import PARTS, Difference
from sync.model.rollup import IncrementRollup

MAX_UNPLANNED: Final = 200
"""Rows of open ad-hoc issues."""
MAX_KEYS: Final = 8
MAX_EVIDENCE: Final = 6


def build_report(inputs: ReportInputs) -> ReportData:
    """Build the report of one increment. Raises LookupError if the roll-up does not have it."""
    rollup = next((each for each in inputs.rollup.increments if each.id == inputs.increment.id), None)
    if rollup is None:
        raise LookupError(f"there is no increment {inputs.increment.id!r}")
    goals = tuple(goal_row(goal, inputs) for goal in rollup.goals)
    waiting = [item for item in inputs.ad_hoc.items if item.is_waiting]
    return ReportData(
        version=VERSION,
        instance=inputs.instance,
        increment=rollup.id,
        start=rollup.start,
        end=rollup.end,
        phase=rollup.phase,
        timezone=inputs.increment.timezone,
        today=local_day(inputs.now, inputs.zone),
        read_at=inputs.read_at,
        headline=_headline(rollup, goals),
        summary=_summary(goals),
        committed_done=rollup.committed_done,
        committed_total=rollup.committed_total,
        stretch_done=rollup.stretch_done,
        stretch_total=rollup.stretch_total,
        goals=goals,
        teams=team_rows(inputs, rollup),
        changed_since=inputs.changed_since,
        changes=tuple(_change_row(each) for each in inputs.differences if each.entries),
        unplanned=tuple(_unplanned_row(item) for item in waiting[:MAX_UNPLANNED]),
        unplanned_open=len(waiting),
        unplanned_share=inputs.ad_hoc.share.share,
        sources=tuple(inputs.sources),
        overrides=tuple(inputs.overrides),
        data_quality=_data_quality(inputs, rollup),
        findings=tuple(_finding_row(each) for each in inputs.audit),
        predictability=tuple(_predictability_row(each) for each in inputs.predictability),
    )


def _headline(rollup: IncrementRollup, goals: Sequence[GoalRow]) -> str:
    """Return the done goals and what needs attention.

    The headline has no probability: those of the goals cannot be combined into one of the increment.
    """
    text = f"{rollup.committed_done} of {pluralize(rollup.committed_total, 'committed goal')} done"
    unfinished = [
        goal for goal in goals if goal.commitment == "committed" and goal.state not in ("done", "cancelled")
    ]
    for health in ("off-track", "at-risk"):
        if count := sum(goal.health == health for goal in unfinished):
            text += f", {count} {health.replace('-', ' ')}"
    blocked = sum(capability.blocked for goal in goals for capability in goal.capabilities)
    return f"{text}, {pluralize(blocked, 'blocked capability')}" if blocked else text


def _summary(goals: Sequence[GoalRow]) -> str:
    """Return a sentence about the least probable committed goal; empty if none is planned or in progress."""
    current = [
        goal for goal in goals if goal.commitment == "committed" and goal.state in ("planned", "in-progress")
    ]
    known = [goal for goal in current if goal.forecast.probability is not None]
    if not current:
        return ""
    if not known:
        return f"No probability is available: {current[0].forecast.summary}."
    worst = min(known, key=lambda goal: goal.forecast.probability or 0)
    subject = (
        "Probability of being done in time"
        if len(current) == 1
        else f"Least probable to be done in time: {worst.title}"
    )
    without = len(current) - len(known)
    goals_without = "goal has" if without == 1 else "goals have"
    more = f" {without} more {goals_without} no probability." if without else ""
    return f"{subject}: {worst.forecast.summary}.{more}"


def _data_quality(inputs: ReportInputs, rollup: IncrementRollup) -> tuple[str, ...]:
    """Return sentences about problems with the data, worst first, each once."""
    since = inputs.silent_since
    notes = (
        [f"no source was synced since {since:%Y-%m-%d %H:%M} UTC; all numbers are from then"] if since else []
    )
    notes += [
        f"{source.name} could not be read since {source.failing_since:%Y-%m-%d %H:%M} UTC; its numbers are old"
        for source in inputs.sources
        if source.failing_since
    ]
    issues = [issue for each in rollup.capabilities for issue in each.issues]
    unknown_status = sum(not issue.state.known for issue in issues)
    without_history = sum(not inputs.flow[i.ref].complete for i in issues if i.ref in inputs.flow)
    counts = {
        "an unknown status: counted as to do": unknown_status,
        "matching rules of several teams: counted nowhere": len(inputs.rollup.conflicts),
        "no complete history: their times are those that runs observed": without_history,
    }
    notes += [
        f"{count} {'issue has' if count == 1 else 'issues have'} {what}"
        for what, count in counts.items()
        if count
    ]
    notes += [warning for goal in rollup.goals for warning in goal.warnings]
    notes += [warning for each in rollup.capabilities for warning in each.warnings]
    return tuple(dict.fromkeys([*notes, *inputs.rollup.warnings]))


def _change_row(difference: Difference) -> ChangeRow:
    """Build the row of the changes of one goal or capability."""
    return ChangeRow(
        subject=difference.subject,
        title=difference.title,
        done_before=difference.done_before,
        scope_before=difference.scope_before,
        done_after=difference.done_after,
        scope_after=difference.scope_after,
        parts=tuple(
            ChangePart(
                name=name, issues=len(entries), keys=tuple(entry.ref.key for entry in entries[:MAX_KEYS])
            )
            for name in PARTS
            if (entries := difference.part(name))
        ),
    )


def _unplanned_row(item: AdHocIssue) -> UnplannedRow:
    """Build the row of one ad-hoc issue."""
    return UnplannedRow(
        issue=IssueLink.to(item.ref, item.title, item.url),
        teams=item.teams,
        requester=item.requester,
        state=item.state,
        days=round(item.age / timedelta(days=1), 1),
        reason=item.reason,
    )


def _finding_row(finding: AuditFinding) -> FindingRow:
    """Build the row of a finding with its first pieces of evidence."""
    return FindingRow(
        kind=finding.kind,
        subject=finding.subject,
        title=finding.title,
        text=finding.text,
        evidence=tuple(_describe_evidence(each) for each in finding.evidence[:MAX_EVIDENCE]),
        more_evidence=max(0, len(finding.evidence) - MAX_EVIDENCE),
    )


def _describe_evidence(fact: FindingEvidence) -> str:
    when = f" ({fact.at:%Y-%m-%d})" if fact.at else ""
    return (f"{fact.ref.key} {fact.text}" if fact.ref else fact.text) + when


def _predictability_row(found: Predictability) -> PredictabilityRow:
    """Build the row of the predictability of one increment."""
    (done, total), (more_done, more) = found.count("committed"), found.count("stretch")
    return PredictabilityRow(
        increment=found.increment,
        so_far=found.so_far,
        committed_done=done,
        committed_total=total,
        stretch_done=more_done,
        stretch_total=more,
        share=found.share,
        carried_over=sum(each.remaining for each in found.carried),
        ad_hoc=found.ad_hoc.share,
    )
