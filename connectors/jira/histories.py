"""Asking Jira what happened to many issues: in bulk on Cloud, by a search with changelogs on Data Center."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final
from urllib.parse import quote

from connectors.errors import BadPayload, ConnectorError, Rejected, SkipIssue
from connectors.http.client import ApiResponse
from connectors.http.page_size import PageSizeBackoff
from connectors.jira.activity import parse_label_histories
from connectors.jira.changelog import expanded_entries, parse_changes, parse_statuses
from connectors.jira.pull import JiraPuller, failed_source
from connectors.jira.scalars import require, require_objects
from connectors.jira.search import Page, search_pages
from connectors.jira.site import API_3, DAY, JiraSite
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

_BULK_SIZE: Final = 1000
"""Issues that Cloud takes in one request, and entries that it gives in one answer."""
_SEARCH_BATCH_SIZE: Final = 100
"""Issues that a search names by id."""
_MIN_BATCH_SIZE: Final = 10
"""Issues whose histories are asked for at once where more is too much for the server."""
_ISSUES_PER_REQUEST: Final = 100
_ENTRIES_PER_PAGE: Final = 100
"""Of one issue's changelog, on a page."""


@dataclass(kw_only=True, slots=True)
class _FetchedHistories:
    changes: dict[str, list[IssueChange]] = field(default_factory=dict)
    """By id of the issue; an issue of which nothing is told has no entry."""
    truncated: set[str] = field(default_factory=set)
    """Ids of issues whose history was longer than what may be asked for."""
    statuses: dict[str, tuple[str, Category | None]] = field(default_factory=dict)


def fetch_histories(
    puller: JiraPuller, asked: Sequence[HistoryRequest], wanted: FieldSelection
) -> Iterator[SourceHistory | FailedSource]:
    """The answer of ``IssueReader.histories``. All sources of the site share the requests."""
    refs = [issue.ref for each in asked for issue in each.issues]
    try:
        told = _fetch(puller, refs, wanted)
    except ConnectorError as error:
        yield from (failed_source(each.source, error) for each in asked)
        return
    for each in asked:
        ids = [issue.ref.id for issue in each.issues]
        changes = tuple(change for issue_id in ids for change in told.changes.get(issue_id, ()))
        whole = frozenset(ids) - told.truncated
        yield SourceHistory(source=each.source, changes=changes, complete=whole, statuses=told.statuses)


def fetch_label_histories(
    puller: JiraPuller, refs: Sequence[IssueRef]
) -> dict[IssueRef, Mapping[str, LabelHistory]]:
    """The answer of ``IssueReader.label_stories``."""
    found: dict[str, list[Mapping[str, Any]]] = {}

    def take(ref: IssueRef, entries: Sequence[Mapping[str, Any]]) -> None:
        found.setdefault(ref.id, []).extend(entries)

    course = _ChangelogFetch(puller=puller, refs=_ordered_by_id(refs), fields=("labels",), on_entries=take)
    try:
        course.run()
    except Rejected:
        if not puller.site.cloud:
            raise
        found.clear()
        course.fetch_one_by_one()
    return {
        ref: parse_label_histories(found.get(ref.id, ()), f"changelog of {ref.key}")
        for ref in refs
        if ref.id not in course.truncated
    }


def _ordered_by_id(refs: Iterable[IssueRef]) -> dict[str, IssueRef]:
    return {ref.id: ref for ref in sorted(refs, key=lambda ref: int(ref.id))}


def _fetch(puller: JiraPuller, refs: Iterable[IssueRef], wanted: FieldSelection) -> _FetchedHistories:
    told = _FetchedHistories()
    issues = _ordered_by_id(refs)
    if not issues:
        return told
    flagged = puller.site.field_ids(wanted.fields).flagged

    def take(ref: IssueRef, entries: Sequence[Mapping[str, Any]]) -> None:
        told.changes.setdefault(ref.id, []).extend(parse_changes(entries, ref, wanted, flagged))

    labels = ("labels",) if wanted.state_labels else ()
    fields = ("status", *((flagged,) if flagged else ()), *labels)
    course = _ChangelogFetch(puller=puller, refs=issues, fields=fields, on_entries=take)
    course.run()
    told.truncated = course.truncated
    # A first run has many issues, and few statuses that no issue is in; later the budget has no room for this.
    if puller.site.cloud and course.requests < ceil(len(issues) / _ISSUES_PER_REQUEST):
        with suppress(ConnectorError):
            told.statuses = parse_statuses(puller.site.send("GET", "/status", kind="read").data)
    return told


