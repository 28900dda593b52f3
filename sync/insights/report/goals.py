"""Rows of goals and capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from connectors.model import IssueRef, KnownIssue
from sync.insights.experiments import IterationLearning
from sync.insights.report.chart_data import BurnUp
from sync.insights.report.flows import burn_up, local_day
from sync.insights.report.inputs import ReportInputs
from sync.insights.report.model import (
    CapabilityRow,
    ExperimentRow,
    ForecastSummary,
    GoalRow,
    IssueLink,
    IterationRow,
)
from sync.insights.report.phrases import describe_changes, format_state
from sync.model.flow import IssueFlow
from sync.model.rollup import CapabilityRollup, CountedIssue, GoalRollup


def goal_row(goal: GoalRollup, inputs: ReportInputs) -> GoalRow:
    """Build the row of a goal with its capabilities and its burn-up chart."""
    difference = next((each for each in inputs.differences if each.subject == goal.subject), None)
    no_forecast = _no_forecast_reason(goal.state, inputs)
    forecast = inputs.forecast_summary(goal.subject, goal.counts.done, no_forecast)
    return GoalRow(
        id=goal.id,
        title=goal.title,
        commitment=goal.commitment,
        state=goal.state,
        health=goal.health,
        released=goal.released,
        required_done=goal.required_done,
        required_total=goal.required_total,
        done=goal.counts.done,
        scope=goal.counts.scope,
        forecast=forecast,
        capabilities=tuple(_capability_row(each, inputs) for each in goal.capabilities),
        burn_up=_burn_up(goal, forecast, inputs),
        change_summary=describe_changes(difference),
        warnings=goal.warnings,
    )


def _no_forecast_reason(state: str, inputs: ReportInputs) -> str:
    if state in ("done", "cancelled", "missed"):
        return format_state(state)
    return "no work mapped yet" if state == "empty" else inputs.no_forecast


def _burn_up(goal: GoalRollup, forecast: ForecastSummary, inputs: ReportInputs) -> BurnUp | None:
    active = [each for each in goal.capabilities if not each.cancelled]
    counted = [issue for each in active for issue in each.issues]
    if not counted:
        return None
    baselines = [each.scope.baseline for each in active if each.scope.baseline is not None]
    since = [each.scope.baseline_at for each in goal.capabilities if each.scope.baseline_at]
    interval, median = forecast.interval_85, forecast.median
    today = local_day(inputs.now, inputs.zone)
    return burn_up(
        [_flow_as_counted(issue, inputs) for issue in counted],
        min(inputs.increment.start, today),
        min(today, inputs.increment.end),
        inputs.increment.end,
        inputs.zone,
        baseline=sum(baselines) if baselines else None,
        baseline_at=local_day(max(since), inputs.zone) if since else None,
        forecast_interval=(interval[0], median, interval[1]) if interval and median is not None else None,
    )


def _flow_as_counted(issue: CountedIssue, inputs: ReportInputs) -> IssueFlow:
    """Return the flow of an issue, ending in the state in which it counts.

    A chart has to end in the numbers beside it, even if a history is incomplete.
    """
    flow = inputs.flow.get(issue.ref)
    if flow is None:
        flow = IssueFlow(ref=issue.ref, created=inputs.known[issue.ref].issue.created, complete=False)
    ended = min(issue.vanished or issue.closed or inputs.now, inputs.now)
    if not issue.in_scope:
        return replace(flow, finished=None, dropped=flow.dropped or ended)
    if issue.state.state == "done":
        return replace(flow, finished=flow.finished or ended, dropped=None)
    return replace(flow, finished=None, dropped=None)


def _capability_row(capability: CapabilityRollup, inputs: ReportInputs) -> CapabilityRow:
    counts, scope = capability.counts, capability.scope
    no_forecast = _no_forecast_reason(capability.state, inputs)
    return CapabilityRow(
        id=capability.id,
        title=capability.title,
        team=capability.team,
        teams=capability.teams,
        state=capability.state,
        health=capability.health,
        released=capability.released,
        required=capability.required,
        target=capability.target,
        done=counts.done,
        scope=counts.scope,
        doing=counts.doing,
        dropped=counts.dropped,
        baseline=scope.baseline,
        added=len(scope.added),
        removed=len(scope.dropped) + len(scope.moved_out) + len(scope.vanished) + len(scope.split),
        blocked=capability.blocked,
        blocked_issues=tuple(
            IssueLink.to(each.ref, each.title, each.url) for each in capability.blocked_issues
        ),
        blockers=tuple(inputs.link(each) for each in capability.blockers if each.key),
        evidence=capability.proof.why if capability.proof else None,
        evidence_missing=capability.not_proven,
        forecast=inputs.forecast_summary(capability.subject, counts.done, no_forecast),
        iterations=tuple(
            _iteration_row(each, inputs.known) for each in inputs.learning if each.capability == capability.id
        ),
        warnings=capability.warnings,
        uncertain=capability.uncertain,
    )


def _iteration_row(found: IterationLearning, known: Mapping[IssueRef, KnownIssue]) -> IterationRow:
    return IterationRow(
        name=found.iteration,
        state=found.state,
        done=found.done,
        scope=found.scope,
        experiments=tuple(
            ExperimentRow(
                issue=IssueLink.to(each.ref, each.title, known[each.ref].issue.url),
                outcome=each.outcome,
                days=_in_days(each.duration),
            )
            for each in found.questions
        ),
        median_days=_in_days(found.median_duration),
    )


def _in_days(duration: timedelta | None) -> float | None:
    return None if duration is None else round(duration / timedelta(days=1), 1)
