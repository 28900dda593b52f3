"""Complete reads of a repository's issue list, page by page, and the cursor of the next read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from requests.utils import parse_header_links

from connectors.errors import BadPayload
from connectors.github.payload import parse_time, repo_from_url, require_list
from connectors.http.response import ApiResponse
from connectors.http.retry import parse_http_date
from connectors.model import Cursor
from connectors.scalars import id_or_none, quote_value

if TYPE_CHECKING:
    from connectors.github.client import GuardedRequester

MAX_PAGES: Final = 5_000
_MAX_ROUNDS: Final = 3
"""Maximum reads of the list while issues move between its pages."""
_KEEP_SINCE_BELOW: Final = 0.8
"""``updated_since`` moves on when its result fills more than this share of a page."""
_ETAG: Final = re.compile(r"[!-~](?:[ -~]{0,500}[!-~])?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(kw_only=True, slots=True)
class PagedScan:
    """All rows (including pull requests) of a repository since a time, each once."""

    rows: dict[str, Any] = field(default_factory=dict)
    """By id (or what else tells rows apart); the latest version of a row that appeared twice."""
    pages: int = 0
    etag: str | None = None
    """ETag of the first page."""
    server_time: datetime | None = None
    """Date of the first page."""
    unchanged: bool = False
    watermark: datetime | None = None
    """Latest ``updated_at`` of all rows that have a readable one."""


def scan_issues(client: GuardedRequester, repo: str, cursor: Cursor | None, *, page_size: int) -> PagedScan:
    """Read every page of a repository's issues, since the cursor or all. Raises ConnectorErrors.

    Sorted by ``updated`` ascending, so that issues that change meanwhile move to the end. On servers that number their
    pages, each such move shifts another row to a page that was read already. The moved row then appears a second time;
    if that happens, the list is read again and the results are joined.
    """
    params: dict[str, Any] = {"state": "all", "sort": "updated", "direction": "asc", "per_page": page_size}
    headers: dict[str, str] = {}
    if cursor is not None:
        params["since"] = f"{cursor.updated_since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if cursor.etag:
            headers["If-None-Match"] = cursor.etag
    scan = PagedScan()
    for _ in range(_MAX_ROUNDS):
        if not _read_round(client, repo, params, headers, scan):
            break
        headers = {}
    return scan


def _read_round(
    client: GuardedRequester,
    repo: str,
    params: Mapping[str, Any],
    headers: Mapping[str, str],
    scan: PagedScan,
) -> bool:
    """Read all pages once into ``scan``. Return True if a row may have slipped between pages."""
    updated_by_id: dict[str, Any] = {}
    has_moved = is_cursor_paged = False
    for index, response in enumerate(list_pages(client, f"repos/{repo}/issues", params, headers)):
        if response.status == 304:
            scan.unchanged = True
            return False
        if index == 0 and scan.server_time is None:
            scan.server_time = parse_http_date(response.headers.get("Date"))
        if index == 0:
            scan.etag = _usable_etag(response.headers.get("ETag"))
        scan.pages += 1
        # Cursor-based pages ("after=") do not shift rows.
        is_cursor_paged = is_cursor_paged or "after=" in (response.headers.get("Link") or "")
        rows = require_list(response.data, "a list of issues")
        if not rows and (index > 0 or _next_url(response)):
            raise BadPayload("GitHub sent an empty page in the middle of a list; nothing of it is used")
        _reject_other_repository(rows, repo)
        has_moved = _add_rows(rows, updated_by_id, scan) or has_moved
    return has_moved and not is_cursor_paged


def _reject_other_repository(rows: list[Any], repo: str) -> None:
    """Raise BadPayload for issues of another repository, which a cache on the way may return."""
    for raw in rows:
        other = repo_from_url(raw.get("repository_url")) if isinstance(raw, Mapping) else None
        if other and other.lower() != repo.lower():
            raise BadPayload(
                f"GitHub answered with issues of {other} when {repo} was requested; nothing is used"
            )


def _add_rows(rows: list[Any], updated_by_id: dict[str, Any], scan: PagedScan) -> bool:
    """Add the rows of a page. Return True if one of them was on an earlier page and has changed since."""
    repeated, has_moved = 0, False
    for raw in rows:
        fields = raw if isinstance(raw, Mapping) else {}
        row_id = id_or_none(fields.get("id")) or quote_value(fields.get("number", raw))
        updated = fields.get("updated_at")
        if row_id in updated_by_id:
            repeated += 1
            has_moved = has_moved or updated_by_id[row_id] != updated
        updated_by_id[row_id] = updated
        with suppress(BadPayload):  # the caller leaves such a row out
            at = parse_time(updated, "an issue")
            scan.watermark = max(at, scan.watermark or at)
        scan.rows[row_id] = raw
    if rows and repeated == len(rows) and not has_moved:
        raise BadPayload("GitHub sent the same page of issues twice; nothing of it is used")
    return has_moved


def list_pages(
    client: GuardedRequester, path: str, params: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Iterator[ApiResponse]:
    """Yield every page of a list, following the server's ``Link: rel=next``."""
    response = client.get(path, params=params, headers=headers)
    yield response
    visited: set[str] = set()
    while (next_url := _next_url(response)) is not None:
        if not next_url or next_url in visited or len(visited) >= MAX_PAGES:
            raise BadPayload("GitHub's pages lead in a circle or nowhere; nothing of them is used")
        visited.add(next_url)
        response = client.get(next_url)
        yield response


def _usable_etag(etag: str | None) -> str | None:
    """Return an ETag that can be stored and sent back, or None."""
    return etag if etag and _ETAG.fullmatch(etag) else None


def _next_url(response: ApiResponse) -> str | None:
    links = parse_header_links(response.headers.get("Link") or "")
    return next((link["url"] for link in links if link.get("rel") == "next"), None)


def next_cursor(cursor: Cursor | None, scan: PagedScan, *, page_size: int, overlap: timedelta) -> Cursor:
    """Return the cursor after a scan.

    ``updated_since`` stays, with its ETag, while its result is one page with room left: the next unchanged run is then
    a 304. Otherwise it moves past the watermark, if that is older than the server's time at the start of the scan less
    the overlap, and no further than that time.
    """
    if cursor is not None and scan.pages == 1 and len(scan.rows) < page_size * _KEEP_SINCE_BELOW:
        latest = max(cursor.watermark, scan.watermark or cursor.watermark)
        return Cursor(watermark=latest, updated_since=cursor.updated_since, etag=scan.etag)
    watermark = scan.watermark or (cursor.watermark if cursor else None)
    # Without a Date header, the data are the only evidence of the server's clock.
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


def absolute_url(client: GuardedRequester, location: str) -> str:
    """Return the whole URL of a Location header or path. The client refuses URLs of other servers."""
    try:
        return urljoin(client.base_url + "/", location)
    except ValueError:
        raise BadPayload(f"{client.tracker}: GitHub redirects to an address that is none") from None
