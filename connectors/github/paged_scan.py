"""Reading a repository's issues page by page, and where the next reading goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urljoin

from requests.utils import parse_header_links

from connectors.errors import BadPayload
from connectors.github.payload import parse_time, repo_from_url, require, require_list, require_object
from connectors.http.client import ApiResponse, Transport
from connectors.http.retry import parse_http_date
from connectors.model import Cursor

MAX_PAGES: Final = 5_000
_MAX_ROUNDS: Final = 3
"""How often a sweep is read at most while issues move between its pages."""
_KEEP_SINCE_BELOW: Final = 0.8
"""Share of a page that a kept ``since`` may fill before it moves on."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(kw_only=True, slots=True)
class PagedScan:
    """All rows (pull requests included) that a repository gave from ``since`` to now, each once."""

    rows: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """By id; where a row came twice, as it was last."""
    pages: int = 0
    etag: str | None = None
    """Of the first page."""
    server_time: datetime | None = None
    """The server's time when the first page was answered."""
    unchanged: bool = False
    watermark: datetime | None = None
    """Latest ``updated_at`` among the rows."""


def scan_issues(transport: Transport, repo: str, cursor: Cursor | None, *, page_size: int) -> PagedScan:
    """Read every page of a repository's issues, changed since the cursor or all. ConnectorErrors.

    Sorted by ``updated`` ascending, so that what changes meanwhile moves towards the end. On servers that
    number their pages such a move pulls another row over to a page that was read already; the moved row then
    comes a second time, which is how we notice, and the sweep is read again and joined.
    """
    params: dict[str, Any] = {"state": "all", "sort": "updated", "direction": "asc", "per_page": page_size}
    headers: dict[str, str] = {}
    if cursor is not None:
        params["since"] = f"{cursor.updated_since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if cursor.etag:
            headers["If-None-Match"] = cursor.etag
    found = PagedScan()
    for _ in range(_MAX_ROUNDS):
        if not _read_round(transport, repo, params, headers, found):
            break
        headers = {}
    return found


def _read_round(
    transport: Transport, repo: str, params: Mapping[str, Any], headers: Mapping[str, str], found: PagedScan
) -> bool:
    """Read the pages once into ``found``; True when a row may have slipped between them."""
    seen: dict[str, str] = {}
    moved = by_cursor = False
    for number, reply in enumerate(list_pages(transport, f"repos/{repo}/issues", params, headers)):
        if reply.status == 304:
            found.unchanged = True
            return False
        if number == 0 and found.server_time is None:
            found.server_time = parse_http_date(reply.headers.get("Date"))
        if number == 0:
            found.etag = reply.headers.get("ETag")
        found.pages += 1
        by_cursor = by_cursor or "after=" in (reply.headers.get("Link") or "")
        rows = require_list(reply.data, "a list of issues")
        if not rows and (number > 0 or _next_url(reply)):
            raise BadPayload("GitHub sent an empty page in the middle of a list; nothing of it is used")
        _reject_other_repository(rows, repo)
        moved = _add_rows(rows, seen, found) or moved
    return moved and not by_cursor


def _reject_other_repository(rows: list[Any], repo: str) -> None:
    """A cache on the way may answer with what was asked for another repository."""
    for raw in rows:
        other = repo_from_url(require_object(raw, "an issue").get("repository_url"))
        if other and other.lower() != repo.lower():
            raise BadPayload(
                f"GitHub answered with issues of {other} when {repo} was asked for; nothing is used"
            )


def _add_rows(rows: list[Any], seen: dict[str, str], found: PagedScan) -> bool:
    """Add a page's rows; True when one of them was on an earlier page and has changed since."""
    repeated, moved = 0, False
    for raw in rows:
        fields = require_object(raw, "an issue")
        row_id = str(require(fields, "id", "an issue"))
        updated = require(fields, "updated_at", "an issue")
        if row_id in seen:
            repeated += 1
            moved = moved or seen[row_id] != updated
        seen[row_id] = updated
        at = parse_time(updated, "an issue")
        found.watermark = max(at, found.watermark or at)
        found.rows[row_id] = fields
    if rows and repeated == len(rows) and not moved:
        raise BadPayload("GitHub sent the same page of issues twice; nothing of it is used")
    return moved


def list_pages(
    transport: Transport, path: str, params: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Iterator[ApiResponse]:
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


def _next_url(reply: ApiResponse) -> str | None:
    links = parse_header_links(reply.headers.get("Link") or "")
    return next((link["url"] for link in links if link.get("rel") == "next"), None)


def next_cursor(cursor: Cursor | None, scan: PagedScan, *, page_size: int, overlap: timedelta) -> Cursor:
    """Where the next reading goes on.

    ``since`` stays, with its ETag, while what it gives is one page with room left: the next unchanged run
    is then a 304. Otherwise it moves on: past the watermark if that is certainly settled, that is older than
    the server's time at the start of the sweep less the overlap; else no further than that.
    """
    if cursor is not None and scan.pages == 1 and len(scan.rows) < page_size * _KEEP_SINCE_BELOW:
        latest = max(cursor.watermark, scan.watermark or cursor.watermark)
        return Cursor(watermark=latest, updated_since=cursor.updated_since, etag=scan.etag)
    watermark = scan.watermark or (cursor.watermark if cursor else None)
    # Without a Date header the data itself is the only clock of the server that we have.
    server_now = scan.server_time or watermark
    settled = server_now - overlap if server_now else _EPOCH
    if watermark is None:
        return Cursor(watermark=settled, updated_since=settled)
    after = watermark + timedelta(seconds=1)
    since = after if after <= settled else min(watermark, settled)
    return Cursor(
        watermark=max(watermark, cursor.watermark) if cursor else watermark,
        updated_since=max(since, cursor.updated_since) if cursor else since,
    )


def absolute_url(transport: Transport, location: str) -> str:
    """The whole URL of a Location header or path; the transport refuses it when it leaves the server."""
    return urljoin(transport.base_url + "/", location)
