"""Add the ledger of writes by credential."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sent_writes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sent_writes"),
    )
    op.create_index("ix_sent_writes_credential_at", "sent_writes", ["credential", "at"])


def downgrade() -> None:
    raise NotImplementedError("A store is not taken back to an older schema; put a backup in its place.")
