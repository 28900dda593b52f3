"""``report``: one file for executives, leads and teams, from the store alone."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from sync.cli.output import Output
from sync.cli.report_inputs import collect_report_inputs, select_increment
from sync.insights.change_queries import parse_moment
from sync.insights.report.build import build_report
from sync.insights.report.model import ReportData
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
            f"{source.name} cannot be read since {source.failing_since:%Y-%m-%d %H:%M} UTC: old numbers"
            for source in data.stale
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
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


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
