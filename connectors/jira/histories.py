"""Reads of the changelogs of many issues: in bulk on Cloud, by searches with changelogs on Data Center."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from math import ceil
from typing import Any, Final
from urllib.parse import quote

from connectors.errors import BadPayload, ConnectorError, Rejected, SkipIssue
from connectors.http.page_size import PageSizeBackoff
from connectors.http.response import ApiResponse
from connectors.jira.changelog import expanded_entries, parse_changes, parse_label_histories, parse_statuses
from connectors.jira.scalars import object_or_empty, require, require_count, require_id, require_objects
from connectors.jira.search import Page, search_pages
from connectors.jira.site import API_3, DAY, JiraSite
from connectors.jira.sources import JiraSources
from connectors.model import (
    Category,
    FailedSource,
    FieldSelection,
    HistoryRequest,
    IssueChange,
    IssueRef,
    LabelHistory,
    SourceHistory,
)
from connectors.scalars import id_or_none

_BULK_SIZE: Final = 1000
"""Cloud's maximum of issues per request, and of entries per response."""
_SEARCH_BATCH_SIZE: Final = 100
"""Issues that one search names by id."""
_MIN_BATCH_SIZE: Final = 10
"""Issues per request when the server cannot answer larger ones."""
_ISSUES_PER_REQUEST: Final = 100
"""Budget: requests sent are at most the number of issues divided by this."""
_MAX_WITH_LABELS: Final = 300
"""Issues up to which changes of labels are requested without need, so that they do not crowd out others."""
_ENTRIES_PER_PAGE: Final = 100
"""Entries of one issue's changelog per request."""


def fetch_histories(
    sources: JiraSources, requests: Sequence[HistoryRequest], selection: FieldSelection
) -> Iterator[SourceHistory | FailedSource]:
    """Implement ``IssueReader.histories``. All sources of the site share the requests."""
    refs = [issue.ref for request in requests for issue in request.issues]
    changes: dict[str, list[IssueChange]] = defaultdict(list)
    read: dict[str, list[Mapping[str, Any]]] = defaultdict(list)

    def collect(ref: IssueRef, entries: Sequence[Mapping[str, Any]]) -> None:
        changes[ref.id] += parse_changes(entries, ref, selection, flagged)
        read[ref.id] += entries

    try:
        flagged = sources.site.field_ids(selection.fields).flagged if refs else None
        needs_labels = selection.state_labels or len(refs) <= _MAX_WITH_LABELS
        labels = "labels" if needs_labels else None
        fetch = _ChangelogFetch(
            sources, refs, [each for each in ("status", flagged, labels) if each], collect
        )
        fetch.run()
        statuses = fetch.fetch_statuses() or sources.site.list_unseen_statuses(
            chain.from_iterable(request.issues for request in requests), chain.from_iterable(changes.values())
        )
        labels_of = {
            ref.id: parse_label_histories(read[ref.id], f"changelog of {ref.key}") for ref in refs if labels
        }
    except ConnectorError as error:
        yield from (FailedSource.from_error(request.source, error) for request in requests)
        return
    for request in requests:
        ids = [issue.ref.id for issue in request.issues]
        yield SourceHistory(
            source=request.source,
            changes=tuple(change for issue_id in ids for change in changes[issue_id]),
            label_histories={
                issue.ref: labels_of[issue.ref.id]
                for issue in request.issues
                if issue.ref.id in labels_of and issue.ref.id not in fetch.truncated
            },
            complete=frozenset(ids) - fetch.truncated,
            statuses=statuses,
        )


