"""Complete searches, page by page: by token on Cloud, by offset on Data Center."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.errors import BadPayload, Rejected, Unavailable
from connectors.http.page_size import PageSize, PageSizeBackoff
from connectors.http.response import ApiResponse
from connectors.http.retry import parse_http_date
from connectors.jira.jql import ORDER, created_from, jql_time
from connectors.jira.scalars import object_or_empty, parse_iso_time, require, require_count
from connectors.jira.site import JiraSite
from connectors.scalars import quote_value

RESULT_WINDOW = 10_000
"""Newer Data Centers refuse rows beyond this offset; later rows are found by their time of creation."""

MAX_PAGES = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    rows: list[Any]
    """Issues as JSON objects, unless the response breaks the API."""
    server_time: datetime
    """Date of the response (UTC)."""
    expanded: bool = True
    """False if the page came without the requested expansion, because that was too much for the server."""


def search_pages(
    site: JiraSite,
    condition: str,
    fields: Sequence[str],
    *,
    zone: ZoneInfo,
    page_sizes: PageSizeBackoff,
    window: int = RESULT_WINDOW,
    expand: Sequence[str] = (),
) -> Iterator[Page]:
    """Yield every page of a search. If the iteration ends without an error, all rows were read.

    A row may appear twice if issues change meanwhile. BadPayload for repeated or missing rows; Rejected only for the
    first page, if Jira refuses the condition. On Data Center ``fields`` must contain ``created``. ``expand`` and
    smaller pages apply to Data Center only: Cloud reduces page sizes itself.
    """
    if site.cloud:
        return _pages_by_token(site, condition, fields, page_sizes.rows)
    search = _OffsetSearch(site=site, fields=fields, expand=expand, page_sizes=page_sizes, window=window)
    return search.pages(condition, zone)


def _pages_by_token(site: JiraSite, condition: str, fields: Sequence[str], rows: int) -> Iterator[Page]:
    body: dict[str, Any] = {"jql": f"{condition} {ORDER}", "fields": list(fields), "maxResults": rows}
    ids: set[str] = set()
    tokens: set[str] = set()
    for _ in range(MAX_PAGES):
        response = _send_search(site, "/search/jql", body, first=not tokens)
        page = _parse_page(response)
        if not page.rows and (tokens or response.data.get("nextPageToken")):
            # A page that another page leads to, or that leads on, must have rows: request it once more.
            response = _send_search(site, "/search/jql", body, first=not tokens)
            page = _parse_page(response)
            if not page.rows and response.data.get("nextPageToken"):
                raise BadPayload(f"{site.tracker}: a page of the search is empty although more follows")
        _reject_repeated_page(site, page, ids)
        yield page
        token = response.data.get("nextPageToken")
        if response.data.get("isLast") is True or (not token and response.data.get("isLast") is None):
            return
        if not token or not isinstance(token, str):
            raise BadPayload(f"{site.tracker}: a page of the search says that more follows, but not where")
        if token in tokens:
            raise BadPayload(f"{site.tracker}: the search leads back to a page that was read already")
        tokens.add(token)
        body["nextPageToken"] = token
    raise BadPayload(f"{site.tracker}: the search did not end after {MAX_PAGES} pages")


@dataclass(frozen=True, kw_only=True, slots=True)
class _OffsetSearch:
    """Search by offset (Data Center)."""

    site: JiraSite
    fields: Sequence[str]
    expand: Sequence[str]
    page_sizes: PageSizeBackoff
    window: int

    def pages(self, condition: str, zone: ZoneInfo) -> Iterator[Page]:
        """Yield the pages of a search of any length, one result window after the other."""
        window_condition, first = condition, True
        while True:
            last: list[Any] | None = None
            for page, has_more in self._pages_in_window(window_condition, first=first):
                yield page
                last, first = (page.rows if has_more else None), False
            if last is None:
                return
            created = self._latest_creation(last)
            # Issues of the last minute are read again: JQL has no seconds.
            next_condition = created_from(condition, created, zone)
            if next_condition == window_condition:
                raise BadPayload(
                    f"{self.site.tracker}: more than {self.window} issues were created at "
                    f"{jql_time(created, zone)}, more than Jira can list; narrow the source with a jql"
                )
            window_condition = next_condition

    def _latest_creation(self, rows: Sequence[Any]) -> datetime:
        """Return the latest time of creation that is readable."""
        times: list[datetime] = []
        for row in rows:
            with suppress(BadPayload):
                times.append(parse_iso_time(require(require(row, "fields", "it"), "created", "it"), "it"))
        if not times:
            raise BadPayload(f"{self.site.tracker}: the last page of a search has no readable creation time")
        return max(times)

    def _pages_in_window(self, condition: str, *, first: bool) -> Iterator[tuple[Page, bool]]:
        """Yield the pages of one result window, each with True if more rows follow."""
        tracker = self.site.tracker
        ids: set[str] = set()
        start, previous_total = 0, 0
        while True:
            response, expanded = self._fetch(condition, start, first=first and not start)
            page = replace(_parse_page(response), expanded=expanded)
            total = require_count(response.data, "total", "a search")
            start += len(page.rows)
            if total < previous_total:
                raise BadPayload(f"{tracker}: issues left the search while it was read; run again")
            if start < total and not page.rows:
                raise BadPayload(f"{tracker}: the search returned {start} of {total} issues and then no more")
            _reject_repeated_page(self.site, page, ids)
            previous_total = total
            yield page, start < total
            if start >= min(total, self.window):
                return

    def _fetch(self, condition: str, start: int, *, first: bool) -> tuple[ApiResponse, bool]:
        """Return as many rows from ``start`` on as the server can deliver, and True if they are expanded as requested.

        The order does not depend on the page size, so the next page begins where this one ends.
        """
        expand = bool(self.expand)
        candidates = self.page_sizes.candidates(expand=expand, max_rows=self.window - start)
        bodies = [self._body(condition, start, size) for size in candidates]
        try:
            response = _send_search(self.site, "/search", bodies[0], first=first, fallback_bodies=bodies[1:])
        except (Unavailable, BadPayload):
            self.page_sizes.record_failure()
            raise
        answered = self.page_sizes.record_answer(candidates, response.fallback_index)
        return response, answered.expanded or not expand

    def _body(self, condition: str, start: int, size: PageSize) -> dict[str, Any]:
        paging = {"startAt": start, "maxResults": size.rows}
        expand = {"expand": list(self.expand)} if size.expanded else {}
        return {"jql": f"{condition} {ORDER}", "fields": list(self.fields), **paging, **expand}


def _send_search(
    site: JiraSite, path: str, body: dict[str, Any], *, first: bool, fallback_bodies: Sequence[Any] = ()
) -> ApiResponse:
    try:
        return site.send("POST", path, kind="read", json=body, fallback_bodies=fallback_bodies)
    except Rejected as error:
        if first:
            raise
        raise Unavailable(f"{site.tracker}: the search was refused after its first page: {error}") from None


def _parse_page(response: ApiResponse) -> Page:
    rows = require(response.data, "issues", "a search")
    if not isinstance(rows, list):
        raise BadPayload("Jira's answer to a search has no list of issues; nothing of it is used")
    server_time = parse_http_date(response.headers.get("Date"))
    if server_time is None:
        raise BadPayload(
            "Jira's answer has no Date header, which the next run needs to know where to continue; "
            "a proxy may have removed it"
        )
    return Page(rows=rows, server_time=server_time)


def _reject_repeated_page(site: JiraSite, page: Page, ids: set[str]) -> None:
    """Add the page's ids to ``ids``. BadPayload if all of them were in it already."""
    page_ids = {quote_value([object_or_empty(row).get(each) for each in ("id", "key")]) for row in page.rows}
    if page_ids and page_ids <= ids:
        raise BadPayload(f"{site.tracker}: the search returned the same page twice; nothing of it is used")
    ids |= page_ids
