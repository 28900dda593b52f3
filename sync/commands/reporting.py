"""``report``: one file for executives, leads and teams, from the store alone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Literal

from sync.changed.looking_back import moment_of
from sync.commands.session import with_snapshot
from sync.commands.ways import Ways, complain, say
from sync.report.data import ReportData
from sync.report.gather import gather

Format = Literal["html", "markdown", "json"]


class DrawingMissing(LookupError):
    """The extra ``report`` is not installed."""


def report(ways: Ways, increment: str | None, out: Path | None, format_: Format, since: str | None) -> int:
    """Write the report into a file, or to stdout where that is not a page."""
    with with_snapshot(ways) as job:
        moment = moment_of(job, since, end_of_day=False) if since else None
        data = gather(job, increment, moment)
    target = out or (Path(f"report-{data.increment}.html") if format_ == "html" else None)
    text = _rendered(data, format_)
    if target is None or str(target) == "-":
        say(text.rstrip("\n"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        complain(f"report of {data.increment} written to {target}")
    for source in data.stale:
        complain(f"{source.name} cannot be read since {source.failing_since:%Y-%m-%d %H:%M} UTC: old figures")
    return 0


def _rendered(data: ReportData, format_: Format) -> str:
    if format_ == "json":
        import json

        return json.dumps(asdict(data), indent=2, ensure_ascii=False, default=str) + "\n"
    if format_ == "markdown":
        from sync.report.markdown import markdown

        return markdown(data)
    try:
        from sync.report.html import html
    except ModuleNotFoundError as error:
        raise DrawingMissing(
            f"the page needs {error.name}: install it with `pip install 'increment-sync[report]'`, "
            "or take --format markdown"
        ) from None
    return html(data)
