"""Reads of whole sources: issues that changed since a cursor, or the ids of all issues."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.errors import BadPayload, ConnectorError, MalformedIssue
from connectors.http.page_size import PageSizeBackoff
from connectors.jira.changelog import expanded_entries, parse_changes, parse_label_histories
from connectors.jira.jql import next_cursor, search_condition
from connectors.jira.payload import UNKNOWN_ZONE, FieldIds, fields_to_request, parse_issue
from connectors.jira.scalars import object_or_empty
from connectors.jira.search import search_pages
from connectors.jira.site import DAY, HOUR, JiraSite
from connectors.jira.source_failures import failed_search, is_about_condition
from connectors.jql_syntax import BadJql, without_order
from connectors.model import (
    Category,
    Census,
    Cursor,
    FailedSource,
    FieldSelection,
    Issue,
    IssueChange,
    IssueRef,
    LabelHistory,
    PulledSource,
    Source,
    SourceCursor,
    UnreadableIssue,
)
from connectors.scalars import id_or_none

OnSmallerPage = Callable[[str, str], None]
"""Gets the tracker's name and a sentence when later pages become smaller."""

CENSUS_PAGE_SIZE: Final = 5000
"""Cloud's maximum, granted only for searches that request nothing but ids."""


class JiraSources:
    """Pull and census of the sources of one site: the part of ``IssueReader`` that reads by search."""

    def __init__(
        self,
        site: JiraSite,
        *,
        overlap: timedelta,
        page_size: int,
        on_smaller_page: OnSmallerPage | None = None,
    ) -> None:
        """``overlap``: maximum lag of the search index."""

        def on_shrink(text: str) -> None:
            if on_smaller_page:
                on_smaller_page(site.tracker, text)

        self.tracker = site.tracker
        self.site = site
        self.overlap = overlap
        self.page_sizes = PageSizeBackoff(page_size, on_shrink=on_shrink)
        """For whole issues, on Data Center with their changelogs."""
        self._census_page_sizes = PageSizeBackoff(page_size, on_shrink=on_shrink)

    def pull(
        self, sources: Sequence[SourceCursor], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        if not sources:
            return
        try:
            zone = self._prepare(fresh=any(cursor is None for _, cursor in sources))
            ids = self.site.field_ids(selection.fields)
        except ConnectorError as error:
            yield from (FailedSource.from_error(source, error) for source, _ in sources)
            return
        run = _PullRun(sources=self, zone=zone, field_ids=ids, selection=selection)
        for group in _group_by_jql(sources):
            yield from run.pull_group(group)

    def census(self, sources: Sequence[Source], selection: FieldSelection) -> Iterator[Census | FailedSource]:
        del selection  # a census on Jira reads ids only
        if not sources:
            return
        try:
            zone = self._prepare(fresh=True)
        except ConnectorError as error:
            yield from (FailedSource.from_error(source, error) for source in sources)
            return
        for source in sources:
            yield self._census_of(source, zone)

    def _census_of(self, source: Source, zone: ZoneInfo) -> Census | FailedSource:
        if self.site.cloud:
            fields, page_sizes = ["id"], PageSizeBackoff(CENSUS_PAGE_SIZE)
        else:
            fields, page_sizes = ["created"], self._census_page_sizes
        try:
            condition = search_condition([(source, None)], zone)
            pages = search_pages(self.site, condition, fields, zone=zone, page_sizes=page_sizes)
            rows = (object_or_empty(row) for page in pages for row in page.rows)
            ids = frozenset(each for row in rows if (each := id_or_none(row.get("id"))))
            return Census(source=source, ids=ids)
        except (BadJql, ConnectorError) as error:
            return failed_search(self.site, source, error)

    def _prepare(self, *, fresh: bool) -> ZoneInfo:
        """Check kind and account, and return the account's zone.

        With ``fresh`` the account is requested again, so that a complete read is certainly not an anonymous one.
        """
        self.site.confirm_kind()
        return self.zone(max_age=HOUR if fresh else DAY)

    def zone(self, max_age: timedelta) -> ZoneInfo:
        """Return the zone in which Jira reads our JQL times, as it reported at most ``max_age`` ago."""
        account = self.site.account(max_age=max_age)
        try:
            return ZoneInfo(account.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo(UNKNOWN_ZONE)


@dataclass(kw_only=True, slots=True)
class _SearchResult:
    """Content of all pages of a search."""

    issues: dict[str, Issue] = field(default_factory=dict)
    """By id; the latest version of an issue that appeared twice."""
    server_time: datetime | None = None
    """Date of the first response (UTC)."""
    changes: list[IssueChange] | None = None
    """None if histories do not come with issues."""
    label_histories: dict[IssueRef, Mapping[str, LabelHistory]] = field(default_factory=dict)
    without_history: set[str] = field(default_factory=set)
    """Ids of issues that came without their changelog, or with an invalid one."""
    unreadable: dict[str, UnreadableIssue] = field(default_factory=dict)
    """By id and key."""
    statuses: Mapping[str, tuple[str, Category | None]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _PullRun:
    """One pull, with the values that all its searches need."""

    sources: JiraSources
    zone: ZoneInfo
    field_ids: FieldIds
    selection: FieldSelection

    def pull_group(self, group: Sequence[SourceCursor]) -> Iterator[PulledSource | FailedSource]:
        """Read sources by one search, or by one search each if that fails."""
        try:
            pulled = self._pull_together(group)
        except (BadJql, ConnectorError) as error:
            if is_about_condition(error) and len(group) > 1:
                # One missing project makes Jira refuse the search for all.
                yield from self._pull_separately(group)
            else:
                yield from (failed_search(self.sources.site, source, error) for source, _ in group)
        else:
            yield from pulled if pulled is not None else self._pull_separately(group)

    def _pull_separately(self, group: Sequence[SourceCursor]) -> Iterator[PulledSource | FailedSource]:
        for each in group:
            yield from self.pull_group([each])

    def _pull_together(self, group: Sequence[SourceCursor]) -> list[PulledSource] | None:
        """Read sources by one search.

        Returns None if an issue fits no source, because a source gives its project by name or by an old key.
        """
        condition = search_condition(
            [(source, cursor.updated_since if cursor else None) for source, cursor in group], self.zone
        )
        result = self._search(condition)
        if len(group) == 1:
            [(source, cursor)] = group
            return [self._pulled_source(source, cursor, result)]
        issues = list(result.issues.values())
        places = [issue.container for issue in issues] + [
            _project_of(each) for each in result.unreadable.values()
        ]
        if not {place.casefold() for place in places} <= {s.container.casefold() for s, _ in group}:
            return None
        return [self._pulled_source(source, cursor, _part_of(source, result)) for source, cursor in group]

    def _search(self, condition: str) -> _SearchResult:
        site = self.sources.site
        result = _SearchResult(changes=None if site.cloud else [])
        pages = search_pages(
            site,
            condition,
            fields_to_request(self.field_ids, self.selection, cloud=site.cloud),
            zone=self.zone,
            page_sizes=self.sources.page_sizes,
            expand=() if site.cloud else ("changelog",),
        )
        for page in pages:
            result.server_time = result.server_time or page.server_time
            for row in page.rows:
                self._add_row(result, row, expanded=page.expanded)
        if result.server_time is None:
            raise BadPayload(f"{site.tracker}: the search returned no page at all")
        if result.changes is not None:
            result.statuses = site.list_unseen_statuses(result.issues.values(), result.changes)
        return result

    def _add_row(self, result: _SearchResult, row: Any, *, expanded: bool) -> None:
        site = self.sources.site
        try:
            issue = parse_issue(
                row,
                tracker=site.tracker,
                site_url=site.url,
                field_ids=self.field_ids,
                link_types=self.selection.link_types,
            )
        except MalformedIssue as error:
            result.unreadable[f"{error.id} {error.key}"] = UnreadableIssue.from_error(error)
            return
        known = result.issues.get(issue.ref.id)
        if known is None or known.updated <= issue.updated:
            result.issues[issue.ref.id] = issue
        if not expanded:
            result.without_history.add(issue.ref.id)
        elif result.changes is not None:
            result.without_history.discard(issue.ref.id)
            try:
                entries = expanded_entries(row, issue.ref)
                result.changes += parse_changes(entries, issue.ref, self.selection, self.field_ids.flagged)
                subject = f"changelog of {issue.ref.key}"
                result.label_histories[issue.ref] = parse_label_histories(entries, subject)
            except BadPayload:  # an invalid history does not make the issue's current state unusable
                result.without_history.add(issue.ref.id)

    def _pulled_source(self, source: Source, cursor: Cursor | None, result: _SearchResult) -> PulledSource:
        site, issues = self.sources.site, tuple(result.issues.values())
        following = next_cursor(
            cursor,
            issues,
            server_time=result.server_time or site.now(),
            now=site.now(),
            overlap=self.sources.overlap,
        )
        ids = {issue.ref.id for issue in issues}
        changes = None if result.changes is None else tuple(c for c in result.changes if c.ref.id in ids)
        return PulledSource(
            source=source,
            issues=issues,
            cursor=following,
            full=cursor is None,
            changes=changes,
            label_histories={ref: each for ref, each in result.label_histories.items() if ref.id in ids},
            without_history=frozenset(ids & result.without_history),
            unreadable=tuple(result.unreadable.values()),
            statuses=result.statuses,
        )


def _part_of(source: Source, result: _SearchResult) -> _SearchResult:
    """Return the part of a search that belongs to a source without ``jql``."""
    project = source.container.casefold()
    issues = {i: issue for i, issue in result.issues.items() if issue.container.casefold() == project}
    unreadable = {i: each for i, each in result.unreadable.items() if _project_of(each).casefold() == project}
    return replace(result, issues=issues, unreadable=unreadable)


def _project_of(issue: UnreadableIssue) -> str:
    return issue.key.rpartition("-")[0]


def _group_by_jql(sources: Sequence[SourceCursor]) -> list[list[SourceCursor]]:
    """Group sources that one search can read: those with the same jql.

    A source without project stays alone: its issues cannot be distinguished from those of others.
    """
    groups: dict[object, list[SourceCursor]] = {}
    for index, (source, cursor) in enumerate(sources):
        key = _normalized_jql(source.text("jql")) if source.container else index
        groups.setdefault(key, []).append((source, cursor))
    return list(groups.values())


def _normalized_jql(jql: str) -> str:
    try:
        return without_order(jql)
    except BadJql:
        return jql
