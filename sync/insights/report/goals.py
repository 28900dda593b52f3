"""Goals and capabilities as a report shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from connectors.model import IssueRef, KnownIssue
from sync.insights.experiments import IterationLearning
from sync.insights.report.flows import burn_up, local_day
from sync.insights.report.inputs import ReportInputs
from sync.insights.report.model import BurnUp, CapabilityRow, ExperimentRow, GoalRow, Issue, IterationRow
from sync.insights.report.phrases import build_outlook, describe_changes, format_state
from sync.model.flow import IssueFlow
from sync.model.rollup import CapabilityRollup, CountedIssue, GoalRollup


def goal_row(goal: GoalRollup, inputs: ReportInputs) -> GoalRow:
    """A goal with its capabilities, and where it will probably stand at the end."""
    changed = next((each for each in inputs.differences if each.subject == goal.subject), None)
    outlook = build_outlook(
        inputs.forecasts.get(goal.subject),
        goal.counts.done,
        _no_forecast_reason(goal.state, inputs),
        inputs.track_records.get(goal.subject),
    )
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
        outlook=outlook,
        capabilities=tuple(_capability_row(each, inputs) for each in goal.capabilities),
        burn_up=_burn_up(goal, outlook.likely, outlook.middle, inputs),
        changed=describe_changes(changed),
        warnings=goal.warnings,
    )


def _no_forecast_reason(state: str, inputs: ReportInputs) -> str:
    if state in ("done", "cancelled", "missed"):
        return format_state(state)
    return "no work mapped yet" if state == "empty" else inputs.no_forecast


def _burn_up(
    goal: GoalRollup, likely: tuple[int, int] | None, middle: int | None, inputs: ReportInputs
) -> BurnUp | None:
    counted = [issue for each in goal.capabilities if not each.cancelled for issue in each.issues]
    ways = [_flow_as_counted(issue, inputs) for issue in counted]
    if not ways:
        return None
    baselines = [each.scope.baseline for each in goal.capabilities if not each.cancelled]
    known_baselines = [each for each in baselines if each is not None]
    since = [each.scope.baseline_at for each in goal.capabilities if each.scope.baseline_at]
    today = local_day(inputs.now, inputs.zone)
    first = min(inputs.increment.start, today)
    fan = (likely[0], middle, likely[1]) if likely and middle is not None else None
    return burn_up(
        ways,
        first,
        min(today, inputs.increment.end),
        inputs.increment.end,
        inputs.zone,
        baseline=sum(known_baselines) if known_baselines else None,
        baseline_at=local_day(max(since), inputs.zone) if since else None,
        fan=fan,
    )


def _flow_as_counted(issue: CountedIssue, inputs: ReportInputs) -> IssueFlow:
    """Its way, ending as it counts: a drawing must end in the figures beside it, whatever a history leaves out."""
    way = inputs.flow.get(issue.ref)
    if way is None:
        way = IssueFlow(ref=issue.ref, created=inputs.known[issue.ref].issue.created, complete=False)
    ended = min(issue.vanished or issue.closed or inputs.now, inputs.now)
    if not issue.in_scope:
        return replace(way, finished=None, dropped=way.dropped or ended)
    if issue.state.state == "done":
        return replace(way, finished=way.finished or ended, dropped=None)
    return replace(way, finished=None, dropped=None)


def _capability_row(capability: CapabilityRollup, inputs: ReportInputs) -> CapabilityRow:
    counts, scope = capability.counts, capability.scope
    blocked = [issue for issue in capability.issues if issue.state.blocked and issue.state.state != "done"]
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
            Issue(ref=str(each.ref), key=each.ref.key, title=each.title, url=each.url) for each in blocked
        ),
        proof=capability.proof.why if capability.proof else None,
        not_proven=capability.not_proven,
        outlook=build_outlook(
            inputs.forecasts.get(capability.subject),
            counts.done,
            _no_forecast_reason(capability.state, inputs),
            inputs.track_records.get(capability.subject),
        ),
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
        questions=tuple(
            ExperimentRow(
                issue=Issue(
                    ref=str(each.ref),
                    key=each.ref.key,
                    title=each.title,
                    url=known[each.ref].issue.url if each.ref in known else "",
                ),
                outcome=each.outcome,
                days=_in_days(each.duration),
            )
            for each in found.questions
        ),
        usual_days=_in_days(found.median_duration),
    )


def _in_days(duration: timedelta | None) -> float | None:
    return None if duration is None else round(duration / timedelta(days=1), 1)