def fetch_label_histories(
    sources: JiraSources, refs: Sequence[IssueRef]
) -> dict[IssueRef, Mapping[str, LabelHistory]]:
    """Implement ``IssueReader.label_histories``."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    fetch = _ChangelogFetch(sources, refs, ["labels"], lambda ref, entries: found[ref.id].extend(entries))
    try:
        fetch.run()
    except Rejected:
        if not sources.site.cloud:
            raise
        # Some accounts may read the changelog of each issue but not use the bulk endpoint.
        found.clear()
        fetch.fetch_one_by_one()
    parsed: dict[IssueRef, Mapping[str, LabelHistory]] = {}
    for ref in refs:
        if ref.id not in fetch.truncated:
            with suppress(BadPayload):  # as good as none
                parsed[ref] = parse_label_histories(found[ref.id], f"changelog of {ref.key}")
    return parsed


class _ChangelogFetch:
    """Reads the changelogs of issues until all are complete or truncated."""

    def __init__(
        self,
        sources: JiraSources,
        refs: Iterable[IssueRef],
        fields: Sequence[str],
        on_entries: Callable[[IssueRef, Sequence[Mapping[str, Any]]], None],
    ) -> None:
        """``fields``: those whose changes are needed; only Cloud filters by field.

        ``on_entries`` gets the entries of an issue, once per page.
        """
        self.sources, self.fields, self._on_entries = sources, list(fields), on_entries
        self.refs = {ref.id: ref for ref in sorted(refs, key=lambda ref: int(ref.id))}
        self.truncated: set[str] = set()
        """Ids of issues whose history is longer than the request budget allows, or invalid."""
        self.requests = 0

    def run(self) -> None:
        if self.sources.site.cloud:
            self._fetch_in_bulk()
        else:
            self._fetch_by_search()

    def _fetch_in_bulk(self) -> None:
        page_sizes, rest = PageSizeBackoff(_BULK_SIZE, min_rows=_MIN_BATCH_SIZE), list(self.refs)
        while rest:
            candidates = page_sizes.candidates(expand=False, max_rows=len(rest))
            bodies = [self._bulk_body(rest[: size.rows]) for size in candidates]
            response = self._send_bulk(bodies[0], bodies[1:])
            size = page_sizes.record_answer(candidates, response.fallback_index)
            self._read_bulk_pages(response, bodies[response.fallback_index], rest[: size.rows])
            rest = rest[size.rows :]

    def _bulk_body(self, ids: Sequence[str]) -> dict[str, Any]:
        return {"issueIdsOrKeys": list(ids), "fieldIds": self.fields, "maxResults": _BULK_SIZE}

    def _send_bulk(self, body: dict[str, Any], fallback_bodies: Sequence[Any] = ()) -> ApiResponse:
        return self.sources.site.send(
            "POST", "/changelog/bulkfetch", kind="read", json=body, api=API_3, fallback_bodies=fallback_bodies
        )

    def _read_bulk_pages(self, response: ApiResponse, body: dict[str, Any], ids: Sequence[str]) -> None:
        """Read the pages for ``ids`` within the request budget.

        Entries are ordered by time over all issues, so if pages are left, every issue may lack entries.
        """
        tokens: set[str] = set()
        for page_number in range(ceil(len(ids) / _ISSUES_PER_REQUEST)):
            if page_number:
                response = self._send_bulk(body)
            self._take_bulk_page(response)
            token = response.data.get("nextPageToken")
            if not token:
                return
            if token in tokens:
                raise BadPayload(
                    f"{self.sources.tracker}: the changelogs lead back to a page that was read already"
                )
            tokens.add(token)
            body = {**body, "nextPageToken": token}
        self.truncated.update(ids)

    def _take_bulk_page(self, response: ApiResponse) -> None:
        self.requests += 1
        for log in require_objects(require(response.data, "issueChangeLogs", "changelogs"), "changelogs"):
            if ref := self.refs.get(require_id(log, "issueId", "a changelog")):
                entries = log.get("changeHistories") or []
                self._take_entries(ref, partial(require_objects, entries, f"changelog of {ref.key}"))

    def fetch_statuses(self) -> dict[str, tuple[str, Category | None]]:
        """Return the statuses if the budget has room, as in a first run, which has many issues per request."""
        site = self.sources.site
        if site.cloud and self.requests < ceil(len(self.refs) / _ISSUES_PER_REQUEST):
            with suppress(ConnectorError):
                return parse_statuses(site.ask(site.client.statuses).data)
        return {}

    def fetch_one_by_one(self) -> None:
        """Read the changelog of each issue on its own (Cloud), for accounts that may not use the bulk endpoint."""
        for ref in self.refs.values():
            try:
                for entries in _changelog_pages(self.sources.site, ref):
                    self._on_entries(ref, entries)
            except (SkipIssue, BadPayload):
                self.truncated.add(ref.id)

    def _fetch_by_search(self) -> None:
        """Search issues that came without changelog: anchors read alone, or issues of pages that were too large."""
        pull_sizes, ids = self.sources.page_sizes, list(self.refs)
        page_sizes = PageSizeBackoff(
            min(_SEARCH_BATCH_SIZE, pull_sizes.rows),
            min_rows=_MIN_BATCH_SIZE,
            can_expand=pull_sizes.can_expand,
        )
        for start in range(0, len(ids), _SEARCH_BATCH_SIZE):
            for page in self._search_pages(ids[start : start + _SEARCH_BATCH_SIZE], page_sizes):
                self._take_search_page(page)

    def _search_pages(self, ids: Sequence[str], page_sizes: PageSizeBackoff) -> Iterator[Page]:
        sources = self.sources
        condition, zone = f"id in ({','.join(ids)})", sources.zone(max_age=DAY)
        if not page_sizes.can_expand:
            raise BadPayload(
                f"{sources.tracker}: changelogs are too much for this server, even those of "
                f"{_MIN_BATCH_SIZE} issues at a time; they are requested again in some hours"
            )
        return search_pages(
            sources.site, condition, ["created"], zone=zone, page_sizes=page_sizes, expand=("changelog",)
        )

    def _take_search_page(self, page: Page) -> None:
        for row in page.rows:
            ref = self.refs.get(id_or_none(object_or_empty(row).get("id")) or "")
            if ref and page.expanded:
                self._take_entries(ref, partial(expanded_entries, row, ref))
            elif ref:
                self.truncated.add(ref.id)

    def _take_entries(self, ref: IssueRef, parse: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        """Hand on the entries of one issue. An invalid history is incomplete and concerns no other issue."""
        try:
            self._on_entries(ref, parse())
        except BadPayload:
            self.truncated.add(ref.id)


def _changelog_pages(site: JiraSite, ref: IssueRef) -> Iterator[list[dict[str, Any]]]:
    """Yield the pages of one issue's changelog (Cloud), oldest entries first."""
    subject, start = f"changelog of {ref.key}", 0
    while True:
        params = {"startAt": start, "maxResults": _ENTRIES_PER_PAGE}
        data = site.get(f"/issue/{quote(ref.id)}/changelog", params)
        entries = require_objects(require(data, "values", subject), subject)
        yield entries
        start += len(entries)
        if start >= require_count(data, "total", subject):
            return
        if not entries:
            raise BadPayload(f"{site.tracker}: the {subject} ends before it is complete")
