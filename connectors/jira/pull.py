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
    QuotaExhausted,
    Rejected,
    SourceMissing,
)
from connectors.http.page_size import Portions
from connectors.jira.activity import UNKNOWN_ZONE
from connectors.jira.changelog import expanded_changes
from connectors.jira.jql import BadJql, next_cursor, search_condition, without_order
from connectors.jira.payload import FieldIds, fields_to_ask, issue_from
from connectors.jira.search import pages
from connectors.jira.site import DAY, HOUR, JiraSite, NotAllowed
from connectors.model import Census, Cursor, Failed, Issue, IssueChange, Pulled, Source, Wanted

Asked = tuple[Source, Cursor | None]

IDS_PER_PAGE = 5000
"""What Cloud grants at most, and only where nothing but ids is asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JiraPuller:
    site: JiraSite
    overlap: timedelta
    portions: Portions
    """Of issues with everything that rules ask for, on Data Center with their changelogs, too."""
    census_portions: Portions
    """Of hardly more than ids."""

    def pull(self, sources: Sequence[Asked], wanted: Wanted) -> Iterator[Pulled | Failed]:
        if not sources:
            return
        try:
            zone = self._prepare(fresh=any(cursor is None for _, cursor in sources))
            ids = self.site.field_ids(wanted.fields)
        except ConnectorError as error:
            yield from (failed(source, error) for source, _ in sources)
            return
        course = _Course(puller=self, zone=zone, ids=ids, wanted=wanted)
        for group in _groups(sources):
            yield from course.read(group)

    def census(self, sources: Sequence[Source]) -> Iterator[Census | Failed]:
        if not sources:
            return
        try:
            zone = self._prepare(fresh=True)
        except ConnectorError as error:
            yield from (failed(source, error) for source in sources)
            return
        for source in sources:
            yield self._counted(source, zone)

    def _counted(self, source: Source, zone: ZoneInfo) -> Census | Failed:
        cloud = self.site.cloud
        fields, portions = (["id"], Portions(IDS_PER_PAGE)) if cloud else (["created"], self.census_portions)
        try:
            condition = search_condition([(source, None)], zone)
            found = pages(self.site, condition, fields, zone=zone, portions=portions)
            return Census(source=source, ids=frozenset(str(row["id"]) for page in found for row in page.rows))
        except BadJql as why:
            return _unusable(source, why)
        except NotAllowed as error:
            return failed(source, error)
        except Rejected as error:
            return self.refused(source, error)
        except ConnectorError as error:
            return failed(source, error)

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

    def refused(self, source: Source, error: Rejected) -> Failed:
        """Why Jira refuses to search a source: we are nobody, its project is not there, or its JQL is bad."""
        try:
            self.site.make_sure_we_are_known()
            if source.project:
                self.site.send("GET", f"/project/{quote(source.project, safe='')}", kind="read")
        except Gone:
            return Failed(
                source=source,
                kind="missing",
                reason=f"{source.name}: there is no project {source.project} on {self.site.url} that "
                f"{self.site.account().name} can see; correct the source in the mapping, or give that "
                "account the Browse Projects permission",
            )
        except ConnectorError as instead:
            return failed(source, instead)
        reason = f"{source.name}: Jira refuses the search; correct the jql of the source ({error})"
        return Failed(source=source, kind="missing", reason=reason)


@dataclass(kw_only=True, slots=True)
class _Read:
    """What all pages of a search gave."""

    newest: dict[str, Issue] = field(default_factory=dict)
    answered: datetime | None = None
    """The server's time at the first page (UTC)."""
    changes: list[IssueChange] | None = None
    """None where histories do not come with issues, and from the first changelog on that cannot be read."""
    untold: set[str] = field(default_factory=set)
    """Ids of issues that came without their changelog."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Course:
    """One pull, with what all its searches need."""

    puller: JiraPuller
    zone: ZoneInfo
    ids: FieldIds
    wanted: Wanted

    def read(self, group: Sequence[Asked]) -> Iterator[Pulled | Failed]:
        try:
            pulled = self._read_together(group)
        except BadJql as why:
            yield from (_unusable(source, why) for source, _ in group)
        except NotAllowed as error:
            yield from (failed(source, error) for source, _ in group)
        except Rejected as error:
            if len(group) == 1:
                yield self.puller.refused(group[0][0], error)
            else:  # one project that is not there spoils the search of all
                yield from self._read_alone(group)
        except ConnectorError as error:
            yield from (failed(source, error) for source, _ in group)
        else:
            yield from pulled if pulled is not None else self._read_alone(group)

    def _read_alone(self, group: Sequence[Asked]) -> Iterator[Pulled | Failed]:
        for each in group:
            yield from self.read([each])

    def _read_together(self, group: Sequence[Asked]) -> list[Pulled] | None:
        """None when it cannot be told whose an issue is: a project that is written by its name or old key."""
        condition = search_condition(
            [(source, cursor.since if cursor else None) for source, cursor in group], self.zone
        )
        read = self._read_pages(condition)
        shares: list[list[Issue]] = [[] for _ in group]
        for issue in read.newest.values():
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
            self._pulled(source, cursor, share, read)
            for share, (source, cursor) in zip(shares, group, strict=True)
        ]

    def _read_pages(self, condition: str) -> _Read:
        puller, site = self.puller, self.puller.site
        fields = fields_to_ask(self.ids, self.wanted, cloud=site.cloud)
        expand = () if site.cloud else ("changelog",)
        read = _Read(changes=None if site.cloud else [])
        for page in pages(site, condition, fields, zone=self.zone, portions=puller.portions, expand=expand):
            read.answered = read.answered or page.answered
            for row in page.rows:
                self._take(read, row, expanded=page.expanded)
        if read.answered is None:
            raise BadPayload(f"{site.tracker}: the search gave no page at all")
        return read

    def _take(self, read: _Read, row: Mapping[str, Any], *, expanded: bool) -> None:
        site = self.puller.site
        issue = issue_from(row, tracker=site.tracker, site=site.url, ids=self.ids)
        known = read.newest.get(issue.ref.id)
        if known is None or known.updated <= issue.updated:
            read.newest[issue.ref.id] = issue
        if not expanded:
            read.untold.add(issue.ref.id)
        elif read.changes is not None:
            read.untold.discard(issue.ref.id)
            try:
                read.changes += expanded_changes(row, issue.ref, self.wanted, self.ids.flagged)
            except BadPayload:  # what an issue is now does not depend on how it came there
                read.changes = None

    def _pulled(self, source: Source, cursor: Cursor | None, issues: Sequence[Issue], read: _Read) -> Pulled:
        site, answered = self.puller.site, read.answered or self.puller.site.now()
        following = next_cursor(
            cursor, issues, answered=answered, now=site.now(), overlap=self.puller.overlap
        )
        ids = {issue.ref.id for issue in issues}
        told = None if read.changes is None else tuple(c for c in read.changes if c.ref.id in ids)
        return Pulled(
            source=source,
            issues=tuple(issues),
            cursor=following,
            full=cursor is None,
            changes=told,
            untold=frozenset(ids & read.untold),
        )


def failed(source: Source, error: ConnectorError) -> Failed:
    """What an error means for a source."""
    reason = str(error)
    match error:
        case AuthFailed():
            return Failed(source=source, reason=reason, kind="auth")
        case QuotaExhausted():
            return Failed(source=source, reason=reason, kind="quota")
        case NotAllowed():
            return Failed(source=source, reason=reason, kind="forbidden")
        case BadPayload():
            return Failed(source=source, reason=reason, kind="payload")
        case Gone() | SourceMissing():
            return Failed(source=source, reason=reason, kind="missing")
        case _:
            return Failed(source=source, reason=reason, kind="unavailable")


def _unusable(source: Source, why: BadJql) -> Failed:
    reason = f"{source.name}: this source cannot be searched: {why}; correct it in the mapping"
    return Failed(source=source, reason=reason, kind="missing")


def _groups(sources: Sequence[Asked]) -> list[list[Asked]]:
    """Sources that one search can serve: of the same jql. Those without project cannot be told apart."""
    groups: dict[object, list[Asked]] = {}
    for number, (source, cursor) in enumerate(sources):
        shared = _normal(source.jql) if source.project else number
        groups.setdefault(shared, []).append((source, cursor))
    return list(groups.values())


def _normal(jql: str | None) -> str:
    try:
        return without_order(jql or "")
    except BadJql:
        return jql or ""
