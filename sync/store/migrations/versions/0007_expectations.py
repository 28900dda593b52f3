"""Add expectations, backtests and statements of forecasts."""

from __future__ import annotations

from sync.store.migrations.helpers import create_index, create_table, numbers, texts, times

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    create_table("expectations", *texts("subject"), *times("at"), *texts("body"), key=("subject",))
    create_table("backtests", *texts("team"), *times("at"), *texts("digest", "body"), key=("team",))
    create_table(
        "statements",
        *numbers("id"),
        *texts("subject", "team"),
        *times("at", "until"),
        *texts("body"),
        *numbers("closed", "of", optional=True),
    )
    create_index("statements", "subject", "at")
