"""Migrations lead to the tables that the program expects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect

from sync.store import StoreError, open_store
from sync.store.columns import metadata
from sync.store.schema import HEAD, current_revision, run_migrations
from tests.support.postgres import new_database
from tests.support.store_world import Clock


def engine_for(url: str) -> Engine:
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Two empty places."""
    if request.param == "postgresql":
        return new_database(), new_database()
    return f"sqlite:///{tmp_path}/migrated.db", f"sqlite:///{tmp_path}/made.db"


def described(connection: Connection) -> dict[str, Any]:
    """Everything that a database says about its tables."""
    found = inspect(connection)
    names = sorted(found.get_table_names())
    return {
        name: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in found.get_columns(name)
            },
            "key": found.get_pk_constraint(name),
            "foreign": found.get_foreign_keys(name),
            "unique": found.get_unique_constraints(name),
            "indexes": sorted(found.get_indexes(name), key=lambda index: str(index["name"])),
        }
        for name in names
    }


def test_a_migrated_store_equals_the_tables(urls: tuple[str, str]) -> None:
    migrated, made = urls
    open_store(made, now=Clock()).close()
    expected, real = engine_for(made), engine_for(migrated)
    with expected.begin() as connection:
        tables = described(connection)
    with real.begin() as connection:
        run_migrations(connection, migrated)
        assert current_revision(connection) == HEAD
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert described(connection) == tables
    assert sorted(tables) == sorted([*metadata.tables, "alembic_version"])
    for engine in (expected, real):
        engine.dispose()


def test_head_is_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "sync.store:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_a_migration_that_fails_leaves_nothing_behind(urls: tuple[str, str]) -> None:
    url, _ = urls
    engine = engine_for(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE rollups (other text)")
    with pytest.raises(StoreError, match=r"rollups.* already exists"):
        open_store(url, now=Clock())
    with engine.begin() as connection:
        assert inspect(connection).get_table_names() == ["rollups"]
        connection.exec_driver_sql("DROP TABLE rollups")
    engine.dispose()
    open_store(url, now=Clock()).close()


def test_old_store_is_migrated_without_loss(urls: tuple[str, str]) -> None:
    url, _ = urls
    engine = engine_for(url)
    config = Config()
    config.set_main_option("script_location", "sync.store:migrations")
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO runs (id, command, options, started, summary) "
            "VALUES ('r1', 'run', '{}', '2026-11-20 09:00:00', '{}')"
        )
    engine.dispose()
    store = open_store(url, now=Clock())
    assert [row.id for row in store.recent_runs()] == ["r1"]
    with store._database.read() as connection:
        assert current_revision(connection) == HEAD
    store.close()
