"""Inputs of a report, loaded from the store. No request is sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from mappings.model import Increment
from sync.cli.store_view import StoreView, find_increment
from sync.cli.stored_insights import audit_findings, increment_predictability, started_increments
from sync.forecast.prerequisites import ForecastDependenciesMissing, require_forecast_dependencies
from sync.insights.change_queries import NoRecordedData, changes_until_now
from sync.insights.experiments import learning_by_iteration
from sync.insights.report.inputs import ReportInputs
from sync.insights.report.model import OverrideRow, SourceRow
from sync.insights.unplanned import ad_hoc_metrics
from sync.model.attribution import Difference
from sync.model.forecast import AgingIssue, Forecast
from sync.pipeline.offline import last_full_sync, stale_since
from sync.pull.current_sources import current_source_states
from sync.pull.recorded_health import load_track_records
from sync.runtime.context import RunContext

_IDLE_AFTER: Final = timedelta(days=14)
"""Default of ``audit --days``."""
_MAX_INCREMENTS_COMPARED: Final = 6
DEFAULT_CHANGE_PERIOD: Final = timedelta(days=7)


def collect_report_inputs(
    context: RunContext, increment: Increment, since: datetime | None = None
) -> ReportInputs:
    """Load everything about one increment. ``since``: start of the reported changes, by default a week ago."""
    view, now = StoreView(context), context.now()
    teams = [team.team for team in context.workspace.teams]
    rollups = [each for each in view.rollup.increments if each.id == increment.id]
    forecasts, aging, no_forecast = _forecasts(view, increment)
    changed_since, differences = _changes(view, increment, since or now - DEFAULT_CHANGE_PERIOD)
    started = started_increments(view)[-_MAX_INCREMENTS_COMPARED:]
    return ReportInputs(
        instance=context.settings.instance,
        workspace=context.workspace,
        increment=increment,
        rollup=view.rollup,
        known=view.known,
        flow=view.flows,
        owners=view.owners,
        forecasts=forecasts,
        no_forecast=no_forecast,
        track_records=load_track_records(context),
        aging=aging,
        ad_hoc=ad_hoc_metrics(
            view.rollup, view.known, [increment], teams, now=now, zone=context.settings.zone
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
            rollups, view.known, context.store.issue_changes(), context.workspace.teams
        ),
        audit=audit_findings(view, rollups, _IDLE_AFTER),
        predictability=tuple(increment_predictability(view, each) for each in started),
        read_at=last_full_sync(context),
        silent_since=stale_since(context),
        now=now,
    )


def _forecasts(
    view: StoreView, increment: Increment
) -> tuple[dict[str, Forecast], tuple[AgingIssue, ...], str]:
    """Return the forecasts by subject, the ages of open issues, and why a subject has no forecast."""
    try:
        require_forecast_dependencies()
    except ForecastDependenciesMissing as missing:
        return {}, (), str(missing)
    from sync.forecast.inputs import compute_forecasts

    computed = compute_forecasts(view.context, view.planning, view.known, flow=view.flows)
    forecasts = {each.subject: each for each in computed.forecasts.get(increment.id, ())}
    return forecasts, computed.aging, "no forecast yet" if forecasts else "the increment is over"


def _changes(
    view: StoreView, increment: Increment, since: datetime
) -> tuple[datetime | None, tuple[Difference, ...]]:
    """Return what changed in the increment, and since when; None while nothing is recorded."""
    try:
        changes = changes_until_now(view.context, since, view.planning, view.known)
    except NoRecordedData:
        return None, ()
    found = [each for each in changes.differences if changes.increments.get(each.subject) == increment.id]
    return changes.since, tuple(found)


def select_increment(increments: tuple[Increment, ...], requested: str | None, now: datetime) -> Increment:
    """Return the requested increment; else the one in progress, the next one, or the last one. Raises LookupError."""
    if requested is not None:
        return find_increment(increments, requested)
    ordered = sorted(increments, key=lambda each: each.start)
    if not ordered:
        raise LookupError("the plans have no increment yet: write one into plans/")
    for phase in ("active", "grace", "not-started"):
        for each in ordered:
            if each.phase(now) == phase:
                return each
    return ordered[-1]
