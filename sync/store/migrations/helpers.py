"""Short forms for migrations. Not to be changed: each migration has to lead to the same schema for ever."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op


def texts(*names: str, optional: bool = False) -> list[sa.Column[Any]]:
    """Return text columns."""
    return [sa.Column(name, sa.Text(), nullable=optional) for name in names]


def times(*names: str, optional: bool = False) -> list[sa.Column[Any]]:
    """Return columns of times with a zone."""
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=optional) for name in names]


def numbers(*names: str, optional: bool = False) -> list[sa.Column[Any]]:
    """Return integer columns."""
    return [sa.Column(name, sa.Integer(), nullable=optional) for name in names]


def create_table(name: str, *items: sa.schema.SchemaItem, key: tuple[str, ...] = ("id",)) -> None:
    """Create a table with a primary key."""
    op.create_table(name, *items, sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"))


def create_index(table: str, *columns: str) -> None:
    """Create an index."""
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
