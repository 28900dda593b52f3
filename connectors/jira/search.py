"""Search, page by page, until everything was read: by token on Cloud, by offset on Data Center."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from connectors.errors import BadPayload, Rejected, Unavailable
from connectors.http.client import ApiResponse
from connectors.http.page_size import PageSize, PageSizeBackoff
from connectors.http.retry import parse_http_date
from connectors.jira.jql import ORDER, created_from, jql_time
from connectors.jira.scalars import parse_iso_time, require, require_objects
from connectors.jira.site import JiraSite

RESULT_WINDOW = 10_000
"""Newer Data Centers refuse rows beyond this; the rest is asked for by the time of creation."""

MAX_PAGES = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    rows: list[dict[str, Any]]
    server_time: datetime
    """The server's own time (UTC)."""
    expanded: bool = True
    """False when this page came without what it was to be expanded by, because that was too much for the server."""


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
    """Every page of a search. When the iteration ends without an error, everything was read.

    A row may come twice when issues change meanwhile. BadPayload for repeated or short answers; Rejected only
    for the first page, when Jira refuses the condition. On Data Center ``fields`` have to hold ``created``;
    ``expand`` is for it alone, and so are smaller ``page_sizes``: Cloud grants what it can give.
    """
    if site.cloud:
        return _pages_by_token(site, condition, fields, page_sizes.rows)
    return _pages_by_offset(_OffsetSearch(site, fields, tuple(expand), page_sizes, window), condition, zone)


def _pages_by_token(site: JiraSite, condition: str, fields: Sequence[str], size: int) -> Iterator[Page]:
    asked: dict[str, Any] = {"jql": f"{condition} {ORDER}", "fields": list(fields), "maxResults": size}
    ids: set[str] = set()
    tokens: set[str] = set()
    for _ in range(MAX_PAGES):
        reply = _send_search(site, "/search/jql", asked, first=not tokens)
        page = _parse_page(reply)
        if not page.rows and (tokens or reply.data.get("nextPageToken")):
            # There should be something on a page that another one leads to, or that leads on: asked once more.
            reply = _send_search(site, "/search/jql", asked, first=not tokens)
            page = _parse_page(reply)
            if not page.rows and reply.data.get("nextPageToken"):
                raise BadPayload(f"{site.tracker}: a page of the search is empty although more follows")
        _reject_repeated_page(site, page, ids)
        yield page
        token = reply.data.get("nextPageToken")
        if reply.data.get("isLast") is True or (not token and reply.data.get("isLast") is None):
            return
        if not token:
            raise BadPayload(f"{site.tracker}: a page of the search says that more follows, but not where")
        if token in tokens:
            raise BadPayload(f"{site.tracker}: the search leads back to a page that was read already")
        tokens.add(token)
        asked["nextPageToken"] = token
    raise BadPayload(f"{site.tracker}: the search did not end after {MAX_PAGES} pages")


class _OffsetSearch(NamedTuple):
    """What all requests of a search by offset have in common."""

    site: JiraSite
    fields: Sequence[str]
    expand: tuple[str, ...]
    page_sizes: PageSizeBackoff
    window: int

    def fetch(self, condition: str, start: int, *, first: bool) -> tuple[ApiResponse, bool]:
        """The rows from ``start`` on, as many as the server can give; and whether they are expanded as asked. The
        order does not depend on how many are asked for, so that the next page begins where this one ends."""
        expand = bool(self.expand)
        tried = self.page_sizes.candidates(expand=expand, max_rows=self.window - start)
        bodies = [self._body(condition, start, portion) for portion in tried]
        try:
            reply = _send_search(self.site, "/search", bodies[0], first=first, fallback_bodies=bodies[1:])
        except (Unavailable, BadPayload):
            self.page_sizes.record_failure()
            raise
        return reply, self.page_sizes.record_answer(tried, reply.fallback_index).expanded or not expand

    def _body(self, condition: str, start: int, portion: PageSize) -> dict[str, Any]:
        body: dict[str, Any] = {
            "jql": f"{condition} {ORDER}",
            "fields": list(self.fields),
            "startAt": start,
            "maxResults": portion.rows,
        }
        return body | ({"expand": list(self.expand)} if portion.expanded else {})


def _pages_by_offset(search: _OffsetSearch, condition: str, zone: ZoneInfo) -> Iterator[Page]:
    site, window = search.site, search.window
    part, first = condition, True
    while True:
        last: dict[str, Any] | None = None
        for page, more in _pages_in_window(search, part, first=first):
            yield page
            last, first = (page.rows[-1] if more else None), False
        if last is None:
            return
        created = parse_iso_time(
            require(require(last, "fields", "an issue"), "created", "an issue"), "an issue"
        )
        following = created_from(condition, created, zone)
        if following == part:
            raise BadPayload(
                f"{site.tracker}: more than {window} issues were created at {jql_time(created, zone)}, "
                "more than Jira lets anyone list; narrow the source with a jql"
            )
        part = following


def _pages_in_window(search: _OffsetSearch, condition: str, *, first: bool) -> Iterator[tuple[Page, bool]]:
    """Pages up to the window's end; the flag says whether rows remain behind this page."""
    site, window = search.site, search.window
    ids: set[str] = set()
    start, total_before = 0, 0
    while True:
        reply, expanded = search.fetch(condition, start, first=first and not start)
        page = replace(_parse_page(reply), expanded=expanded)
        total = int(require(reply.data, "total", "a search"))
        start += len(page.rows)
        if total < total_before:
            raise BadPayload(f"{site.tracker}: issues left the search while it was read; run again")
        if start < total and not page.rows:
            raise BadPayload(f"{site.tracker}: the search gave {start} of {total} issues and then no more")
        _reject_repeated_page(site, page, ids)
        total_before = total
        yield page, start < total
        if start >= min(total, window):
            return


def _send_search(
    site: JiraSite, path: str, asked: dict[str, Any], *, first: bool, fallback_bodies: Sequence[Any] = ()
) -> ApiResponse:
    try:
        return site.send("POST", path, kind="read", json=asked, fallback_bodies=fallback_bodies)
    except Rejected as refused:
        if first:
            raise
        raise Unavailable(f"{site.tracker}: the search broke off in the middle: {refused}") from None


def _parse_page(reply: ApiResponse) -> Page:
    found = require_objects(require(reply.data, "issues", "a search"), "a search")
    answered = parse_http_date(reply.headers.get("Date"))
    if answered is None:
        raise BadPayload(
            "Jira's answer carries no Date header, without which no later run knows where to go on; "
            "a proxy may have taken it out"
        )
    return Page(rows=found, server_time=answered)


def _reject_repeated_page(site: JiraSite, page: Page, ids: set[str]) -> None:
    here = {str(require(row, "id", "an issue of a search")) for row in page.rows}
    if here and here <= ids:
        raise BadPayload(f"{site.tracker}: the search gave the same page twice; nothing of it is used")
    ids |= here
