"""JQL texts, and the cursor of the next pull. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.jql_syntax import BadJql, without_order
from connectors.model import Cursor, Issue, Source

ORDER = "ORDER BY created ASC, key ASC"
"""Never by ``updated``: an issue that changes while pages are read would move to another page."""

MINUTE = timedelta(minutes=1)


def created_from(condition: str, at: datetime, zone: ZoneInfo) -> str:
    """Narrow a condition to issues created in the minute of ``at`` or later."""
    return f"({condition}) AND created >= {quote_jql(jql_time(at, zone))}"


def quote_jql(text: str) -> str:
    """Return the text as a JQL string literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def jql_time(at: datetime, zone: ZoneInfo) -> str:
    """Return ``at`` as JQL reads times: to the minute and in the account's zone. Never later than ``at``.

    When clocks go back, the local times of one hour occur twice, and JQL cannot tell which one is meant. If the
    later one is after ``at``, a time before the repeated hour is returned.
    """
    candidate = at
    while True:
        local = candidate.astimezone(zone).replace(second=0, microsecond=0, tzinfo=None)
        first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        latest = max(first, second)
        if latest <= at:
            return f"{local:%Y-%m-%d %H:%M}"
        candidate -= max(abs(second - first), MINUTE)


def search_condition(sources: Iterable[tuple[Source, datetime | None]], zone: ZoneInfo) -> str:
    """Return one condition, without ORDER BY, for sources with the same ``jql`` (or none), each updated since a time.

    BadJql if the ``jql`` has unbalanced parentheses or quotation marks, or nothing limits the search.
    """
    sources = list(sources)
    clauses = [_source_clause(source, since, zone) for source, since in sources]
    parts = [] if "" in clauses else [" OR ".join(f"({clause})" for clause in clauses)]
    if jql := without_order(sources[0][0].text("jql")):
        parts.append(jql)
    if not parts:
        raise BadJql("it names neither a project nor a jql")
    return " AND ".join(f"({part})" for part in parts)


def _source_clause(source: Source, since: datetime | None, zone: ZoneInfo) -> str:
    project = [f"project = {quote_jql(source.container)}"] if source.container else []
    updated = [f"updated >= {quote_jql(jql_time(since, zone))}"] if since else []
    return " AND ".join([*project, *updated])


def next_cursor(
    previous: Cursor | None,
    issues: Iterable[Issue],
    *,
    server_time: datetime,
    now: datetime,
    overlap: timedelta,
) -> Cursor:
    """Return the cursor after a complete read of a source.

    ``server_time``: Date of the first response. The search index may lag, but changes older than ``server_time -
    overlap`` are certainly visible; ``updated_since`` never passes that time. Up to there, every issue of the
    watermark's minute was read, so the next minute suffices and an unchanged source returns no issue.

    ``now``: this machine's time, used only for a source without any issue: a server whose clock is in the future must
    not put the watermark there.
    """
    visible_until = server_time - overlap
    times = [issue.updated for issue in issues]
    if previous is not None:
        times.append(previous.watermark)
    if not times:
        earliest = min(server_time, now) - overlap
        return Cursor(watermark=earliest, updated_since=earliest)
    watermark = max(times)
    next_minute = watermark.replace(second=0, microsecond=0) + MINUTE
    updated_since = next_minute if next_minute <= visible_until else min(watermark, visible_until)
    return Cursor(watermark=watermark, updated_since=updated_since)
