"""Sources read whole: what changed since a cursor, or the ids of everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from connectors.jira_activity import UNKNOWN_ZONE
from connectors.jira_history import expanded_changes
from connectors.jira_jql import BadJql, next_cursor, search_condition, without_order
from connectors.jira_payload import FieldIds, fields_to_ask, issue_from
from connectors.jira_search import pages
from connectors.jira_site import DAY, HOUR, JiraSite, NotAllowed
from connectors.model import Census, Cursor, Failed, Issue, IssueChange, Pulled, Source, Wanted

Asked = tuple[Source, Cursor | None]

IDS_PER_PAGE = 5000
"""What Cloud grants at most, and only where nothing but ids is asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JiraPuller:
    site: JiraSite
    overlap: timedelta
    page_size: int

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
        fields, size = (["id"], IDS_PER_PAGE) if self.site.cloud else (["created"], self.page_size)
        try:
            condition = search_condition([(source, None)], zone)
            found = pages(self.site, condition, fields, zone=zone, size=size)
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
        newest, answered, changes = self._newest(condition)
        shares: list[list[Issue]] = [[] for _ in group]
        for issue in newest.values():
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
            self._pulled(source, cursor, share, answered, changes)
            for share, (source, cursor) in zip(shares, group, strict=True)
        ]

    def _newest(self, condition: str) -> tuple[dict[str, Issue], datetime, list[IssueChange] | None]:
        site = self.puller.site
        fields = fields_to_ask(self.ids, self.wanted, cloud=site.cloud)
        newest: dict[str, Issue] = {}
        answered: datetime | None = None
        changes: list[IssueChange] | None = None if site.cloud else []
        expand = () if site.cloud else ("changelog",)
        for page in pages(site, condition, fields, zone=self.zone, size=self.puller.page_size, expand=expand):
            answered = answered or page.answered
            for row in page.rows:
                issue = issue_from(row, tracker=site.tracker, site=site.url, ids=self.ids)
                known = newest.get(issue.ref.id)
                if known is None or known.updated <= issue.updated:
                    newest[issue.ref.id] = issue
                changes = self._with_history(changes, row, issue)
        if answered is None:
            raise BadPayload(f"{site.tracker}: the search gave no page at all")
        return newest, answered, changes

    def _with_history(
        self, changes: list[IssueChange] | None, row: Mapping[str, Any], issue: Issue
    ) -> list[IssueChange] | None:
        """The changes with those of one more issue; None from the first changelog on that cannot be read: what
        an issue is now does not depend on how it came there."""
        if changes is None:
            return None
        try:
            changes += expanded_changes(row, issue.ref, self.wanted, self.ids.flagged)
        except BadPayload:
            return None
        return changes

    def _pulled(
        self,
        source: Source,
        cursor: Cursor | None,
        issues: Sequence[Issue],
        answered: datetime,
        changes: Sequence[IssueChange] | None,
    ) -> Pulled:
        site = self.puller.site
        following = next_cursor(
            cursor, issues, answered=answered, now=site.now(), overlap=self.puller.overlap
        )
        ids = {issue.ref.id for issue in issues}
        told = None if changes is None else tuple(change for change in changes if change.ref.id in ids)
        return Pulled(
            source=source, issues=tuple(issues), cursor=following, full=cursor is None, changes=told
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
