"""Which schema a store has, and how it gets to the one that this program knows."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, create_mock_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from sync.store.database import Database, describe_error, upsert
from sync.store.errors import StoreError
from sync.store.tables import store_facts
from sync.store.tables_base import metadata

HEAD: Final = "0007"
"""The last migration. Known here so that a store that is up to date opens without loading Alembic."""

_MIGRATION_LOCK: Final = 7_302_118_664_019_205
"""Any number that no other program on the same server uses as an advisory lock."""


_CREATE_VERSION_TABLE: Final = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
"""
"""As Alembic makes it."""


def migrate_to_head(database: Database, at: datetime) -> None:
    """Create the schema or migrate it, in one transaction, unless it is at HEAD already.

    StoreError when it is newer than the program, or when a migration fails (nothing is changed then).
    """
    with database.read() as connection:
        if current_revision(connection) == HEAD:
            return
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})
        found = current_revision(connection)
        if found != HEAD:  # nobody else did it while we waited for the lock
            if found is None:
                _create_schema(connection, database.label)
            else:
                run_migrations(connection, database.label)
            upsert(connection, store_facts, [{"name": "born", "at": at}])


def current_revision(connection: Connection) -> str | None:
    """The migration that a store is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _create_schema(connection: Connection, label: str) -> None:
    """All tables at once: the same as every migration in turn (a test compares them), in a tenth of the time."""
    try:
        for statement in (*_create_statements(connection.engine.url.drivername), _CREATE_VERSION_TABLE):
            connection.exec_driver_sql(statement)
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
    except DBAPIError as error:
        raise StoreError(describe_error(label, error)) from error


@cache
def _create_statements(driver: str) -> tuple[str, ...]:
    """What creates all tables; SQLAlchemy takes longer to write it than a database to carry it out."""
    made: list[str] = []

    def keep(element: Any, *_: Any, **__: Any) -> None:
        made.append(str(element.compile(dialect=mock.dialect)))

    mock = create_mock_engine(f"{driver}://", keep)
    metadata.create_all(mock, checkfirst=False)
    return tuple(made)


def run_migrations(connection: Connection, label: str) -> None:
    """Every migration from where the store is to HEAD. StoreError as ``migrate_to_head``."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "sync.store:migrations")
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = current_revision(connection)
    if found is not None and found not in known:
        raise StoreError(
            f"The store {label} was written by a newer increment-sync (its schema is {found}, this program "
            f"knows {HEAD}). Install that version again, or name another store in the settings."
        )
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(f"The store {label} could not be brought up to date: {error}.") from error
    except DBAPIError as error:
        raise StoreError(describe_error(label, error)) from error
