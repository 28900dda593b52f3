"""Asking Jira what happened to many issues: in bulk on Cloud, by a search with changelogs on Data Center."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final
from urllib.parse import quote

from connectors.errors import BadPayload, ConnectorError, Rejected, SkipIssue
from connectors.http.client import Reply
from connectors.http.page_size import Portions
from connectors.jira.activity import label_stories_from
from connectors.jira.changelog import changes_from, expanded_entries, statuses_from
from connectors.jira.pull import JiraPuller, failed
from connectors.jira.scalars import need, rows
from connectors.jira.search import Page, pages
from connectors.jira.site import API_3, DAY, JiraSite
from connectors.model import (
    Category,
    Failed,
    History,
    HistoryAsked,
    IssueChange,
    IssueRef,
    LabelStory,
    Wanted,
)

_AT_A_TIME: Final = 1000
"""Issues that Cloud takes in one request, and entries that it gives in one answer."""
_SEARCHED: Final = 100
"""Issues that a search names by id."""
_FEWEST: Final = 10
"""Issues whose histories are asked for at once where more is too much for the server."""
_ISSUES_A_REQUEST: Final = 100
_ENTRIES: Final = 100
"""Of one issue's changelog, on a page."""


@dataclass(kw_only=True, slots=True)
class _Told:
    changes: dict[str, list[IssueChange]] = field(default_factory=dict)
    """By id of the issue; an issue of which nothing is told has no entry."""
    cut: set[str] = field(default_factory=set)
    """Ids of issues whose history was longer than what may be asked for."""
    statuses: dict[str, tuple[str, Category | None]] = field(default_factory=dict)


def histories(
    puller: JiraPuller, asked: Sequence[HistoryAsked], wanted: Wanted
) -> Iterator[History | Failed]:
    """The answer of ``IssueReader.histories``. All sources of the site share the requests."""
    refs = [issue.ref for each in asked for issue in each.issues]
    try:
        told = _told(puller, refs, wanted)
    except ConnectorError as error:
        yield from (failed(each.source, error) for each in asked)
        return
    for each in asked:
        ids = [issue.ref.id for issue in each.issues]
        changes = tuple(change for issue_id in ids for change in told.changes.get(issue_id, ()))
        whole = frozenset(ids) - told.cut
        yield History(source=each.source, changes=changes, whole=whole, statuses=told.statuses)


def label_stories(puller: JiraPuller, refs: Sequence[IssueRef]) -> dict[IssueRef, Mapping[str, LabelStory]]:
    """The answer of ``IssueReader.label_stories``."""
    found: dict[str, list[Mapping[str, Any]]] = {}

    def take(ref: IssueRef, entries: Sequence[Mapping[str, Any]]) -> None:
        found.setdefault(ref.id, []).extend(entries)

    course = _Course(puller=puller, refs=_in_order(refs), fields=("labels",), take=take)
    try:
        course.ask()
    except Rejected:
        if not puller.site.cloud:
            raise
        found.clear()
        course.one_by_one()
    return {
        ref: label_stories_from(found.get(ref.id, ()), f"changelog of {ref.key}")
        for ref in refs
        if ref.id not in course.cut
    }


def _in_order(refs: Iterable[IssueRef]) -> dict[str, IssueRef]:
    return {ref.id: ref for ref in sorted(refs, key=lambda ref: int(ref.id))}


def _told(puller: JiraPuller, refs: Iterable[IssueRef], wanted: Wanted) -> _Told:
    told = _Told()
    issues = _in_order(refs)
    if not issues:
        return told
    flagged = puller.site.field_ids(wanted.fields).flagged

    def take(ref: IssueRef, entries: Sequence[Mapping[str, Any]]) -> None:
        told.changes.setdefault(ref.id, []).extend(changes_from(entries, ref, wanted, flagged))

    labels = ("labels",) if wanted.state_labels else ()
    fields = ("status", *((flagged,) if flagged else ()), *labels)
    course = _Course(puller=puller, refs=issues, fields=fields, take=take)
    course.ask()
    told.cut = course.cut
    # A first run has many issues, and few statuses that no issue is in; later the budget has no room for this.
    if puller.site.cloud and course.requests < ceil(len(issues) / _ISSUES_A_REQUEST):
        with suppress(ConnectorError):
            told.statuses = statuses_from(puller.site.send("GET", "/status", kind="read").data)
    return told


