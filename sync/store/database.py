"""Transactions, upserts and error messages, alike for SQLite (file or memory) and PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, Table, insert
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from sync.store.errors import StoreError

CHUNK: Final = 1000
"""Rows and bound values per statement, well below the limits of SQLite (32,766) and PostgreSQL (65,535)."""

_PROGRAM_ERRORS: Final = (DataError, IntegrityError)

T = TypeVar("T")


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Yield the items in lists of at most ``size``."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


class Database:
    """Opens transactions. Threads and processes may share it."""

    def __init__(self, engine: Engine, label: str) -> None:
        """``label`` names the store in messages and holds no password."""
        self.engine = engine
        self.is_read_only = False
        """True for a file that this account can look at, but not write."""
        self.label = label
        self._writing = engine.execution_options(immediate=True)
        # An in-memory store has one connection, so its transactions have to wait for each other.
        self._lock = threading.RLock() if engine.url.database in (None, "", ":memory:") else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read-only transaction, which sees one consistent state."""
        with self._lock, translate_errors(self.label), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that takes the write lock at once. It is durable when the block ends."""
        with self._lock, translate_errors(self.label), self._writing.begin() as connection:
            yield connection

    def size(self) -> int:
        """Return the size in bytes, without the part of SQLite's WAL that is not in the file yet."""
        sqlite = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        postgresql = "SELECT pg_database_size(current_database())"
        query = sqlite if self.engine.dialect.name == "sqlite" else postgresql
        with self.read() as connection:
            return int(connection.exec_driver_sql(query).scalar_one())

    def close(self) -> None:
        """Close all connections. Closing the last one merges SQLite's WAL into the file."""
        with translate_errors(self.label):
            self.engine.dispose()


@contextmanager
def translate_errors(label: str) -> Iterator[None]:
    """Turn database errors into StoreError; errors of our own SQL stay as they are."""
    try:
        yield
    except _PROGRAM_ERRORS:
        raise
    except DBAPIError as error:
        raise StoreError(describe_error(label, error)) from error


def describe_error(label: str, error: DBAPIError) -> str:
    """Return what is wrong with the store and what to do. Holds no statement, values or password."""
    reason = _first_line(error.orig or error)
    lowered = reason.lower()
    for signs, message in _ADVICE:
        if any(sign in lowered for sign in signs):
            return f"The store {label} {message}"
    return (
        f"The store {label} cannot be used: {reason}. Check the path or address in `store:` of the settings."
    )


_FULL: Final = "has no room left: the disk or quota is full. Free some space and run again; nothing is lost."
_DAMAGED: Final = (
    "is damaged or is not an increment-sync store. Put a backup in its place, or move it away and run again: "
    "a new one is filled from the trackers."
)
_READ_ONLY: Final = (
    "cannot be written: the file, its folder or the database is read-only for this account. Correct the "
    "permissions, or name another place in `store:` of the settings."
)
_NOT_OPENED: Final = (
    "cannot be opened: the file or its folder is missing, not a file, or not readable and writable for this "
    "account. Correct the permissions, or name another place in `store:` of the settings."
)
_NOT_CLOSED: Final = (
    "was not closed properly and is read-only: the end of its journal cannot be read here. Copy the store together "
    "with its -wal file to a place that can be written, and name that in `store:` of the settings."
)
_LOCKED: Final = "is locked by another program. Wait for it to end and run again."
_DISK: Final = "meets a disk that reports an error. Check the disk and its free space, then run again."

_ADVICE: Final = (
    (("journal without an index",), _NOT_CLOSED),
    (("disk is full", "no space left", "could not extend file"), _FULL),
    (("malformed", "not a database", "file is encrypted"), _DAMAGED),
    (("readonly", "read-only", "permission denied"), _READ_ONLY),
    (("unable to open",), _NOT_OPENED),
    (("locked", "lock timeout", "deadlock"), _LOCKED),
    (("disk i/o error",), _DISK),
)
"""Signs in the databases' error texts -> our message."""


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".") if lines else type(error).__name__


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    update: Collection[str] = (),
) -> None:
    """Insert rows; for existing primary keys set the ``update`` columns, or leave the row."""
    if not rows:
        return
    statement = _upsert_statement(connection.dialect.name, table, tuple(update))
    for chunk in chunks(rows):
        connection.execute(statement, chunk)


def insert_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows."""
    for chunk in chunks(rows):
        connection.execute(insert(table), chunk)


def value_columns(table: Table) -> list[str]:
    """Return the names of the columns outside of the primary key."""
    return [column.name for column in table.c if not column.primary_key]


@cache
def _upsert_statement(dialect: str, table: Table, update: tuple[str, ...]) -> Any:
    """Return the statement of ``upsert``. Cached: building it takes longer than running it."""
    statement: Any = insert_statement(dialect, table)
    keys = list(table.primary_key.columns)
    if not update:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in update}
    )


def insert_statement(dialect: str, table: Table) -> Any:
    """Return an INSERT that supports ON CONFLICT."""
    # Imported here because commands that only read do not need them.
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)
