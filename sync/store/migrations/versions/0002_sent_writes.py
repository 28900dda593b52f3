"""Add the ledger of writes by credential."""

from __future__ import annotations

from sync.store.migrations.helpers import create_index, create_table, numbers, texts, times

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    create_table("sent_writes", *numbers("id"), *texts("credential"), *times("at"), *numbers("content"))
    create_index("sent_writes", "credential", "at")
