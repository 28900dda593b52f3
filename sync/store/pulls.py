"""The issues as the trackers told them last, and which source holds which."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from connectors.model import Census, FieldSelection, Issue, IssueRef, PulledSource, Source
from sync.model.records import IssueEvent
from sync.store.base import StorePart, ref_columns
from sync.store.codec import RowValues, source_definition_hash
from sync.store.database import chunks, upsert
from sync.store.merge import merge_issue
from sync.store.sources import load_member_ids, load_source_state, save_source_state
from sync.store.tables import issue_events, issues, memberships

_STATE_COLUMNS: Final = [column for column in issues.c if column.name != "payload"]
_CONTENT_COLUMNS: Final = [column.name for column in issues.c if not column.primary_key]


class PullsPart(StorePart):
    def save_pull(
        self, pulled: PulledSource, selection: FieldSelection, at: datetime, *, keep_ids: Collection[str] = ()
    ) -> list[IssueEvent]:
        """Keep what a source that was read whole told, and move its watermark, in one transaction.

        A full pull says everything that the source holds: issues that are not in it leave the source (not the
        store), but for the ids in ``keep_ids``: those that a direct read found, or found to have vanished, and
        that count for a while yet. Out: what was noticed, also kept as events; ``left`` names who left.
        """
        source = pulled.source
        with self._database.write() as connection:
            before = load_source_state(connection, source.name)
            noticed = _save_issues(connection, source.tracker, pulled.issues, at)
            told = {issue.ref.id for issue in pulled.issues}
            held = load_member_ids(connection, source)
            changes: dict[str, Any] = {}
            _add_members(connection, source, told - held)
            if pulled.full and not pulled.unchanged:
                noticed += _remove_members(connection, source, held - told - set(keep_ids), at)
                changes = {"count": len(told), "last_census": at}
            elif before is None:
                changes = {"count": len(told | held)}
            save_source_state(
                connection,
                source,
                before,
                definition_hash=source_definition_hash(source, selection),
                cursor=pulled.cursor,
                last_whole=at,
                **changes,
            )
            _save_events(connection, noticed)
        return noticed

    def save_issue(self, issue: Issue, at: datetime) -> list[IssueEvent]:
        """Keep an issue that was read directly. Which sources hold it stays as it was."""
        with self._database.write() as connection:
            noticed = _save_issues(connection, issue.ref.tracker, [issue], at)
            _save_events(connection, noticed)
        return noticed

    def save_census(
        self,
        census: Census,
        at: datetime,
        vanished: Mapping[IssueRef, datetime],
        left: Collection[IssueRef],
    ) -> list[IssueEvent]:
        """Keep which issues a source holds. ``census.pulled`` is not looked at: give it to ``save_pull``.

        Only what a direct read proved leaves: ``left`` (is there, but elsewhere). What
        has ``vanished`` (since when that is known) is marked and stays a member, because its last state counts
        for some days. An id that is missing without such proof stays a member, too.
        """
        source = census.source
        with self._database.write() as connection:
            gone = {ref.id for ref in (*vanished, *left)}
            held = load_member_ids(connection, source)
            _add_members(connection, source, census.ids - held - gone)
            noticed = _remove_members(connection, source, {ref.id for ref in left} & held, at)
            noticed += _mark_vanished(connection, vanished)
            noticed += _mark_returned(connection, source.tracker, census.ids - gone, at)
            members = (held | census.ids) - gone
            before = load_source_state(connection, source.name)
            save_source_state(connection, source, before, last_census=at, count=len(members))
            _save_events(connection, noticed)
        return noticed

    def mark_left(self, ref: IssueRef, at: datetime) -> None:
        """Note that a direct read found an issue where no source asks. What we wrote on it stays known."""
        here = (memberships.c.tracker == ref.tracker, memberships.c.issue_id == ref.id)
        with self._database.write() as connection:
            sources = connection.execute(select(memberships.c.source).where(*here)).scalars().all()
            connection.execute(delete(memberships).where(*here))
            _save_events(
                connection,
                [
                    IssueEvent(ref=ref, at=at, kind="left", before={"source": name})
                    for name in sorted(sources)
                ],
            )

    def mark_vanished(self, ref: IssueRef, at: datetime) -> None:
        """Note that a direct read said that an issue is not there. Any later reading takes it back."""
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
    noticed: list[IssueEvent] = []
    rows: list[dict[str, Any]] = []
    back: list[str] = []
    for issue_id, issue in latest.items():
        merged = merge_issue(stored.get(issue_id), issue, at)
        noticed += merged.events
        if merged.row is not None:
            rows.append(merged.row)
        elif merged.events:
            back.append(issue_id)
    upsert(connection, issues, rows, update=_CONTENT_COLUMNS)
    _clear_vanished(connection, tracker, back)
    return noticed


def _stored_rows(connection: Connection, tracker: str, ids: Iterable[str]) -> dict[str, RowValues]:
    """The rows of these issues by id, without payload."""
    found: dict[str, RowValues] = {}
    for chunk in chunks(ids):
        query = select(*_STATE_COLUMNS).where(issues.c.tracker == tracker, issues.c.id.in_(chunk))
        found.update((row["id"], row) for row in connection.execute(query).mappings())
    return found


def _add_members(connection: Connection, source: Source, ids: Iterable[str]) -> None:
    rows = [{"source": source.name, "tracker": source.tracker, "issue_id": issue_id} for issue_id in ids]
    upsert(connection, memberships, rows)


def _delete_members(connection: Connection, source: Source, ids: Iterable[str]) -> None:
    for chunk in chunks(ids):
        connection.execute(
            delete(memberships).where(
                memberships.c.source == source.name,
                memberships.c.tracker == source.tracker,
                memberships.c.issue_id.in_(chunk),
            )
        )


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
    """An id that only a census named has no key yet."""
    key = stored[issue_id]["key"] if issue_id in stored else issue_id
    return IssueRef(tracker=tracker, id=issue_id, key=key)


def _mark_vanished(connection: Connection, vanished: Mapping[IssueRef, datetime]) -> list[IssueEvent]:
    """Mark issues that were not marked before; the first mark stays."""
    noticed = []
    for ref, at in vanished.items():
        marked = connection.execute(
            update(issues)
            .where(issues.c.tracker == ref.tracker, issues.c.id == ref.id, issues.c.vanished.is_(None))
            .values(vanished=at)
        )
        if marked.rowcount:
            noticed.append(IssueEvent(ref=ref, at=at, kind="vanished"))
    return noticed


def _mark_returned(
    connection: Connection, tracker: str, ids: Collection[str], at: datetime
) -> list[IssueEvent]:
    """Issues that were marked as vanished and are seen again."""
    marked = issues.c.vanished.is_not(None)
    query = select(issues.c.id, issues.c.key).where(issues.c.tracker == tracker, marked)
    back = [row for row in connection.execute(query) if row.id in ids]
    _clear_vanished(connection, tracker, [row.id for row in back])
    return [
        IssueEvent(ref=IssueRef(tracker=tracker, id=row.id, key=row.key), at=at, kind="returned")
        for row in back
    ]


def _clear_vanished(connection: Connection, tracker: str, ids: Iterable[str]) -> None:
    for chunk in chunks(ids):
        connection.execute(
            update(issues).where(issues.c.tracker == tracker, issues.c.id.in_(chunk)).values(vanished=None)
        )


def _save_events(connection: Connection, events: Iterable[IssueEvent]) -> None:
    for chunk in chunks(events):
        connection.execute(
            insert(issue_events),
            [
                ref_columns(event.ref)
                | {"at": event.at, "kind": event.kind, "before": event.before, "after": event.after}
                for event in chunk
            ],
        )
