"""Add the holder of a run and the account of a journal entry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("holder", sa.Text(), nullable=True))
    op.add_column("journal_entries", sa.Column("account", sa.Text(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("A store is not taken back to an older schema; put a backup in its place.")