@dataclass(kw_only=True, slots=True)
class _Course:
    """Asking for the changelogs of issues until all are told, or cut short."""

    puller: JiraPuller
    refs: Mapping[str, IssueRef]
    """By id."""
    fields: Sequence[str]
    """What to be told of, where Jira tells of some fields alone (Cloud)."""
    take: Callable[[IssueRef, Sequence[Mapping[str, Any]]], None]
    """Gets the entries of an issue; more than once where they come on several pages."""
    cut: set[str] = field(default_factory=set)
    """Ids of issues whose history was longer than what may be asked for."""
    requests: int = 0

    def ask(self) -> None:
        self.in_bulk() if self.puller.site.cloud else self.by_search()

    def in_bulk(self) -> None:
        portions, rest = Portions(_AT_A_TIME, smallest=_FEWEST), list(self.refs)
        while rest:
            tried = portions.to_try(expand=False, at_most=len(rest))
            bodies = [self._body(rest[: portion.rows]) for portion in tried]
            reply = self._ask_in_bulk(bodies[0], bodies[1:])
            taken = portions.took(tried, reply.lighter)
            self._read_in_bulk(reply, bodies[reply.lighter], rest[: taken.rows])
            rest = rest[taken.rows :]

    def _body(self, ids: Sequence[str]) -> dict[str, Any]:
        return {"issueIdsOrKeys": list(ids), "fieldIds": list(self.fields), "maxResults": _AT_A_TIME}

    def _ask_in_bulk(self, body: dict[str, Any], lighter: Sequence[Any] = ()) -> Reply:
        return self.puller.site.send(
            "POST", "/changelog/bulkfetch", kind="read", json=body, api=API_3, lighter=lighter
        )

    def _read_in_bulk(self, reply: Reply, body: dict[str, Any], ids: Sequence[str]) -> None:
        """Entries come oldest first over all issues, so that a history that is cut short may be any issue's."""
        tokens: set[str] = set()
        for number in range(ceil(len(ids) / _ISSUES_A_REQUEST)):
            if number:
                reply = self._ask_in_bulk(body)
            self._take(reply)
            token = reply.data.get("nextPageToken")
            if not token:
                return
            if token in tokens:
                raise BadPayload(
                    f"{self.puller.site.tracker}: the changelogs lead back to a page that was read already"
                )
            tokens.add(token)
            body = {**body, "nextPageToken": token}
        self.cut.update(ids)

    def _take(self, reply: Reply) -> None:
        self.requests += 1
        for log in rows(need(reply.data, "issueChangeLogs", "changelogs"), "changelogs"):
            ref = self.refs.get(str(need(log, "issueId", "a changelog")))
            if ref is not None:
                self.take(ref, rows(log.get("changeHistories") or [], f"changelog of {ref.key}"))

    def one_by_one(self) -> None:
        """For accounts that are refused what tells of many issues."""
        for ref in self.refs.values():
            try:
                for entries in _own_changelog(self.puller.site, ref):
                    self.take(ref, entries)
            except SkipIssue:
                self.cut.add(ref.id)

    def by_search(self) -> None:
        """For issues that came without their changelog: read alone, or because it was too much."""
        known, ids = self.puller.portions, list(self.refs)
        portions = Portions(min(_SEARCHED, known.rows), smallest=_FEWEST, expands=known.expands)
        for start in range(0, len(ids), _SEARCHED):
            for page in self._searched(ids[start : start + _SEARCHED], portions):
                self._take_page(page)

    def _searched(self, ids: Sequence[str], portions: Portions) -> Iterator[Page]:
        puller = self.puller
        condition, zone = f"id in ({','.join(ids)})", puller.zone(max_age=DAY)
        if not portions.expands:
            raise BadPayload(
                f"{puller.site.tracker}: changelogs are too much for this server, even those of "
                f"{_FEWEST} issues at once; it is asked for them again in some hours"
            )
        return pages(puller.site, condition, ["created"], zone=zone, portions=portions, expand=("changelog",))

    def _take_page(self, page: Page) -> None:
        for row in page.rows:
            ref = self.refs.get(str(row["id"]))
            if ref is None:
                continue
            if page.expanded:
                self.take(ref, expanded_entries(row, ref))
            else:
                self.cut.add(ref.id)


def _own_changelog(site: JiraSite, ref: IssueRef) -> Iterator[list[dict[str, Any]]]:
    """The pages of one issue's changelog (Cloud), oldest first."""
    what, start = f"changelog of {ref.key}", 0
    while True:
        asked = {"startAt": start, "maxResults": _ENTRIES}
        data = site.send("GET", f"/issue/{quote(ref.id)}/changelog", kind="read", params=asked).data
        entries = rows(need(data, "values", what), what)
        yield entries
        start += len(entries)
        if start >= int(need(data, "total", what)):
            return
        if not entries:
            raise BadPayload(f"{site.tracker}: the {what} ends before it is whole")
