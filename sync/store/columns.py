"""Metadata, column types that behave alike on SQLite and PostgreSQL, and the columns of an issue."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Column, DateTime, Dialect, MetaData, Text
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


def issue_key() -> tuple[Column[str], Column[str], Column[str]]:
    """Return the columns of an ``IssueRef`` as primary key. Tracker and id identify; the key is the latest address."""
    return (
        Column("tracker", StorableText, primary_key=True),
        Column("issue_id", StorableText, primary_key=True),
        Column("key", StorableText, nullable=False),
    )


def issue_columns() -> tuple[Column[str], Column[str], Column[str]]:
    """Return the columns of an ``IssueRef`` that a row is about."""
    return (
        Column("tracker", StorableText, nullable=False),
        Column("issue_id", StorableText, nullable=False),
        Column("key", StorableText, nullable=False),
    )
