"""Export and import of a store as rows, without journal, watermarks and secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Table, and_, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from sync.store.base import StorePart
from sync.store.columns import UtcTime, metadata
from sync.store.database import chunks
from sync.store.errors import StoreError
from sync.store.snapshot_histories import parse_utc
from sync.store.snapshot_values import check_bodies, check_value
from sync.store.tables import (
    assignment_history,
    assignments,
    baselines,
    cache,
    issue_changes,
    issue_events,
    issue_histories,
    issues,
    journal_entries,
    journal_results,
    memberships,
    overrides,
    pushed_comments,
    pushed_labels,
    rollups,
    sources,
    store_facts,
)

SnapshotRow = tuple[str, dict[str, Any]]
"""(table name, column -> JSON value)."""

_SNAPSHOT_TABLES: Final = (
    store_facts,
    sources,
    memberships,
    issues,
    issue_events,
    issue_changes,
    issue_histories,
    pushed_labels,
    pushed_comments,
    overrides,
    baselines,
    assignments,
    assignment_history,
    rollups,
    cache,
)
"""In this order: memberships come before issues."""

SNAPSHOT_TABLE_NAMES: Final = frozenset(table.name for table in _SNAPSHOT_TABLES)

_AUTO_ID_TABLES: Final = ("rollups", "assignment_history", "issue_events")
_LOCAL_COLUMNS: Final = {"sources": ("watermark", "since", "etag")}
"""Columns that are not exported.

A store filled from a snapshot reads every source in full once, because the snapshot may be incomplete.
"""


class SnapshotTransferPart(StorePart):
    def snapshot_rows(self, *, bodies: bool) -> Iterator[SnapshotRow]:
        """Yield all rows of a snapshot from one consistent state of the store.

        Labels include our own writes since an issue was read. Texts of issues are left out unless ``bodies``.
        """
        with self._database.read() as connection:
            written = _label_changes_since_read(connection)
            for table in _SNAPSHOT_TABLES:
                query = select(*(column for column in table.c if not _is_local(table, column.name)))
                if table is cache:
                    query = query.where(cache.c.tracker == "")
                if table is rollups:
                    query = query.where(rollups.c.run_id == _last_rollup_run())
                if table.name in _AUTO_ID_TABLES:
                    query = query.order_by(table.c.id)
                if table is issues:
                    query = query.order_by(issues.c.tracker, issues.c.id)
                for row in connection.execute(query).mappings():
                    values = dict(row)
                    if table is issues:
                        _apply_label_changes(values, written, bodies=bodies)
                    yield table.name, {name: _encode_value(value) for name, value in values.items()}

    def label_changes_since_read(self) -> dict[tuple[str, str], dict[str, bool]]:
        """Return (tracker, id) -> label -> True if we added it, False if we removed it, since the issue was read."""
        with self._database.read() as connection:
            return _label_changes_since_read(connection)

    def count_contents(self) -> dict[str, int]:
        """Return the number of issues, journal entries, overrides and so on; empty for an unused store."""
        counted = {"issues": issues, "journal entries": journal_entries, "overrides": overrides}
        counted |= {"sources": sources, "labels that we put": pushed_labels}
        with self._database.read() as connection:
            counts = {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in counted.items()
            }
        return {name: count for name, count in counts.items() if count}

    def load_snapshot(self, rows: Iterable[SnapshotRow]) -> int:
        """Replace the contents of the store in one transaction, and return the number of rows.

        Ignores tables and columns of newer versions. Raises StoreError if a row lacks a required column, has a value
        that no store can hold, or is there twice.
        """
        by_name = {table.name: table for table in _SNAPSHOT_TABLES}
        count = 0
        with self._database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
            for table_name, values in _batches_by_table(rows):
                if (table := by_name.get(table_name)) is not None:
                    for chunk in chunks(values):
                        _insert_rows(connection, table, [_decode_row(table, row) for row in chunk])
                        count += len(chunk)
        return count


def _label_changes_since_read(connection: Connection) -> dict[tuple[str, str], dict[str, bool]]:
    """Select our writes that are newer than the issue's ``updated``.

    Our writes change ``updated`` too, so a later read of the issue makes them older than it.
    """
    entries, results = journal_entries, journal_results
    same = and_(entries.c.tracker == issues.c.tracker, entries.c.issue_id == issues.c.id)
    query = (
        select(entries.c.tracker, entries.c.issue_id, entries.c.op, entries.c.payload)
        .join(issues, same)
        .join(results, results.c.entry_id == entries.c.id)
        .where(
            entries.c.op.in_(("add-label", "remove-label")),
            results.c.outcome == "done",
            entries.c.at > issues.c.updated,
        )
        .order_by(entries.c.id)
    )
    found: dict[tuple[str, str], dict[str, bool]] = {}
    for tracker, issue_id, op, payload in connection.execute(query):
        found.setdefault((tracker, issue_id), {})[payload["label"]] = op == "add-label"
    return found


def current_labels(labels: Iterable[str], changes: Mapping[str, bool]) -> list[str]:
    """Return an issue's labels after our own changes, sorted. Trackers compare labels without case."""
    changed = {label.lower() for label in changes}
    unchanged = {label for label in labels if label.lower() not in changed}
    return sorted(unchanged | {label for label, added in changes.items() if added})


def _apply_label_changes(
    row: dict[str, Any], changes: Mapping[tuple[str, str], Mapping[str, bool]], *, bodies: bool
) -> None:
    payload = row["payload"]
    if not bodies:
        payload.pop("body", None)
    if changed := changes.get((row["tracker"], row["id"])):
        payload["labels"] = current_labels(payload.get("labels", ()), changed)


def _last_rollup_run() -> Any:
    whole = select(func.max(rollups.c.id)).where(rollups.c.subject == "").scalar_subquery()
    return select(rollups.c.run_id).where(rollups.c.id == whole).scalar_subquery()


def _is_local(table: Table, column: str) -> bool:
    if table.name in _AUTO_ID_TABLES and column == "id":
        return True
    return column in _LOCAL_COLUMNS.get(table.name, ())


def _encode_value(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _batches_by_table(rows: Iterable[SnapshotRow]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the rows in short lists of one table each."""
    for chunk in chunks(rows):
        for name in dict.fromkeys(name for name, _ in chunk):
            yield name, [values for table, values in chunk if table == name]


def _decode_row(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in table.c:
        if table.name in _AUTO_ID_TABLES and column.name == "id":
            continue
        value: Any = row.get(column.name)
        if value is None and not column.nullable:
            raise missing_column_error(column.name, table.name)
        values[column.name] = value
    try:
        for column in table.c:
            if column.name in values:
                check_value(table.name, column, values[column.name])
        check_bodies(table.name, values)
        times = [name for name in values if isinstance(table.c[name].type, UtcTime)]
        return values | {name: parse_utc(values[name]) for name in times if values[name] is not None}
    except (TypeError, ValueError) as error:
        raise damaged_row_error(table.name, error) from None


def _insert_rows(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    try:
        connection.execute(insert(table), rows)
    except IntegrityError:
        raise damaged_row_error(table.name, ValueError("two rows are about the same")) from None


def missing_column_error(column: str, table: str) -> StoreError:
    """Build the error for a row that lacks a column."""
    return StoreError(
        f"The snapshot has no {column} in a row of {table}: it was written by another "
        "version of increment-sync. Export it again with this one."
    )


def damaged_row_error(table: str, error: Exception) -> StoreError:
    """Build the error for a row with an invalid value."""
    return StoreError(f"The snapshot is damaged in a row of {table} ({error}). Export it again.")