@dataclass(kw_only=True, slots=True)
class _ChangelogFetch:
    """Asking for the changelogs of issues until all are told, or cut short."""

    puller: JiraPuller
    refs: Mapping[str, IssueRef]
    """By id."""
    fields: Sequence[str]
    """What to be told of, where Jira tells of some fields alone (Cloud)."""
    on_entries: Callable[[IssueRef, Sequence[Mapping[str, Any]]], None]
    """Gets the entries of an issue; more than once where they come on several pages."""
    truncated: set[str] = field(default_factory=set)
    """Ids of issues whose history was longer than what may be asked for."""
    requests: int = 0

    def run(self) -> None:
        self._fetch_in_bulk() if self.puller.site.cloud else self._fetch_by_search()

    def _fetch_in_bulk(self) -> None:
        portions, rest = PageSizeBackoff(_BULK_SIZE, min_rows=_MIN_BATCH_SIZE), list(self.refs)
        while rest:
            tried = portions.candidates(expand=False, max_rows=len(rest))
            bodies = [self._bulk_body(rest[: portion.rows]) for portion in tried]
            reply = self._send_bulk(bodies[0], bodies[1:])
            taken = portions.record_answer(tried, reply.fallback_index)
            self._read_bulk_pages(reply, bodies[reply.fallback_index], rest[: taken.rows])
            rest = rest[taken.rows :]

    def _bulk_body(self, ids: Sequence[str]) -> dict[str, Any]:
        return {"issueIdsOrKeys": list(ids), "fieldIds": list(self.fields), "maxResults": _BULK_SIZE}

    def _send_bulk(self, body: dict[str, Any], lighter: Sequence[Any] = ()) -> ApiResponse:
        return self.puller.site.send(
            "POST", "/changelog/bulkfetch", kind="read", json=body, api=API_3, fallback_bodies=lighter
        )

    def _read_bulk_pages(self, reply: ApiResponse, body: dict[str, Any], ids: Sequence[str]) -> None:
        """Entries come oldest first over all issues, so that a history that is cut short may be any issue's."""
        tokens: set[str] = set()
        for number in range(ceil(len(ids) / _ISSUES_PER_REQUEST)):
            if number:
                reply = self._send_bulk(body)
            self._take_bulk_page(reply)
            token = reply.data.get("nextPageToken")
            if not token:
                return
            if token in tokens:
                raise BadPayload(
                    f"{self.puller.site.tracker}: the changelogs lead back to a page that was read already"
                )
            tokens.add(token)
            body = {**body, "nextPageToken": token}
        self.truncated.update(ids)

    def _take_bulk_page(self, reply: ApiResponse) -> None:
        self.requests += 1
        for log in require_objects(require(reply.data, "issueChangeLogs", "changelogs"), "changelogs"):
            ref = self.refs.get(str(require(log, "issueId", "a changelog")))
            if ref is not None:
                self.on_entries(
                    ref, require_objects(log.get("changeHistories") or [], f"changelog of {ref.key}")
                )

    def fetch_one_by_one(self) -> None:
        """For accounts that are refused what tells of many issues."""
        for ref in self.refs.values():
            try:
                for entries in _changelog_pages(self.puller.site, ref):
                    self.on_entries(ref, entries)
            except SkipIssue:
                self.truncated.add(ref.id)

    def _fetch_by_search(self) -> None:
        """For issues that came without their changelog: read alone, or because it was too much."""
        known, ids = self.puller.page_sizes, list(self.refs)
        portions = PageSizeBackoff(
            min(_SEARCH_BATCH_SIZE, known.rows), min_rows=_MIN_BATCH_SIZE, can_expand=known.can_expand
        )
        for start in range(0, len(ids), _SEARCH_BATCH_SIZE):
            for page in self._search_pages(ids[start : start + _SEARCH_BATCH_SIZE], portions):
                self._take_search_page(page)

    def _search_pages(self, ids: Sequence[str], portions: PageSizeBackoff) -> Iterator[Page]:
        puller = self.puller
        condition, zone = f"id in ({','.join(ids)})", puller.zone(max_age=DAY)
        if not portions.can_expand:
            raise BadPayload(
                f"{puller.site.tracker}: changelogs are too much for this server, even those of "
                f"{_MIN_BATCH_SIZE} issues at once; it is asked for them again in some hours"
            )
        return search_pages(
            puller.site, condition, ["created"], zone=zone, page_sizes=portions, expand=("changelog",)
        )

    def _take_search_page(self, page: Page) -> None:
        for row in page.rows:
            ref = self.refs.get(str(row["id"]))
            if ref is None:
                continue
            if page.expanded:
                self.on_entries(ref, expanded_entries(row, ref))
            else:
                self.truncated.add(ref.id)


def _changelog_pages(site: JiraSite, ref: IssueRef) -> Iterator[list[dict[str, Any]]]:
    """The pages of one issue's changelog (Cloud), oldest first."""
    what, start = f"changelog of {ref.key}", 0
    while True:
        asked = {"startAt": start, "maxResults": _ENTRIES_PER_PAGE}
        data = site.send("GET", f"/issue/{quote(ref.id)}/changelog", kind="read", params=asked).data
        entries = require_objects(require(data, "values", what), what)
        yield entries
        start += len(entries)
        if start >= int(require(data, "total", what)):
            return
        if not entries:
            raise BadPayload(f"{site.tracker}: the {what} ends before it is whole")
