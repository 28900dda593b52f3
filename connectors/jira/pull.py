"""Sources read whole: what changed since a cursor, or the ids of everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.errors import (
    AuthFailed,
    BadPayload,
    ConnectorError,
    Gone,
    RateLimitExceeded,
    Rejected,
    SourceMissing,
)
from connectors.http.page_size import PageSizeBackoff
from connectors.jira.activity import UNKNOWN_ZONE
from connectors.jira.changelog import parse_expanded_changes
from connectors.jira.jql import BadJql, next_cursor, search_condition, without_order
from connectors.jira.payload import FieldIds, fields_to_request, parse_issue
from connectors.jira.search import search_pages
from connectors.jira.site import DAY, HOUR, Forbidden, JiraSite
from connectors.model import (
    Census,
    Cursor,
    FailedSource,
    FieldSelection,
    Issue,
    IssueChange,
    PulledSource,
    Source,
)

SourceCursor = tuple[Source, Cursor | None]

CENSUS_PAGE_SIZE = 5000
"""What Cloud grants at most, and only where nothing but ids is asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JiraPuller:
    site: JiraSite
    overlap: timedelta
    page_sizes: PageSizeBackoff
    """Of issues with everything that rules ask for, on Data Center with their changelogs, too."""
    census_page_sizes: PageSizeBackoff
    """Of hardly more than ids."""

    def pull(
        self, sources: Sequence[SourceCursor], selection: FieldSelection
    ) -> Iterator[PulledSource | FailedSource]:
        if not sources:
            return
        try:
            zone = self._prepare(fresh=any(cursor is None for _, cursor in sources))
            ids = self.site.field_ids(selection.fields)
        except ConnectorError as error:
            yield from (failed_source(source, error) for source, _ in sources)
            return
        course = _PullRun(puller=self, zone=zone, ids=ids, wanted=selection)
        for group in _group_by_jql(sources):
            yield from course.pull_group(group)

    def census(self, sources: Sequence[Source]) -> Iterator[Census | FailedSource]:
        if not sources:
            return
        try:
            zone = self._prepare(fresh=True)
        except ConnectorError as error:
            yield from (failed_source(source, error) for source in sources)
            return
        for source in sources:
            yield self._census_of(source, zone)

    def _census_of(self, source: Source, zone: ZoneInfo) -> Census | FailedSource:
        cloud = self.site.cloud
        fields, portions = (
            (["id"], PageSizeBackoff(CENSUS_PAGE_SIZE)) if cloud else (["created"], self.census_page_sizes)
        )
        try:
            condition = search_condition([(source, None)], zone)
            found = search_pages(self.site, condition, fields, zone=zone, page_sizes=portions)
            return Census(source=source, ids=frozenset(str(row["id"]) for page in found for row in page.rows))
        except BadJql as why:
            return _invalid_source(source, why)
        except Forbidden as error:
            return failed_source(source, error)
        except Rejected as error:
            return self.explain_rejection(source, error)
        except ConnectorError as error:
            return failed_source(source, error)

    def _prepare(self, *, fresh: bool) -> ZoneInfo:
        """Only a fresh identity makes sure that a whole reading was not an anonymous one."""
        self.site.confirm_kind()
        return self.zone(max_age=HOUR if fresh else DAY)

    def zone(self, max_age: timedelta) -> ZoneInfo:
        """The zone in which our account's JQL is read, as Jira told it at most ``max_age`` ago."""
        account = self.site.account(max_age=max_age)
        try:
            return ZoneInfo(account.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo(UNKNOWN_ZONE)

    def explain_rejection(self, source: Source, error: Rejected) -> FailedSource:
        """Why Jira refuses to search a source: we are nobody, its project is not there, or its JQL is bad."""
        try:
            self.site.confirm_login()
            if source.project:
                self.site.send("GET", f"/project/{quote(source.project, safe='')}", kind="read")
        except Gone:
            return FailedSource(
                source=source,
                kind="missing",
                reason=f"{source.name}: there is no project {source.project} on {self.site.url} that "
                f"{self.site.account().name} can see; correct the source in the mapping, or give that "
                "account the Browse Projects permission",
            )
        except ConnectorError as instead:
            return failed_source(source, instead)
        reason = f"{source.name}: Jira refuses the search; correct the jql of the source ({error})"
        return FailedSource(source=source, kind="missing", reason=reason)


@dataclass(kw_only=True, slots=True)
class _SearchResult:
    """What all pages of a search gave."""

    issues: dict[str, Issue] = field(default_factory=dict)
    server_time: datetime | None = None
    """The server's time at the first page (UTC)."""
    changes: list[IssueChange] | None = None
    """None where histories do not come with issues, and from the first changelog on that cannot be read."""
    without_history: set[str] = field(default_factory=set)
    """Ids of issues that came without their changelog."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _PullRun:
    """One pull, with what all its searches need."""

    puller: JiraPuller
    zone: ZoneInfo
    ids: FieldIds
    wanted: FieldSelection

    def pull_group(self, group: Sequence[SourceCursor]) -> Iterator[PulledSource | FailedSource]:
        try:
            pulled = self._pull_together(group)
        except BadJql as why:
            yield from (_invalid_source(source, why) for source, _ in group)
        except Forbidden as error:
            yield from (failed_source(source, error) for source, _ in group)
        except Rejected as error:
            if len(group) == 1:
                yield self.puller.explain_rejection(group[0][0], error)
            else:  # one project that is not there spoils the search of all
                yield from self._pull_separately(group)
        except ConnectorError as error:
            yield from (failed_source(source, error) for source, _ in group)
        else:
            yield from pulled if pulled is not None else self._pull_separately(group)

    def _pull_separately(self, group: Sequence[SourceCursor]) -> Iterator[PulledSource | FailedSource]:
        for each in group:
            yield from self.pull_group([each])

    def _pull_together(self, group: Sequence[SourceCursor]) -> list[PulledSource] | None:
        """None when it cannot be told whose an issue is: a project that is written by its name or old key."""
        condition = search_condition(
            [(source, cursor.updated_since if cursor else None) for source, cursor in group], self.zone
        )
        read = self._search(condition)
        shares: list[list[Issue]] = [[] for _ in group]
        for issue in read.issues.values():
            owners = [
                share
                for share, (source, _) in zip(shares, group, strict=True)
                if len(group) == 1 or (source.project or "").casefold() == issue.container.casefold()
            ]
            if not owners:
                return None
            for share in owners:
                share.append(issue)
        return [
            self._pulled_source(source, cursor, share, read)
            for share, (source, cursor) in zip(shares, group, strict=True)
        ]

    def _search(self, condition: str) -> _SearchResult:
        puller, site = self.puller, self.puller.site
        fields = fields_to_request(self.ids, self.wanted, cloud=site.cloud)
        expand = () if site.cloud else ("changelog",)
        read = _SearchResult(changes=None if site.cloud else [])
        for page in search_pages(
            site, condition, fields, zone=self.zone, page_sizes=puller.page_sizes, expand=expand
        ):
            read.server_time = read.server_time or page.server_time
            for row in page.rows:
                self._add_row(read, row, expanded=page.expanded)
        if read.server_time is None:
            raise BadPayload(f"{site.tracker}: the search gave no page at all")
        return read

    def _add_row(self, read: _SearchResult, row: Mapping[str, Any], *, expanded: bool) -> None:
        site = self.puller.site
        issue = parse_issue(row, tracker=site.tracker, site_url=site.url, field_ids=self.ids)
        known = read.issues.get(issue.ref.id)
        if known is None or known.updated <= issue.updated:
            read.issues[issue.ref.id] = issue
        if not expanded:
            read.without_history.add(issue.ref.id)
        elif read.changes is not None:
            read.without_history.discard(issue.ref.id)
            try:
                read.changes += parse_expanded_changes(row, issue.ref, self.wanted, self.ids.flagged)
            except BadPayload:  # what an issue is now does not depend on how it came there
                read.changes = None

    def _pulled_source(
        self, source: Source, cursor: Cursor | None, issues: Sequence[Issue], read: _SearchResult
    ) -> PulledSource:
        site, answered = self.puller.site, read.server_time or self.puller.site.now()
        following = next_cursor(
            cursor, issues, server_time=answered, now=site.now(), overlap=self.puller.overlap
        )
        ids = {issue.ref.id for issue in issues}
        told = None if read.changes is None else tuple(c for c in read.changes if c.ref.id in ids)
        return PulledSource(
            source=source,
            issues=tuple(issues),
            cursor=following,
            full=cursor is None,
            changes=told,
            without_history=frozenset(ids & read.without_history),
        )


def failed_source(source: Source, error: ConnectorError) -> FailedSource:
    """What an error means for a source."""
    reason = str(error)
    match error:
        case AuthFailed():
            return FailedSource(source=source, reason=reason, kind="auth")
        case RateLimitExceeded():
            return FailedSource(source=source, reason=reason, kind="quota")
        case Forbidden():
            return FailedSource(source=source, reason=reason, kind="forbidden")
        case BadPayload():
            return FailedSource(source=source, reason=reason, kind="payload")
        case Gone() | SourceMissing():
            return FailedSource(source=source, reason=reason, kind="missing")
        case _:
            return FailedSource(source=source, reason=reason, kind="unavailable")


def _invalid_source(source: Source, why: BadJql) -> FailedSource:
    reason = f"{source.name}: this source cannot be searched: {why}; correct it in the mapping"
    return FailedSource(source=source, reason=reason, kind="missing")


def _group_by_jql(sources: Sequence[SourceCursor]) -> list[list[SourceCursor]]:
    """Sources that one search can serve: of the same jql. Those without project cannot be told apart."""
    groups: dict[object, list[SourceCursor]] = {}
    for number, (source, cursor) in enumerate(sources):
        shared = _normalized_jql(source.jql) if source.project else number
        groups.setdefault(shared, []).append((source, cursor))
    return list(groups.values())


def _normalized_jql(jql: str | None) -> str:
    try:
        return without_order(jql or "")
    except BadJql:
        return jql or ""
