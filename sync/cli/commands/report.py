"""``report``: one file for executives, leads and teams, from the store alone. No request is sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from mappings.model import Increment
from sync.cli.output import Output, utc
from sync.cli.store_view import (
    StoreView,
    audit_findings,
    find_increment,
    increment_predictability,
    started_increments,
)
from sync.config.private_files import make_private_folder, write_private
from sync.forecast.prerequisites import ForecastDependenciesMissing, require_forecast_dependencies
from sync.insights.change_queries import NoRecordedData, changes_until_now, parse_moment
from sync.insights.experiments import learning_by_iteration
from sync.insights.report.build import build_report
from sync.insights.report.inputs import ReportInputs
from sync.insights.report.model import OverrideRow, ReportData, SourceRow
from sync.insights.unplanned import ad_hoc_metrics
from sync.model.attribution import Difference
from sync.model.forecast import AgingIssue, Forecast
from sync.pipeline.offline import last_full_sync, stale_since
from sync.pull.current_sources import current_source_states
from sync.pull.recorded_health import load_track_records
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation
from sync.runtime.session import pulled_context

Format = Literal["html", "markdown", "json", "schema"]


class ChartLibraryMissing(LookupError):
    """The extra ``report`` is not installed."""


def report(
    invocation: Invocation, increment: str | None, out: Path | None, format_: Format, since: str | None
) -> int:
    """Write the report to a file; by default an HTML page to a file, other formats to stdout."""
    output = Output(invocation)
    if format_ == "schema":
        from sync.insights.report.document import schema_text

        _write(output, schema_text(), out)
        return 0
    with pulled_context(invocation, require_all_files=False) as context:
        data = report_data_of(context, increment, since)
        target = out or (Path(f"report-{data.increment}.html") if format_ == "html" else None)
        _write(output, render_report(data, format_), target)
        if target is not None and str(target) != "-":
            output.note(f"report of {data.increment} written to {target}")
        output.notes(
            f"{source.name} cannot be read since {utc(source.failing_since)}: old numbers"
            for source in data.stale
            if source.failing_since
        )
        return 0


def report_data_of(context: RunContext, increment: str | None = None, since: str | None = None) -> ReportData:
    """Build the report of an increment, by default of the one in progress. Raises LookupError for an unknown one."""
    chosen = select_increment(context.workspace.increments, increment, context.now())
    start = parse_moment(context, since, end_of_day=False) if since else None
    return build_report(collect_report_inputs(context, chosen, start))


def _write(output: Output, text: str, target: Path | None) -> None:
    if target is None or str(target) == "-":
        output.line(text.rstrip("\n"))
    else:
        make_private_folder(target.parent)
        write_private(target, text)


def render_report(data: ReportData, format_: Format) -> str:
    """Return the text of a report. Raises ChartLibraryMissing for an HTML page without the chart libraries."""
    if format_ == "json":
        from sync.insights.report.document import render_json

        return render_json(data)
    if format_ == "markdown":
        from sync.insights.report.markdown import render_markdown

        return render_markdown(data)
    try:
        from sync.insights.report.html import render_html
    except ModuleNotFoundError as error:
        raise ChartLibraryMissing(
            f"the page needs {error.name}: install it with `pip install 'increment-sync[report]'`, "
            "or use --format markdown"
        ) from None
    return render_html(data)


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
