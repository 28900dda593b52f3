"""``report``: one file for executives, leads and teams, from the store alone."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from sync.cli.report_inputs import choose, gather
from sync.insights.change_queries import moment_of
from sync.insights.report.build import build
from sync.insights.report.model import ReportData
from sync.runtime.context import Job
from sync.runtime.invocation import Ways, complain, say
from sync.runtime.session import with_snapshot

Format = Literal["html", "markdown", "json", "schema"]


class DrawingMissing(LookupError):
    """The extra ``report`` is not installed."""


def report(ways: Ways, increment: str | None, out: Path | None, format_: Format, since: str | None) -> int:
    """Write the report into a file, or to stdout where that is not a page."""
    if format_ == "schema":
        from sync.insights.report.document import schema_text

        _write(schema_text(), out)
        return 0
    with with_snapshot(ways, waits_for_all=False) as job:
        data = report_of(job, increment, since)
        target = out or (Path(f"report-{data.increment}.html") if format_ == "html" else None)
        _write(rendered(data, format_), target)
        if target is not None and str(target) != "-":
            complain(f"report of {data.increment} written to {target}")
        for source in data.stale:
            complain(
                f"{source.name} cannot be read since {source.failing_since:%Y-%m-%d %H:%M} UTC: old figures"
            )
        return 0


def report_of(job: Job, increment: str | None = None, since: str | None = None) -> ReportData:
    """The report of an increment, by default of the one in course. LookupError for one that no plan has."""
    chosen = choose(job.workspace.increments, increment, job.now())
    begin = moment_of(job, since, end_of_day=False) if since else None
    return build(gather(job, chosen, begin))


def _write(text: str, target: Path | None) -> None:
    if target is None or str(target) == "-":
        say(text.rstrip("\n"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def rendered(data: ReportData, format_: Format) -> str:
    """The text of a report. DrawingMissing for a page without the libraries that draw."""
    if format_ == "json":
        from sync.insights.report.document import document

        return document(data)
    if format_ == "markdown":
        from sync.insights.report.markdown import markdown

        return markdown(data)
    try:
        from sync.insights.report.html import html
    except ModuleNotFoundError as error:
        raise DrawingMissing(
            f"the page needs {error.name}: install it with `pip install 'increment-sync[report]'`, "
            "or take --format markdown"
        ) from None
    return html(data)
