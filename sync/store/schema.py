"""Schema version of a store, creation and migration."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, create_mock_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from sync.store.columns import metadata
from sync.store.database import Database, describe_error, upsert
from sync.store.errors import StoreError
from sync.store.tables import store_facts

HEAD: Final = "0007"
"""The last migration. Known here so that opening an up-to-date store does not import Alembic."""

_MIGRATION_LOCK: Final = 7_302_118_664_019_205
"""Key of the PostgreSQL advisory lock; any number that no other program on the server uses."""


_CREATE_VERSION_TABLE: Final = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
"""
"""The table as Alembic creates it."""


def migrate_to_head(database: Database, at: datetime) -> None:
    """Create or migrate the schema in one transaction, unless it is at HEAD.

    Raises StoreError if it is newer than the program, if it has to be migrated and is read-only, or if a migration
    fails, which changes nothing.
    """
    with database.read() as connection:
        found = current_revision(connection)
    if found == HEAD:
        return
    if database.is_read_only:
        raise StoreError(
            f"The store {database.label} has an older format and is read-only, so it cannot be updated. Run "
            "`increment-sync doctor` once with an account that may write it."
        )
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})
        found = current_revision(connection)
        if found != HEAD:  # another process may have migrated while this one waited for the lock
            if found is None:
                _create_schema(connection, database.label)
            else:
                run_migrations(connection, database.label)
            upsert(connection, store_facts, [{"name": "born", "at": at}])


def current_revision(connection: Connection) -> str | None:
    """Return the migration of a store; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _create_schema(connection: Connection, label: str) -> None:
    """Create all tables at once, ten times as fast as by migrations. A test compares the results."""
    try:
        for statement in (*_create_statements(connection.engine.url.drivername), _CREATE_VERSION_TABLE):
            connection.exec_driver_sql(statement)
        connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
    except DBAPIError as error:
        raise StoreError(describe_error(label, error)) from error


@cache
def _create_statements(driver: str) -> tuple[str, ...]:
    """Return the DDL of all tables. Cached: SQLAlchemy takes longer to write it than a database to run it."""
    statements: list[str] = []

    def collect(element: Any, *_: Any, **__: Any) -> None:
        statements.append(str(element.compile(dialect=mock.dialect)))

    mock = create_mock_engine(f"{driver}://", collect)
    metadata.create_all(mock, checkfirst=False)
    return tuple(statements)


def run_migrations(connection: Connection, label: str) -> None:
    """Run every migration up to HEAD. Raises StoreError like ``migrate_to_head``."""
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
        raise StoreError(f"The store {label} could not be migrated: {error}.") from error
    except DBAPIError as error:
        raise StoreError(describe_error(label, error)) from error
