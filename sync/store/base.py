"""Base class of the parts of the store, and conversion of records from and to rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Executable, RowMapping, Table, UpdateBase, and_

from connectors.model import IssueRef
from sync.store.cache import StoredCache
from sync.store.codec import RowValues
from sync.store.database import Database

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")


class StorePart:
    """Base of one topic of the store; ``Store`` combines all of them."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self.cache = self.cache_for("")
        """Cache for values that belong to no tracker."""

    def cache_for(self, tracker: str) -> StoredCache:
        """Return the cache of one tracker. Trackers do not share keys."""
        return StoredCache(self._database, self._now, tracker)

    def _fetch_rows(self, query: Executable) -> Sequence[RowMapping]:
        with self._database.read() as connection:
            return connection.execute(query).mappings().all()

    def _fetch_records(self, kind: type[Record], query: Executable) -> list[Record]:
        return [build_record(kind, row) for row in self._fetch_rows(query)]

    def _fetch_record(self, kind: type[Record], query: Executable) -> Record | None:
        return next(iter(self._fetch_records(kind, query)), None)

    def _fetch_value(self, query: Executable) -> Any:
        """Return the first column of the first row; None without a row."""
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def _write(self, statement: UpdateBase) -> int:
        """Run one statement in a transaction of its own, and return the number of rows that it changed."""
        with self._database.write() as connection:
            return connection.execute(statement).rowcount


def build_record(kind: type[Record], row: RowValues) -> Record:
    """Build a record from the columns named as its fields; ``ref`` comes from tracker, id and key."""
    names = kind.__dataclass_fields__
    values = {name: row[name] for name in names if name in row}
    if "ref" in names:
        values["ref"] = parse_ref(row)
    return kind(**values)


def row_values(record: DataclassInstance) -> dict[str, Any]:
    """Return the columns of a record about an issue, without the id, which the database gives."""
    values = {name: getattr(record, name) for name in record.__dataclass_fields__ if name != "id"}
    return ref_columns(values.pop("ref")) | values


def ref_columns(ref: IssueRef) -> dict[str, str]:
    """Return the columns of a ref."""
    return {"tracker": ref.tracker, "issue_id": ref.id, "key": ref.key}


def parse_ref(row: RowValues) -> IssueRef:
    """Return the ref of a row."""
    return IssueRef(tracker=row["tracker"], id=row["issue_id"], key=row["key"])


def refs_body(refs: Iterable[IssueRef]) -> list[list[str]]:
    """Return refs as a JSON value."""
    return [[ref.tracker, ref.id, ref.key] for ref in refs]


def parse_refs(body: Iterable[Sequence[str]]) -> tuple[IssueRef, ...]:
    """Return the refs of a JSON value."""
    return tuple(IssueRef(tracker=tracker, id=issue_id, key=key) for tracker, issue_id, key in body)


def matches_ref(table: Table, ref: IssueRef) -> ColumnElement[bool]:
    """Return the condition that a row is about this issue."""
    return and_(table.c.tracker == ref.tracker, table.c.issue_id == ref.id)
