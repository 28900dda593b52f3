"""Takes from the store what a report needs, each figure once. No request is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Increment
from sync.cli.commands.audit import audit_findings_from
from sync.cli.commands.predictability import increment_predictability
from sync.forecast.load_history import load_issue_flows, owning_teams
from sync.forecast.prerequisites import ForecastDependenciesMissing, require_forecast_dependencies
from sync.insights.change_queries import NoRecordedData, changes_until_now
from sync.insights.experiments import learning_by_iteration
from sync.insights.predictability import Predictability
from sync.insights.report.inputs import ReportInputs
from sync.insights.report.model import OverrideRow, SourceRow
from sync.insights.unplanned import ad_hoc_metrics
from sync.model.attribution import Difference
from sync.model.flow import IssueFlow
from sync.model.forecast import AgingIssue, Forecast
from sync.model.planning import PlanningResult
from sync.pipeline.offline import last_full_sync, plan_offline, stale_since
from sync.pull.current_sources import current_source_states, load_current_issues
from sync.pull.recorded import load_recorded_state
from sync.pull.recorded_health import load_track_records
from sync.runtime.context import RunContext

_IDLE_AFTER: Final = timedelta(days=14)
"""As ``audit`` has it by default."""
_INCREMENTS_COMPARED: Final = 6
DEFAULT_CHANGE_PERIOD: Final = timedelta(days=7)
"""What changed is told since a week ago, unless somebody asks for another moment."""


def collect_report_inputs(
    context: RunContext, chosen: Increment, since: datetime | None = None
) -> ReportInputs:
    """All about one increment. ``since``: what changed is told from then on, by default for the last week."""
    known = load_current_issues(context.store, context.workspace)
    remembered = load_recorded_state(context)
    thought = plan_offline(context, known, remembered)
    flow = load_issue_flows(context.store, context.workspace, thought.matched, known=known)
    teams = [team.team for team in context.workspace.teams]
    forecasts, aging, no_forecast = _ahead(context, chosen, thought, known, flow)
    changed_since, differences = _changes(
        context, since or context.now() - DEFAULT_CHANGE_PERIOD, chosen, thought, known
    )
    return ReportInputs(
        instance=context.settings.instance,
        workspace=context.workspace,
        increment=chosen,
        rollup=thought.rollup,
        known=known,
        flow=flow,
        owners=owning_teams(known, context.workspace, thought.matched),
        forecasts=forecasts,
        no_forecast=no_forecast,
        track_records=load_track_records(context),
        aging=aging,
        ad_hoc=ad_hoc_metrics(
            thought.rollup, known, [chosen], teams, now=context.now(), zone=context.settings.zone
        ),
        differences=differences,
        changed_since=changed_since,
        sources=[
            SourceRow(name=each.name, last_whole=each.last_whole, failing_since=each.failing_since)
            for each in current_source_states(context.store, context.workspace)
        ],
        overrides=[
            OverrideRow(key=row.ref.key, kind=row.kind, label=row.label, since=row.since, note=row.note)
            for row in context.store.overrides()
        ],
        learning=learning_by_iteration(
            [each for each in thought.rollup.increments if each.id == chosen.id],
            known,
            context.store.issue_changes(),
            context.workspace.teams,
        ),
        audit=audit_findings_from(context, chosen.id, _IDLE_AFTER, known, remembered, thought, flow),
        predictability=_predictability(context, thought, known),
        read_at=last_full_sync(context),
        silent_since=stale_since(context),
        now=context.now(),
    )


def _predictability(
    context: RunContext, planned: PlanningResult, known: dict[IssueRef, KnownIssue]
) -> tuple[Predictability, ...]:
    """Of the last increments that have begun, oldest first."""
    begun = [each for each in context.workspace.increments if each.phase(context.now()) != "not-started"]
    begun.sort(key=lambda each: each.start)
    return tuple(
        increment_predictability(context, each, planned.rollup, known)
        for each in begun[-_INCREMENTS_COMPARED:]
    )


def _ahead(
    context: RunContext,
    chosen: Increment,
    planned: PlanningResult,
    known: Mapping[IssueRef, KnownIssue],
    flow: Mapping[IssueRef, IssueFlow],
) -> tuple[dict[str, Forecast], tuple[AgingIssue, ...], str]:
    """(forecasts by subject, ages of open issues, why a subject has no forecast)."""
    try:
        require_forecast_dependencies()
    except ForecastDependenciesMissing as missing:
        return {}, (), str(missing)
    from sync.forecast.inputs import compute_forecasts

    ahead = compute_forecasts(context, planned, known, flow=flow)
    forecasts = {each.subject: each for each in ahead.forecasts.get(chosen.id, ())}
    return forecasts, ahead.aging, "no forecast yet" if forecasts else "the increment is over"


def _changes(
    context: RunContext,
    since: datetime,
    chosen: Increment,
    planned: PlanningResult,
    known: Mapping[IssueRef, KnownIssue],
) -> tuple[datetime | None, tuple[Difference, ...]]:
    """(from when, what changed in the increment); None when nothing was kept yet."""
    try:
        changes = changes_until_now(context, since, planned, known)
    except NoRecordedData:
        return None, ()
    named = changes.increments
    return changes.since, tuple(each for each in changes.differences if named.get(each.subject) == chosen.id)


def select_increment(increments: tuple[Increment, ...], requested: str | None, now: datetime) -> Increment:
    """The one that was asked for; else the one in course, the next one, or the last one. LookupError."""
    if requested is not None:
        for each in increments:
            if each.id == requested:
                return each
        raise LookupError(
            f"there is no increment {requested!r}; the plans have {', '.join(each.id for each in increments) or 'none'}"
        )
    ordered = sorted(increments, key=lambda each: each.start)
    if not ordered:
        raise LookupError("the plans have no increment yet: write one into plans/")
    for phase in ("active", "grace", "not-started"):
        for each in ordered:
            if each.phase(now) == phase:
                return each
    return ordered[-1]
