"""Add the holder of a run and the account of a journal entry."""

from __future__ import annotations

from alembic import op

from sync.store.migrations.helpers import texts

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("runs", *texts("holder", optional=True))
    op.add_column("journal_entries", *texts("account", optional=True))
