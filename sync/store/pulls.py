"""Save pulls and censuses: issues, memberships in sources, and events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, select, update

from connectors.model import Census, FieldSelection, Issue, IssueRef, PulledSource, Source
from sync.model.records import IssueEvent
from sync.store.base import StorePart, row_values
from sync.store.codec import RowValues, source_definition_hash
from sync.store.database import chunks, insert_rows, upsert, value_columns
from sync.store.issues import load_former_keys
from sync.store.merge import merge_issue
from sync.store.sources import load_member_ids, load_source_state, save_source_state
from sync.store.tables import issue_events, issues, memberships

_STATE_COLUMNS: Final = [column for column in issues.c if column.name != "payload"]
_CONTENT_COLUMNS: Final = value_columns(issues)


class PullsPart(StorePart):
    def save_pull(
        self, pulled: PulledSource, selection: FieldSelection, at: datetime, *, keep_ids: Collection[str] = ()
    ) -> list[IssueEvent]:
        """Save a complete pull of a source and move its watermark, in one transaction.

        After a full pull, issues that it lacks leave the source (not the store), except ``keep_ids``: issues that a
        direct read found there, and vanished ones, which count for some days. Returns the events, which are saved as
        well; ``left`` names issues that left.
        """
        source = pulled.source
        with self._database.write() as connection:
            before = load_source_state(connection, source.name)
            events = _save_issues(connection, source.tracker, pulled.issues, at)
            pulled_ids = {issue.ref.id for issue in pulled.issues}
            members = load_member_ids(connection, source)
            changes: dict[str, Any] = {}
            _add_members(connection, source, pulled_ids - members)
            if pulled.full and not pulled.unchanged:
                events += _remove_members(connection, source, members - pulled_ids - set(keep_ids), at)
                changes = {"count": len(pulled_ids), "last_census": at}
            elif before is None:
                changes = {"count": len(pulled_ids | members)}
            save_source_state(
                connection,
                source,
                before,
                definition_hash=source_definition_hash(source, selection),
                cursor=pulled.cursor,
                last_whole=at,
                **changes,
            )
            _save_events(connection, events)
        return events

    def save_issue(self, issue: Issue, at: datetime) -> list[IssueEvent]:
        """Save an issue that was read directly. Its sources stay the same."""
        with self._database.write() as connection:
            events = _save_issues(connection, issue.ref.tracker, [issue], at)
            _save_events(connection, events)
        return events

    def save_former_key(self, issue: Issue, key: str, at: datetime) -> None:
        """Note that an issue was found by a key that is not its own (any more)."""
        if key.lower() == issue.ref.key.lower():
            return
        place = (issue.ref.tracker, issue.ref.id)
        after = {"key": issue.ref.key, "container": issue.container}
        event = IssueEvent(ref=issue.ref, at=at, kind="moved", before={"key": key}, after=after)
        with self._database.write() as connection:
            if key not in load_former_keys(connection, place).get(place, ()):
                _save_events(connection, [event])

    def save_census(
        self,
        census: Census,
        at: datetime,
        vanished: Mapping[IssueRef, datetime],
        left: Collection[IssueRef],
    ) -> list[IssueEvent]:
        """Save the ids of a source. Save ``census.pulled`` by ``save_pull`` instead.

        Only issues that a direct read found elsewhere (``left``) leave the source. ``vanished`` ones (id -> since
        when) are marked and stay members, because their last state counts for some days. Other missing ids stay
        members as well.
        """
        source = census.source
        with self._database.write() as connection:
            gone = {ref.id for ref in (*vanished, *left)}
            members = load_member_ids(connection, source)
            _add_members(connection, source, census.ids - members)
            events = _remove_members(connection, source, {ref.id for ref in left} & members, at)
            events += _mark_vanished(connection, vanished)
            events += _mark_returned(connection, source.tracker, census.ids, at)
            members = (members | census.ids) - gone
            before = load_source_state(connection, source.name)
            save_source_state(connection, source, before, last_census=at, count=len(members))
            _save_events(connection, events)
        return events

    def mark_left(self, ref: IssueRef, at: datetime) -> None:
        """Note that a direct read found the issue outside of all sources. Its pushed state stays known."""
        of_issue = (memberships.c.tracker == ref.tracker, memberships.c.issue_id == ref.id)
        with self._database.write() as connection:
            sources = connection.execute(select(memberships.c.source).where(*of_issue)).scalars().all()
            connection.execute(delete(memberships).where(*of_issue))
            left = (
                IssueEvent(ref=ref, at=at, kind="left", before={"source": name}) for name in sorted(sources)
            )
            _save_events(connection, left)

    def mark_vanished(self, ref: IssueRef, at: datetime) -> None:
        """Note that the issue did not exist at a direct read. A later read that finds it clears the mark."""
        with self._database.write() as connection:
            _save_events(connection, _mark_vanished(connection, {ref: at}))


def _save_issues(
    connection: Connection, tracker: str, read: Iterable[Issue], at: datetime
) -> list[IssueEvent]:
    latest: dict[str, Issue] = {}
    for issue in read:
        other = latest.get(issue.ref.id)
        if other is None or issue.updated >= other.updated:
            latest[issue.ref.id] = issue
    stored = _stored_rows(connection, tracker, latest)
    events: list[IssueEvent] = []
    rows: list[dict[str, Any]] = []
    returned: list[str] = []
    for issue_id, issue in latest.items():
        row, new_events = merge_issue(stored.get(issue_id), issue, at)
        events += new_events
        if row is not None:
            rows.append(row)
        elif new_events:
            returned.append(issue_id)
    upsert(connection, issues, rows, update=_CONTENT_COLUMNS)
    _clear_vanished(connection, tracker, returned)
    return events


def _stored_rows(connection: Connection, tracker: str, ids: Iterable[str]) -> dict[str, RowValues]:
    """Return id -> row without payload."""
    found: dict[str, RowValues] = {}
    for chunk in chunks(ids):
        query = select(*_STATE_COLUMNS).where(issues.c.tracker == tracker, issues.c.id.in_(chunk))
        found.update((row["id"], row) for row in connection.execute(query).mappings())
    return found


def _add_members(connection: Connection, source: Source, ids: Iterable[str]) -> None:
    rows = [{"source": source.name, "tracker": source.tracker, "issue_id": issue_id} for issue_id in ids]
    upsert(connection, memberships, rows)


def _delete_members(connection: Connection, source: Source, ids: Iterable[str]) -> None:
    in_source = (memberships.c.source == source.name, memberships.c.tracker == source.tracker)
    for chunk in chunks(ids):
        connection.execute(delete(memberships).where(*in_source, memberships.c.issue_id.in_(chunk)))


def _remove_members(
    connection: Connection, source: Source, ids: Collection[str], at: datetime
) -> list[IssueEvent]:
    stored = _stored_rows(connection, source.tracker, ids)
    _delete_members(connection, source, ids)
    before: dict[str, str | None] = {"source": source.name}
    return [
        IssueEvent(ref=_stored_ref(source.tracker, issue_id, stored), at=at, kind="left", before=before)
        for issue_id in sorted(ids)
    ]


def _stored_ref(tracker: str, issue_id: str, stored: Mapping[str, RowValues]) -> IssueRef:
    """Return the ref of a stored issue. An id from a census has no key yet and stands for it."""
    key = stored[issue_id]["key"] if issue_id in stored else issue_id
    return IssueRef(tracker=tracker, id=issue_id, key=key)


def _mark_vanished(connection: Connection, vanished: Mapping[IssueRef, datetime]) -> list[IssueEvent]:
    """Mark issues as vanished. Existing marks keep their time."""
    events = []
    for ref, at in vanished.items():
        unmarked = (issues.c.tracker == ref.tracker, issues.c.id == ref.id, issues.c.vanished.is_(None))
        if connection.execute(update(issues).where(*unmarked).values(vanished=at)).rowcount:
            events.append(IssueEvent(ref=ref, at=at, kind="vanished"))
    return events


def _mark_returned(
    connection: Connection, tracker: str, ids: Collection[str], at: datetime
) -> list[IssueEvent]:
    """Clear the mark of vanished issues that are listed again."""
    marked = issues.c.vanished.is_not(None)
    query = select(issues.c.id, issues.c.key).where(issues.c.tracker == tracker, marked)
    returned = [row for row in connection.execute(query) if row.id in ids]
    _clear_vanished(connection, tracker, [row.id for row in returned])
    return [
        IssueEvent(ref=IssueRef(tracker=tracker, id=row.id, key=row.key), at=at, kind="returned")
        for row in returned
    ]


def _clear_vanished(connection: Connection, tracker: str, ids: Iterable[str]) -> None:
    unmarked = update(issues).where(issues.c.tracker == tracker).values(vanished=None)
    for chunk in chunks(ids):
        connection.execute(unmarked.where(issues.c.id.in_(chunk)))


def _save_events(connection: Connection, events: Iterable[IssueEvent]) -> None:
    insert_rows(connection, issue_events, map(row_values, events))
