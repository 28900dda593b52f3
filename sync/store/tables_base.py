"""Metadata and issue columns that all tables share."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, MetaData

from sync.store.columns import StorableText

metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)
"""Complete once ``sync.store`` is imported, which imports all tables."""


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
