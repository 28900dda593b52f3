"""Add expectations, backtests and statements of forecasts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _words(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    op.create_table(
        "expectations",
        _words("subject"),
        _time("at"),
        _words("body"),
        sa.PrimaryKeyConstraint("subject", name="pk_expectations"),
    )
    op.create_table(
        "backtests",
        _words("team"),
        _time("at"),
        *(_words(name) for name in ("digest", "body")),
        sa.PrimaryKeyConstraint("team", name="pk_backtests"),
    )
    op.create_table(
        "statements",
        sa.Column("id", sa.Integer(), nullable=False),
        *(_words(name) for name in ("subject", "team")),
        *(_time(name) for name in ("at", "until")),
        _words("body"),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in ("closed", "of")),
        sa.PrimaryKeyConstraint("id", name="pk_statements"),
    )
    op.create_index("ix_statements_subject_at", "statements", ["subject", "at"])
