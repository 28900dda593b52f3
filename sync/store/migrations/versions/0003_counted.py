"""Add count records and plan history."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _words(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _id() -> sa.Column[Any]:
    return sa.Column("id", sa.Integer(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "counted",
        _id(),
        *(_words(name) for name in ("tracker", "issue_id", "key", "capability", "state", "team")),
        _words("rule", nullable=True),
        _time("since"),
        *(_words(name) for name in ("run_id", "began", "fingerprint")),
        _time("until", nullable=True),
        *(_words(name, nullable=True) for name in ("ended", "ended_by")),
        sa.PrimaryKeyConstraint("id", name="pk_counted"),
    )
    op.create_index("ix_counted_until", "counted", ["until"])
    op.create_index("ix_counted_tracker_issue_id", "counted", ["tracker", "issue_id"])
    op.create_table(
        "plan_history",
        _id(),
        _time("at"),
        *(_words(name) for name in ("run_id", "digest", "body", "names")),
        sa.PrimaryKeyConstraint("id", name="pk_plan_history"),
    )


def downgrade() -> None:
    raise NotImplementedError("A store is not taken back to an older schema; put a backup in its place.")
