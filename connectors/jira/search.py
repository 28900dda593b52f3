"""Search, page by page, until everything was read: by token on Cloud, by offset on Data Center."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from connectors.errors import BadPayload, Rejected, Unavailable
from connectors.http.client import Reply
from connectors.http.page_size import Portion, Portions
from connectors.http.retry import http_date
from connectors.jira.jql import ORDER, created_from, jql_time
from connectors.jira.scalars import need, rows, when
from connectors.jira.site import JiraSite

WINDOW = 10_000
"""Newer Data Centers refuse rows beyond this; the rest is asked for by the time of creation."""

MOST_PAGES = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    rows: list[dict[str, Any]]
    answered: datetime
    """The server's own time (UTC)."""
    expanded: bool = True
    """False when this page came without what it was to be expanded by, because that was too much for the server."""


def pages(
    site: JiraSite,
    condition: str,
    fields: Sequence[str],
    *,
    zone: ZoneInfo,
    portions: Portions,
    window: int = WINDOW,
    expand: Sequence[str] = (),
) -> Iterator[Page]:
    """Every page of a search. When the iteration ends without an error, everything was read.

    A row may come twice when issues change meanwhile. BadPayload for repeated or short answers; Rejected only
    for the first page, when Jira refuses the condition. On Data Center ``fields`` have to hold ``created``;
    ``expand`` is for it alone, and so are smaller ``portions``: Cloud grants what it can give.
    """
    if site.cloud:
        return _by_token(site, condition, fields, portions.rows)
    return _by_offset(_Search(site, fields, tuple(expand), portions, window), condition, zone)


def _by_token(site: JiraSite, condition: str, fields: Sequence[str], size: int) -> Iterator[Page]:
    asked: dict[str, Any] = {"jql": f"{condition} {ORDER}", "fields": list(fields), "maxResults": size}
    ids: set[str] = set()
    tokens: set[str] = set()
    for _ in range(MOST_PAGES):
        reply = _ask(site, "/search/jql", asked, first=not tokens)
        page = _page(reply)
        if not page.rows and (tokens or reply.data.get("nextPageToken")):
            # There should be something on a page that another one leads to, or that leads on: asked once more.
            reply = _ask(site, "/search/jql", asked, first=not tokens)
            page = _page(reply)
            if not page.rows and reply.data.get("nextPageToken"):
                raise BadPayload(f"{site.tracker}: a page of the search is empty although more follows")
        _refuse_repetition(site, page, ids)
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
    raise BadPayload(f"{site.tracker}: the search did not end after {MOST_PAGES} pages")


class _Search(NamedTuple):
    """What all requests of a search by offset have in common."""

    site: JiraSite
    fields: Sequence[str]
    expand: tuple[str, ...]
    portions: Portions
    window: int

    def ask(self, condition: str, start: int, *, first: bool) -> tuple[Reply, bool]:
        """The rows from ``start`` on, as many as the server can give; and whether they are expanded as asked. The
        order does not depend on how many are asked for, so that the next page begins where this one ends."""
        expand = bool(self.expand)
        tried = self.portions.to_try(expand=expand, at_most=self.window - start)
        bodies = [self._body(condition, start, portion) for portion in tried]
        try:
            reply = _ask(self.site, "/search", bodies[0], first=first, lighter=bodies[1:])
        except (Unavailable, BadPayload):
            self.portions.none_worked()
            raise
        return reply, self.portions.took(tried, reply.lighter).expanded or not expand

    def _body(self, condition: str, start: int, portion: Portion) -> dict[str, Any]:
        body: dict[str, Any] = {
            "jql": f"{condition} {ORDER}",
            "fields": list(self.fields),
            "startAt": start,
            "maxResults": portion.rows,
        }
        return body | ({"expand": list(self.expand)} if portion.expanded else {})


def _by_offset(search: _Search, condition: str, zone: ZoneInfo) -> Iterator[Page]:
    site, window = search.site, search.window
    part, first = condition, True
    while True:
        last: dict[str, Any] | None = None
        for page, more in _within_window(search, part, first=first):
            yield page
            last, first = (page.rows[-1] if more else None), False
        if last is None:
            return
        created = when(need(need(last, "fields", "an issue"), "created", "an issue"), "an issue")
        following = created_from(condition, created, zone)
        if following == part:
            raise BadPayload(
                f"{site.tracker}: more than {window} issues were created at {jql_time(created, zone)}, "
                "more than Jira lets anyone list; narrow the source with a jql"
            )
        part = following


def _within_window(search: _Search, condition: str, *, first: bool) -> Iterator[tuple[Page, bool]]:
    """Pages up to the window's end; the flag says whether rows remain behind this page."""
    site, window = search.site, search.window
    ids: set[str] = set()
    start, total_before = 0, 0
    while True:
        reply, expanded = search.ask(condition, start, first=first and not start)
        page = replace(_page(reply), expanded=expanded)
        total = int(need(reply.data, "total", "a search"))
        start += len(page.rows)
        if total < total_before:
            raise BadPayload(f"{site.tracker}: issues left the search while it was read; run again")
        if start < total and not page.rows:
            raise BadPayload(f"{site.tracker}: the search gave {start} of {total} issues and then no more")
        _refuse_repetition(site, page, ids)
        total_before = total
        yield page, start < total
        if start >= min(total, window):
            return


def _ask(
    site: JiraSite, path: str, asked: dict[str, Any], *, first: bool, lighter: Sequence[Any] = ()
) -> Reply:
    try:
        return site.send("POST", path, kind="read", json=asked, lighter=lighter)
    except Rejected as refused:
        if first:
            raise
        raise Unavailable(f"{site.tracker}: the search broke off in the middle: {refused}") from None


def _page(reply: Reply) -> Page:
    found = rows(need(reply.data, "issues", "a search"), "a search")
    answered = http_date(reply.headers.get("Date"))
    if answered is None:
        raise BadPayload(
            "Jira's answer carries no Date header, without which no later run knows where to go on; "
            "a proxy may have taken it out"
        )
    return Page(rows=found, answered=answered)


def _refuse_repetition(site: JiraSite, page: Page, ids: set[str]) -> None:
    here = {str(need(row, "id", "an issue of a search")) for row in page.rows}
    if here and here <= ids:
        raise BadPayload(f"{site.tracker}: the search gave the same page twice; nothing of it is used")
    ids |= here
