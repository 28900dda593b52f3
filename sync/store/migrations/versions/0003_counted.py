"""Add count records and plan history."""

from __future__ import annotations

from sync.store.migrations.helpers import create_index, create_table, numbers, texts, times

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    create_table(
        "counted",
        *numbers("id"),
        *texts("tracker", "issue_id", "key", "capability", "state", "team"),
        *texts("rule", optional=True),
        *times("since"),
        *texts("run_id", "began", "fingerprint"),
        *times("until", optional=True),
        *texts("ended", "ended_by", optional=True),
    )
    create_index("counted", "until")
    create_index("counted", "tracker", "issue_id")
    create_table("plan_history", *numbers("id"), *times("at"), *texts("run_id", "digest", "body", "names"))
