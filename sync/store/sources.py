"""State of the sources: watermarks, failures and members."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select, update

from connectors.model import Cursor, FieldSelection, Source
from sync.model.records import SourceState
from sync.store.base import StorePart
from sync.store.codec import RowValues, source_definition_hash
from sync.store.database import chunks, upsert, value_columns
from sync.store.tables import memberships, sources

_SHARED_COLUMNS: Final = (
    *("name", "tracker", "definition_hash", "last_whole", "last_census", "failing_since", "error"),
)
"""Columns that are named as the fields of ``SourceState``."""


class SourcesPart(StorePart):
    def source_state(self, source: Source, selection: FieldSelection | None = None) -> SourceState | None:
        """Return the state of a source; None before its first pull.

        With ``selection`` the cursor is None if another definition earned it, and the next pull is a full one.
        """
        with self._database.read() as connection:
            state = load_source_state(connection, source.name)
        if state is None or selection is None:
            return state
        is_same = state.definition_hash == source_definition_hash(source, selection)
        return state if is_same else replace(state, cursor=None)

    def source_states(self) -> list[SourceState]:
        """Return the states of all sources that were ever read or tried, ordered by name."""
        return [
            _build_source_state(row) for row in self._fetch_rows(select(sources).order_by(sources.c.name))
        ]

    def source_issue_ids(self, source: Source) -> frozenset[str]:
        """Return the ids that belong to a source."""
        with self._database.read() as connection:
            return frozenset(load_member_ids(connection, source))

    def mark_failed(self, source: Source, reason: str, at: datetime) -> None:
        """Note that a source could not be read. Cursor and members stay.

        ``failing_since`` keeps the first failure until ``mark_healthy``. ``reason`` is a sentence without secrets.
        """
        with self._database.write() as connection:
            before = load_source_state(connection, source.name)
            since = before.failing_since if before and before.failing_since else at
            save_source_state(connection, source, before, failing_since=since, error=reason)

    def mark_healthy(self, names: Collection[str]) -> None:
        """Note that all requests for these sources succeeded in a run."""
        healthy = update(sources).values(failing_since=None, error=None)
        with self._database.write() as connection:
            for chunk in chunks(names):
                connection.execute(healthy.where(sources.c.name.in_(chunk)))


def load_source_state(connection: Connection, name: str) -> SourceState | None:
    row = connection.execute(select(sources).where(sources.c.name == name)).mappings().first()
    return _build_source_state(row) if row is not None else None


def save_source_state(
    connection: Connection, source: Source, before: SourceState | None, **changes: Any
) -> None:
    """Write the state of a source: ``before`` with the changes."""
    start = before or SourceState(name=source.name, tracker=source.tracker, definition_hash="")
    state = replace(start, **changes)
    row = {name: getattr(state, name) for name in _SHARED_COLUMNS} | {
        "held": state.count,
        "watermark": state.cursor.watermark if state.cursor else None,
        "since": state.cursor.updated_since if state.cursor else None,
        "etag": state.cursor.etag if state.cursor else None,
    }
    upsert(connection, sources, [row], update=value_columns(sources))


def load_member_ids(connection: Connection, source: Source) -> set[str]:
    query = select(memberships.c.issue_id).where(
        memberships.c.source == source.name, memberships.c.tracker == source.tracker
    )
    return set(connection.execute(query).scalars())


def _build_source_state(row: RowValues) -> SourceState:
    cursor = None
    if row["watermark"] is not None:
        cursor = Cursor(watermark=row["watermark"], updated_since=row["since"], etag=row["etag"])
    values = {name: row[name] for name in _SHARED_COLUMNS}
    return SourceState(cursor=cursor, count=row["held"], **values)
