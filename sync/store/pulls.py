"""The issues as the trackers told them last, and which source holds which."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from connectors.model import Census, Issue, IssueRef, Pulled, Source, Wanted
from sync.model.records import Noticed
from sync.store.base import Part, ref_values
from sync.store.codec import Values, definition_hash
from sync.store.database import chunks, upsert
from sync.store.merge import merge
from sync.store.sources import member_ids, save_state, state_of
from sync.store.tables import issue_events, issues, memberships

_STATE: Final = [column for column in issues.c if column.name != "payload"]
_CONTENT: Final = [column.name for column in issues.c if not column.primary_key]


class SnapshotPart(Part):
    def save_pull(
        self, pulled: Pulled, wanted: Wanted, at: datetime, *, keep: Collection[str] = ()
    ) -> list[Noticed]:
        """Keep what a source that was read whole told, and move its watermark, in one transaction.

        A full pull says everything that the source holds: issues that are not in it leave the source (not the
        store), but for the ids in ``keep``: those that a direct read found, or found to have vanished, and
        that count for a while yet. Out: what was noticed, also kept as events; ``left`` names who left.
        """
        source = pulled.source
        with self._database.write() as connection:
            before = state_of(connection, source.name)
            noticed = _save_issues(connection, source.tracker, pulled.issues, at)
            told = {issue.ref.id for issue in pulled.issues}
            held = member_ids(connection, source)
            changes: dict[str, Any] = {}
            _join(connection, source, told - held)
            if pulled.full and not pulled.unchanged:
                noticed += _leave(connection, source, held - told - set(keep), at)
                changes = {"count": len(told), "last_census": at}
            elif before is None:
                changes = {"count": len(told | held)}
            save_state(
                connection,
                source,
                before,
                definition_hash=definition_hash(source, wanted),
                cursor=pulled.cursor,
                last_whole=at,
                **changes,
            )
            _keep_events(connection, noticed)
        return noticed

    def save_issue(self, issue: Issue, at: datetime) -> list[Noticed]:
        """Keep an issue that was read directly. Which sources hold it stays as it was."""
        with self._database.write() as connection:
            noticed = _save_issues(connection, issue.ref.tracker, [issue], at)
            _keep_events(connection, noticed)
        return noticed

    def save_census(
        self,
        census: Census,
        at: datetime,
        vanished: Mapping[IssueRef, datetime],
        left: Collection[IssueRef],
    ) -> list[Noticed]:
        """Keep which issues a source holds. ``census.pulled`` is not looked at: give it to ``save_pull``.

        Only what a direct read proved leaves: ``left`` (is there, but elsewhere). What
        has ``vanished`` (since when that is known) is marked and stays a member, because its last state counts
        for some days. An id that is missing without such proof stays a member, too.
        """
        source = census.source
        with self._database.write() as connection:
            gone = {ref.id for ref in (*vanished, *left)}
            held = member_ids(connection, source)
            _join(connection, source, census.ids - held - gone)
            noticed = _leave(connection, source, {ref.id for ref in left} & held, at)
            noticed += _vanish(connection, vanished)
            noticed += _return(connection, source.tracker, census.ids - gone, at)
            members = (held | census.ids) - gone
            before = state_of(connection, source.name)
            save_state(connection, source, before, last_census=at, count=len(members))
            _keep_events(connection, noticed)
        return noticed

    def mark_left(self, ref: IssueRef, at: datetime) -> None:
        """Note that a direct read found an issue where no source asks. What we wrote on it stays known."""
        here = (memberships.c.tracker == ref.tracker, memberships.c.issue_id == ref.id)
        with self._database.write() as connection:
            sources = connection.execute(select(memberships.c.source).where(*here)).scalars().all()
            connection.execute(delete(memberships).where(*here))
            _keep_events(
                connection,
                [Noticed(ref=ref, at=at, kind="left", before={"source": name}) for name in sorted(sources)],
            )

    def mark_vanished(self, ref: IssueRef, at: datetime) -> None:
        """Note that a direct read said that an issue is not there. Any later reading takes it back."""
        with self._database.write() as connection:
            _keep_events(connection, _vanish(connection, {ref: at}))


def _save_issues(connection: Connection, tracker: str, told: Iterable[Issue], at: datetime) -> list[Noticed]:
    latest: dict[str, Issue] = {}
    for issue in told:
        other = latest.get(issue.ref.id)
        if other is None or issue.updated >= other.updated:
            latest[issue.ref.id] = issue
    stored = _stored(connection, tracker, latest)
    noticed: list[Noticed] = []
    rows: list[dict[str, Any]] = []
    back: list[str] = []
    for issue_id, issue in latest.items():
        merged = merge(stored.get(issue_id), issue, at)
        noticed += merged.noticed
        if merged.row is not None:
            rows.append(merged.row)
        elif merged.noticed:
            back.append(issue_id)
    upsert(connection, issues, rows, update=_CONTENT)
    _unmark(connection, tracker, back)
    return noticed


def _stored(connection: Connection, tracker: str, ids: Iterable[str]) -> dict[str, Values]:
    """The rows of these issues by id, without payload."""
    found: dict[str, Values] = {}
    for chunk in chunks(ids):
        query = select(*_STATE).where(issues.c.tracker == tracker, issues.c.id.in_(chunk))
        found.update((row["id"], row) for row in connection.execute(query).mappings())
    return found


def _join(connection: Connection, source: Source, ids: Iterable[str]) -> None:
    rows = [{"source": source.name, "tracker": source.tracker, "issue_id": issue_id} for issue_id in ids]
    upsert(connection, memberships, rows)


def _drop(connection: Connection, source: Source, ids: Iterable[str]) -> None:
    for chunk in chunks(ids):
        connection.execute(
            delete(memberships).where(
                memberships.c.source == source.name,
                memberships.c.tracker == source.tracker,
                memberships.c.issue_id.in_(chunk),
            )
        )


def _leave(connection: Connection, source: Source, ids: Collection[str], at: datetime) -> list[Noticed]:
    stored = _stored(connection, source.tracker, ids)
    _drop(connection, source, ids)
    before: dict[str, str | None] = {"source": source.name}
    return [
        Noticed(ref=_ref(source.tracker, issue_id, stored), at=at, kind="left", before=before)
        for issue_id in sorted(ids)
    ]


def _ref(tracker: str, issue_id: str, stored: Mapping[str, Values]) -> IssueRef:
    """An id that only a census named has no key yet."""
    key = stored[issue_id]["key"] if issue_id in stored else issue_id
    return IssueRef(tracker=tracker, id=issue_id, key=key)


def _vanish(connection: Connection, vanished: Mapping[IssueRef, datetime]) -> list[Noticed]:
    """Mark issues that were not marked before; the first mark stays."""
    noticed = []
    for ref, at in vanished.items():
        marked = connection.execute(
            update(issues)
            .where(issues.c.tracker == ref.tracker, issues.c.id == ref.id, issues.c.vanished.is_(None))
            .values(vanished=at)
        )
        if marked.rowcount:
            noticed.append(Noticed(ref=ref, at=at, kind="vanished"))
    return noticed


def _return(connection: Connection, tracker: str, ids: Collection[str], at: datetime) -> list[Noticed]:
    """Issues that were marked as vanished and are seen again."""
    marked = issues.c.vanished.is_not(None)
    query = select(issues.c.id, issues.c.key).where(issues.c.tracker == tracker, marked)
    back = [row for row in connection.execute(query) if row.id in ids]
    _unmark(connection, tracker, [row.id for row in back])
    return [
        Noticed(ref=IssueRef(tracker=tracker, id=row.id, key=row.key), at=at, kind="returned") for row in back
    ]


def _unmark(connection: Connection, tracker: str, ids: Iterable[str]) -> None:
    for chunk in chunks(ids):
        connection.execute(
            update(issues).where(issues.c.tracker == tracker, issues.c.id.in_(chunk)).values(vanished=None)
        )


def _keep_events(connection: Connection, noticed: Iterable[Noticed]) -> None:
    for chunk in chunks(noticed):
        connection.execute(
            insert(issue_events),
            [
                ref_values(event.ref)
                | {"at": event.at, "kind": event.kind, "before": event.before, "after": event.after}
                for event in chunk
            ],
        )
