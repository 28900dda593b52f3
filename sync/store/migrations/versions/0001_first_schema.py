"""Create the first schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from sync.store.migrations.helpers import create_index, create_table, numbers, texts, times

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_run_tables()
    _create_issue_tables()
    _create_pushed_tables()
    _create_journal_tables()
    _create_result_tables()


def _create_run_tables() -> None:
    create_table("store_facts", *texts("name"), *times("at"), key=("name",))
    create_table("leases", *texts("name", "run_id", "holder"), *times("since", "expires"), key=("name",))
    create_table(
        "runs",
        *texts("id", "command", "options"),
        *times("started"),
        *times("finished", optional=True),
        *texts("outcome", optional=True),
        *numbers("exit_code", optional=True),
        *texts("summary"),
    )
    create_index("runs", "started")
    create_table("cache", *texts("tracker", "key", "value"), *times("expires"), key=("tracker", "key"))


def _create_issue_tables() -> None:
    create_table(
        "sources",
        *texts("name", "tracker", "definition_hash"),
        *times("watermark", "since", optional=True),
        *texts("etag", optional=True),
        *times("last_whole", "last_census", optional=True),
        *numbers("held"),
        *times("failing_since", optional=True),
        *texts("error", optional=True),
        key=("name",),
    )
    create_table(
        "issues",
        *texts("tracker", "id", "key", "container", "status"),
        *texts("category", optional=True),
        *times("updated"),
        *texts("payload"),
        *times("first_seen"),
        *texts("first_labels"),
        *times("vanished", optional=True),
        *numbers("reopened"),
        key=("tracker", "id"),
    )
    create_index("issues", "tracker", "key")
    names = ("source", "tracker", "issue_id")
    create_table("memberships", *texts(*names), key=names)
    create_index("memberships", "tracker", "issue_id")
    create_table(
        "issue_events",
        *numbers("id"),
        *texts("tracker", "issue_id", "key"),
        *times("at"),
        *texts("kind"),
        *texts("before", "after", optional=True),
    )
    create_index("issue_events", "tracker", "issue_id")


def _create_pushed_tables() -> None:
    create_table(
        "pushed_labels",
        *texts("tracker", "issue_id", "key", "label", "run_id"),
        *times("at"),
        key=("tracker", "issue_id", "label"),
    )
    create_table(
        "pushed_comments",
        *texts("subject", "tracker", "issue_id", "key", "comment_id", "body", "full_hash", "urgent_hash"),
        *times("edited_at"),
        *texts("state", "run_id"),
        key=("subject",),
    )
    create_table(
        "overrides",
        *texts("tracker", "issue_id", "key", "kind", "label"),
        *times("since"),
        *texts("run_id", "note"),
        key=("tracker", "issue_id", "kind", "label"),
    )


def _create_journal_tables() -> None:
    create_table(
        "journal_entries",
        *numbers("id"),
        *texts("run_id"),
        *times("at"),
        *texts("tracker", "issue_id", "key", "op", "payload", "before"),
        *texts("rule", optional=True),
        *texts("why"),
    )
    create_index("journal_entries", "run_id")
    create_index("journal_entries", "tracker", "issue_id")
    create_table(
        "journal_results",
        *numbers("id", "entry_id"),
        *texts("outcome"),
        *times("at"),
        *texts("detail"),
        *texts("after", optional=True),
        sa.ForeignKeyConstraint(["entry_id"], ["journal_entries.id"], name="fk_journal_results_entry_id"),
    )
    create_index("journal_results", "entry_id")


def _create_result_tables() -> None:
    create_table("assignments", *_assignment_columns(), key=("tracker", "issue_id"))
    create_table("assignment_history", *numbers("id"), *_assignment_columns())
    create_index("assignment_history", "tracker", "issue_id")
    create_table("baselines", *texts("capability"), *times("at"), *texts("refs"), key=("capability",))
    create_table(
        "rollups",
        *numbers("id"),
        *texts("run_id"),
        *times("at"),
        *texts("subject", "body"),
        sa.UniqueConstraint("run_id", "subject", name="uq_rollups_run_id_subject"),
    )
    create_index("rollups", "subject", "at")


def _assignment_columns() -> list[sa.Column[Any]]:
    return [
        *texts("tracker", "issue_id", "key"),
        *texts("capability", "rule", optional=True),
        *texts("team"),
        *texts("iteration", optional=True),
        *times("since"),
        *texts("run_id"),
    ]
