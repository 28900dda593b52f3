"""Add issue histories from the trackers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _words(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    op.create_table(
        "issue_changes",
        *(_words(name) for name in ("tracker", "issue_id", "change_id")),
        _time("at"),
        *(_words(name) for name in ("kind", "before", "after", "before_id", "after_id")),
        _words("resolution", nullable=True),
        sa.PrimaryKeyConstraint("tracker", "issue_id", "change_id", name="pk_issue_changes"),
    )
    op.create_table(
        "issue_histories",
        _words("tracker"),
        _words("issue_id"),
        _time("read_for"),
        _words("labels"),
        sa.Column("whole", sa.Integer(), nullable=False),
        _words("face"),
        sa.PrimaryKeyConstraint("tracker", "issue_id", name="pk_issue_histories"),
    )
    op.create_table(
        "history_marks",
        _words("source"),
        _words("mark"),
        sa.PrimaryKeyConstraint("source", name="pk_history_marks"),
    )
