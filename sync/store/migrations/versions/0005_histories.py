"""Add issue histories from the trackers."""

from __future__ import annotations

from sync.store.migrations.helpers import create_table, numbers, texts, times

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    key = ("tracker", "issue_id", "change_id")
    create_table(
        "issue_changes",
        *texts(*key),
        *times("at"),
        *texts("kind", "before", "after", "before_id", "after_id"),
        *texts("resolution", optional=True),
        key=key,
    )
    create_table(
        "issue_histories",
        *texts("tracker", "issue_id"),
        *times("read_for"),
        *texts("labels"),
        *numbers("whole"),
        *texts("face"),
        key=("tracker", "issue_id"),
    )
    create_table("history_marks", *texts("source", "mark"), key=("source",))
