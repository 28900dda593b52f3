"""JQL text, and where a pull goes on. Pure: values in, values out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connectors.model import Cursor, Issue, Source

ORDER = "ORDER BY created ASC, key ASC"
"""Never by ``updated``: an issue that changes while pages are read would move over a page's edge."""

MINUTE = timedelta(minutes=1)


def created_from(condition: str, at: datetime, zone: ZoneInfo) -> str:
    """The part of a condition whose issues were created at ``at`` (to the minute) or later."""
    return f"({condition}) AND created >= {quote_jql(jql_time(at, zone))}"


class BadJql(ValueError):
    """A user's JQL that cannot be put into brackets safely; the message says why."""


def quote_jql(text: str) -> str:
    """A JQL string literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def jql_time(at: datetime, zone: ZoneInfo) -> str:
    """``at`` to the minute as JQL reads it: in the account's zone. Never later than ``at``.

    Where clocks go back an hour is written twice and nothing tells which is meant. If the later of the two
    would be after ``at``, a time before the repeated hour is written instead.
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
    """One condition, without order, for sources of one ``jql`` (or none), each from its own time on.

    BadJql when the shared ``jql`` has unbalanced brackets or quotes, or nothing bounds the search.
    """
    sources = list(sources)
    clauses = [_source_clause(source, since, zone) for source, since in sources]
    parts = [] if "" in clauses else [" OR ".join(f"({clause})" for clause in clauses)]
    if narrowed := without_order(sources[0][0].jql or ""):
        parts.append(narrowed)
    if not parts:
        raise BadJql("it names neither a project nor a jql")
    return " AND ".join(f"({part})" for part in parts)


def without_order(jql: str) -> str:
    """The condition of a JQL, without a trailing ORDER BY. BadJql when it cannot stand inside brackets."""
    depth, end = 0, len(jql)
    for token in _TOKEN.finditer(jql):
        text = token.group()
        if text in "\"'":
            raise BadJql(f"a quotation mark ({text}) is not closed")
        depth += {"(": 1, ")": -1}.get(text, 0)
        if depth < 0:
            raise BadJql("a closing bracket has no opening one")
        if depth == 0 and text.casefold().startswith("order"):
            end = token.start()
            break
    if depth:
        raise BadJql("an opening bracket is not closed")
    return jql[:end].strip()


_TOKEN = re.compile(
    r""" \\. | "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | ["'()] | \border\s+by\b """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def _source_clause(source: Source, since: datetime | None, zone: ZoneInfo) -> str:
    project = [f"project = {quote_jql(source.project)}"] if source.project else []
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
    """Where to go on after a source was read whole.

    ``server_time`` is the server's time at the first answer. The index may lag, but what was updated an overlap
    before that is certainly visible: ``since`` never passes it. Up to there, every issue of the watermark's
    minute has been seen, so that the next minute is early enough and an unchanged source costs no issue.
    ``now`` is our time. It counts only for a source that never showed an issue, which has nothing but clocks to
    go by: a server that lives in the future must not put its watermark there.
    """
    visible = server_time - overlap
    seen = [issue.updated for issue in issues]
    if previous is not None:
        seen.append(previous.watermark)
    if not seen:
        earliest = min(server_time, now) - overlap
        return Cursor(watermark=earliest, updated_since=earliest)
    watermark = max(seen)
    after = watermark.replace(second=0, microsecond=0) + MINUTE
    return Cursor(watermark=watermark, updated_since=after if after <= visible else min(watermark, visible))
