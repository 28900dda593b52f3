"""Reading a repository's issues page by page, and where the next reading goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urljoin

from requests.utils import parse_header_links

from connectors.errors import BadPayload
from connectors.github.payload import as_mapping, as_rows, moment, need, repo_of
from connectors.http.client import Reply, Transport
from connectors.http.retry import http_date
from connectors.model import Cursor

MAX_PAGES: Final = 5_000
_ROUNDS: Final = 3
"""How often a sweep is read at most while issues move between its pages."""
_NEARLY_FULL: Final = 0.8
"""Share of a page that a kept ``since`` may fill before it moves on."""
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(kw_only=True, slots=True)
class Sweep:
    """All rows (pull requests included) that a repository gave from ``since`` to now, each once."""

    rows: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """By id; where a row came twice, as it was last."""
    pages: int = 0
    etag: str | None = None
    """Of the first page."""
    began: datetime | None = None
    """The server's time when the first page was answered."""
    unchanged: bool = False
    watermark: datetime | None = None
    """Latest ``updated_at`` among the rows."""


def sweep(transport: Transport, repo: str, cursor: Cursor | None, *, page: int) -> Sweep:
    """Read every page of a repository's issues, changed since the cursor or all. ConnectorErrors.

    Sorted by ``updated`` ascending, so that what changes meanwhile moves towards the end. On servers that
    number their pages such a move pulls another row over to a page that was read already; the moved row then
    comes a second time, which is how we notice, and the sweep is read again and joined.
    """
    params: dict[str, Any] = {"state": "all", "sort": "updated", "direction": "asc", "per_page": page}
    headers: dict[str, str] = {}
    if cursor is not None:
        params["since"] = f"{cursor.since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if cursor.etag:
            headers["If-None-Match"] = cursor.etag
    found = Sweep()
    for _ in range(_ROUNDS):
        if not _read_round(transport, repo, params, headers, found):
            break
        headers = {}
    return found


def _read_round(
    transport: Transport, repo: str, params: Mapping[str, Any], headers: Mapping[str, str], found: Sweep
) -> bool:
    """Read the pages once into ``found``; True when a row may have slipped between them."""
    seen: dict[str, str] = {}
    moved = by_cursor = False
    for number, reply in enumerate(pages(transport, f"repos/{repo}/issues", params, headers)):
        if reply.status == 304:
            found.unchanged = True
            return False
        if number == 0 and found.began is None:
            found.began = http_date(reply.headers.get("Date"))
        if number == 0:
            found.etag = reply.headers.get("ETag")
        found.pages += 1
        by_cursor = by_cursor or "after=" in (reply.headers.get("Link") or "")
        rows = as_rows(reply.data, "a list of issues")
        if not rows and (number > 0 or _next_url(reply)):
            raise BadPayload("GitHub sent an empty page in the middle of a list; nothing of it is used")
        _refuse_strangers(rows, repo)
        moved = _take(rows, seen, found) or moved
    return moved and not by_cursor


def _refuse_strangers(rows: list[Any], repo: str) -> None:
    """A cache on the way may answer with what was asked for another repository."""
    for raw in rows:
        other = repo_of(as_mapping(raw, "an issue").get("repository_url"))
        if other and other.lower() != repo.lower():
            raise BadPayload(
                f"GitHub answered with issues of {other} when {repo} was asked for; nothing is used"
            )


def _take(rows: list[Any], seen: dict[str, str], found: Sweep) -> bool:
    """Add a page's rows; True when one of them was on an earlier page and has changed since."""
    repeated, moved = 0, False
    for raw in rows:
        fields = as_mapping(raw, "an issue")
        row_id = str(need(fields, "id", "an issue"))
        updated = need(fields, "updated_at", "an issue")
        if row_id in seen:
            repeated += 1
            moved = moved or seen[row_id] != updated
        seen[row_id] = updated
        at = moment(updated, "an issue")
        found.watermark = max(at, found.watermark or at)
        found.rows[row_id] = fields
    if rows and repeated == len(rows) and not moved:
        raise BadPayload("GitHub sent the same page of issues twice; nothing of it is used")
    return moved


def pages(
    transport: Transport, path: str, params: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Iterator[Reply]:
    """Every page of a list, by the server's own ``Link: rel=next`` and never by counting."""
    reply = transport.send("GET", path, kind="read", params=params, headers=headers)
    yield reply
    visited: set[str] = set()
    while (following := _next_url(reply)) is not None:
        if following in visited or len(visited) >= MAX_PAGES:
            raise BadPayload("GitHub's pages lead in a circle; nothing of them is used")
        visited.add(following)
        reply = transport.send("GET", following, kind="read")
        yield reply


def _next_url(reply: Reply) -> str | None:
    links = parse_header_links(reply.headers.get("Link") or "")
    return next((link["url"] for link in links if link.get("rel") == "next"), None)


def next_cursor(cursor: Cursor | None, found: Sweep, *, page: int, overlap: timedelta) -> Cursor:
    """Where the next reading goes on.

    ``since`` stays, with its ETag, while what it gives is one page with room left: the next unchanged run
    is then a 304. Otherwise it moves on: past the watermark if that is certainly settled, that is older than
    the server's time at the start of the sweep less the overlap; else no further than that.
    """
    if cursor is not None and found.pages == 1 and len(found.rows) < page * _NEARLY_FULL:
        latest = max(cursor.watermark, found.watermark or cursor.watermark)
        return Cursor(watermark=latest, since=cursor.since, etag=found.etag)
    watermark = found.watermark or (cursor.watermark if cursor else None)
    # Without a Date header the data itself is the only clock of the server that we have.
    server_now = found.began or watermark
    settled = server_now - overlap if server_now else _LONG_AGO
    if watermark is None:
        return Cursor(watermark=settled, since=settled)
    after = watermark + timedelta(seconds=1)
    since = after if after <= settled else min(watermark, settled)
    return Cursor(
        watermark=max(watermark, cursor.watermark) if cursor else watermark,
        since=max(since, cursor.since) if cursor else since,
    )


def absolute(transport: Transport, location: str) -> str:
    """The whole URL of a Location header or path; the transport refuses it when it leaves the server."""
    return urljoin(transport.base_url + "/", location)
