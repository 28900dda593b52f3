"""Metadata, column types that behave alike on SQLite and PostgreSQL, and short forms to define columns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Column, DateTime, Dialect, Integer, MetaData, Table, Text
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator

from sync.store.codec import dump_json, load_json, storable_text

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
"""Complete once ``sync.store`` is imported, which imports all tables."""


class UtcTime(TypeDecorator[datetime]):
    """Aware datetime, stored and returned in UTC. Naive ones are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone cannot be stored: {value!r}")
        in_utc = value.astimezone(UTC)
        return in_utc.replace(tzinfo=None) if dialect.name == "sqlite" else in_utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class StorableText(TypeDecorator[str]):
    """Text of any length without characters that a database refuses."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else storable_text(value)


class Json(TypeDecorator[Any]):
    """JSON value as compact text; None is SQL NULL. Keeps the order of keys, which JSONB does not."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else dump_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else load_json(value)


def table(name: str, *items: SchemaItem) -> Table:
    """Define a table of the store."""
    return Table(name, metadata, *items)


def keys(*names: str) -> list[Column[Any]]:
    """Return text columns that belong to the primary key."""
    return [Column(name, StorableText, primary_key=True) for name in names]


def row_id() -> Column[int]:
    """Return the primary key of tables whose rows are numbered by the database."""
    return Column("id", Integer, primary_key=True)


def texts(*names: str, optional: bool = False) -> list[Column[Any]]:
    """Return text columns."""
    return [Column(name, StorableText, nullable=optional) for name in names]


def times(*names: str, optional: bool = False) -> list[Column[Any]]:
    """Return columns of aware times."""
    return [Column(name, UtcTime, nullable=optional) for name in names]


def numbers(*names: str, optional: bool = False) -> list[Column[Any]]:
    """Return integer columns."""
    return [Column(name, Integer, nullable=optional) for name in names]


def jsons(*names: str, optional: bool = False) -> list[Column[Any]]:
    """Return columns of JSON values."""
    return [Column(name, Json, nullable=optional) for name in names]


def issue_key() -> list[Column[Any]]:
    """Return the columns of an ``IssueRef`` as primary key. Tracker and id identify; the key is the latest address."""
    return [*keys("tracker", "issue_id"), *texts("key")]


def issue_columns() -> list[Column[Any]]:
    """Return the columns of an ``IssueRef`` that a row is about."""
    return texts("tracker", "issue_id", "key")
