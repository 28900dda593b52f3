"""Open a store by its URL."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

from sync.config.private_files import create_private_file, make_private_folder
from sync.store.database import Database, translate_errors
from sync.store.errors import StoreError
from sync.store.schema import migrate_to_head
from sync.store.store import Store

BUSY_MILLISECONDS: Final = 30_000
"""Time that SQLite waits for another process that writes."""
SYNCHRONOUS: Final = "FULL"

_SQLITE_FILE: Final = "sqlite:///"

_URL_ADVICE: Final = "Use sqlite:///path/to/state.db or postgresql://user@host/database."


def open_store(
    url: str, *, now: Callable[[], datetime], database: Callable[[Engine, str], Database] = Database
) -> Store:
    """Open the store at an SQLAlchemy URL. Creates it or migrates its schema if needed.

    URLs: ``sqlite:///file`` (creates the folder), ``sqlite://`` (in memory), ``postgresql://...``. ``now`` returns
    aware times; ``database`` is the class that opens transactions. Raises StoreError if the store is corrupt, full,
    unreachable, newer than the program, or lacks its driver.
    """
    parsed = _parse_url(url)
    engine = (
        _create_sqlite_engine(parsed)
        if parsed.get_backend_name() == "sqlite"
        else _create_postgresql_engine(parsed)
    )
    opened = database(engine, _store_label(parsed))
    opened.is_read_only = _is_read_only(parsed)
    try:
        migrate_to_head(opened, now())
        return Store(opened, now)
    except BaseException:
        engine.dispose()
        raise


def _parse_url(url: str) -> URL:
    if url.startswith(_SQLITE_FILE):
        # Not by make_url: what it decodes in a path depends on the version of SQLAlchemy.
        path, _, options = url.removeprefix(_SQLITE_FILE).partition("?")
        return URL.create(
            "sqlite", database=unquote(path, errors="surrogateescape"), query=dict(parse_qsl(options))
        )
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # the error text may hold the password
        raise StoreError(f"The `store:` of the settings is not a database URL. {_URL_ADVICE}") from None
    backend = parsed.drivername.partition("+")[0]
    if backend == "postgres":  # as several hosting providers write it
        backend = "postgresql"
    if backend not in ("sqlite", "postgresql"):
        raise StoreError(f"A store cannot live in {backend!r}. {_URL_ADVICE}")
    return parsed.set(drivername="sqlite" if backend == "sqlite" else "postgresql+psycopg")


def _store_label(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return url.database or "in memory"
    host = url.host or url.query.get("host") or "the local server"
    return f"{url.database or url.username or 'postgresql'} on {host}{f':{url.port}' if url.port else ''}"


def _create_sqlite_engine(url: URL) -> Engine:
    configure = _configure_sqlite
    if url.database in (None, "", ":memory:"):
        options: dict[str, Any] = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    else:
        if _is_read_only(url):
            options = {"creator": partial(_connect_read_only, _file_of(url))}
            configure = _configure_read_only
        else:
            _create_file(_file_of(url))
            options = {"connect_args": {"timeout": BUSY_MILLISECONDS / 1000}}
    engine = create_engine(url, hide_parameters=True, **options)
    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _create_file(file: Path) -> None:
    """Create the file and its folder for their owner only; SQLite gives its journals the permissions of the file."""
    try:
        make_private_folder(file.parent)
        with suppress(OSError):  # SQLite knows better what is wrong
            create_private_file(file)
    except OSError as error:
        raise StoreError(
            f"The folder {file.parent} of the store cannot be created: {error.strerror}. "
            "Correct the permissions, or name another place in `store:` of the settings."
        ) from error


def _file_of(url: URL) -> Path:
    return Path(str(url.database)).resolve()


def _is_read_only(url: URL) -> bool:
    """Return True for a file that this account can look at, but not write."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return False
    file = _file_of(url)
    if not file.is_file() or not os.access(file, os.R_OK):
        return False
    may_write_journals = os.access(file.parent, os.W_OK) or _journal(file, "-wal").exists()
    return not (os.access(file, os.W_OK) and may_write_journals)


def _connect_read_only(file: Path) -> sqlite3.Connection:
    """Open a store in a place that cannot be written.

    With its journals SQLite reads it as always. Without them nobody has it open, and it is read as it is: SQLite would
    otherwise create the journals, or fail where it can not.
    """
    unused = not _journal(file, "-shm").exists()
    if unused and _journal(file, "-wal").exists() and _journal(file, "-wal").stat().st_size:
        raise sqlite3.OperationalError("read-only journal without an index")
    options = "mode=ro&immutable=1" if unused else "mode=ro"
    return sqlite3.connect(
        f"file:{quote(os.fsencode(file))}?{options}",
        uri=True,
        timeout=BUSY_MILLISECONDS / 1000,
        check_same_thread=False,
    )


def _journal(file: Path, ending: str) -> Path:
    return file.with_name(file.name + ending)


def _configure_read_only(connection: Any, _record: Any) -> None:
    """Leave the journal as it is, and begin transactions with ``_begin_sqlite``."""
    connection.isolation_level = None


def _configure_sqlite(connection: Any, _record: Any) -> None:
    """Set the pragmas of a new connection.

    The driver's implicit transactions begin too late, so they are switched off and ``_begin_sqlite`` begins them. With
    synchronous = NORMAL the WAL mode may lose the last commits at a power failure, but a journal entry must be on disk
    before its write is sent: hence FULL, at the cost of one fsync per commit.
    """
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Begin a transaction; one that is going to write takes the lock first.

    A transaction that reads and then writes can fail at once if another one wrote in between, whatever the busy
    timeout.
    """
    immediate = connection.get_execution_options().get("immediate", False)
    # Sent directly to the driver: SQLAlchemy takes 20 times as long, and this precedes every transaction.
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute("BEGIN IMMEDIATE" if immediate else "BEGIN")
    except sqlite3.Error as error:
        raise OperationalError("BEGIN", None, error) from error


def _create_postgresql_engine(url: URL) -> Engine:
    arguments = {} if "connect_timeout" in url.query else {"connect_timeout": 10}
    try:
        with translate_errors(_store_label(url)):
            return create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=arguments)
    except (ImportError, NoSuchModuleError) as error:
        raise StoreError(
            "A PostgreSQL store needs the driver psycopg, which is not installed or not complete. "
            "Install it with: pip install 'increment-sync[postgres]'"
        ) from error
