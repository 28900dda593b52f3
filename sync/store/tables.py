"""The tables, as the program sees them now. ``migrations/`` brings a store here; a test compares the two.

Here stand what was read, what was written and what people decided; ``tables_figures.py`` has what runs worked out.
A change needs a new migration, and ``HEAD`` in ``schema.py`` names the last one.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from sync.store.columns import Json, UtcTime, Words
from sync.store.tables_base import issue_columns, issue_key, metadata

store_facts = Table(
    "store_facts",
    metadata,
    Column("name", Words, primary_key=True),
    Column("at", UtcTime, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Words, primary_key=True),
    Column("run_id", Words, nullable=False),
    Column("holder", Words, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Words, primary_key=True),
    Column("command", Words, nullable=False),
    Column("options", Json, nullable=False),
    Column("started", UtcTime, nullable=False),
    Column("finished", UtcTime),
    Column("outcome", Words),
    Column("exit_code", Integer),
    Column("summary", Json, nullable=False),
    Column("holder", Words),
    Index(None, "started"),
)

sources = Table(
    "sources",
    metadata,
    Column("name", Words, primary_key=True),
    Column("tracker", Words, nullable=False),
    Column("definition_hash", Words, nullable=False),
    Column("watermark", UtcTime),
    Column("since", UtcTime),
    Column("etag", Words),
    Column("last_whole", UtcTime),
    Column("last_census", UtcTime),
    Column("held", Integer, nullable=False),
    Column("failing_since", UtcTime),
    Column("error", Words),
)

issues = Table(
    "issues",
    metadata,
    Column("tracker", Words, primary_key=True),
    Column("id", Words, primary_key=True),
    Column("key", Words, nullable=False),
    Column("container", Words, nullable=False),
    Column("status", Words, nullable=False),
    Column("category", Words),
    Column("updated", UtcTime, nullable=False),
    Column("payload", Json, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("first_labels", Json, nullable=False),
    Column("vanished", UtcTime),
    Column("reopened", Integer, nullable=False),
    Index(None, "tracker", "key"),
    # Which histories are stale is asked in every run, and answered without reading payloads.
    Index(None, "tracker", "id", "updated", "vanished"),
)

# A census may name an issue before it was ever read, hence no foreign key to issues.
memberships = Table(
    "memberships",
    metadata,
    Column("source", Words, primary_key=True),
    Column("tracker", Words, primary_key=True),
    Column("issue_id", Words, primary_key=True),
    Index(None, "tracker", "issue_id"),
)

issue_events = Table(
    "issue_events",
    metadata,
    Column("id", Integer, primary_key=True),
    *issue_columns(),
    Column("at", UtcTime, nullable=False),
    Column("kind", Words, nullable=False),
    Column("before", Json),
    Column("after", Json),
    Index(None, "tracker", "issue_id"),
)

# The tracker's own history of issues: what it says of their state.
issue_changes = Table(
    "issue_changes",
    metadata,
    Column("tracker", Words, primary_key=True),
    Column("issue_id", Words, primary_key=True),
    Column("change_id", Words, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("kind", Words, nullable=False),
    Column("before", Words, nullable=False),
    Column("after", Words, nullable=False),
    Column("before_id", Words, nullable=False),
    Column("after_id", Words, nullable=False),
    Column("resolution", Words),
)

# Up to which change of an issue, and for which labels, its history was read, and whether that is all of it.
issue_histories = Table(
    "issue_histories",
    metadata,
    Column("tracker", Words, primary_key=True),
    Column("issue_id", Words, primary_key=True),
    Column("read_for", UtcTime, nullable=False),
    Column("labels", Words, nullable=False),
    Column("whole", Integer, nullable=False),
    Column("face", Words, nullable=False),
)

history_marks = Table(
    "history_marks",
    metadata,
    Column("source", Words, primary_key=True),
    Column("mark", Words, nullable=False),
)

pushed_labels = Table(
    "pushed_labels",
    metadata,
    *issue_key(),
    Column("label", Words, primary_key=True),
    Column("run_id", Words, nullable=False),
    Column("at", UtcTime, nullable=False),
)

pushed_comments = Table(
    "pushed_comments",
    metadata,
    Column("subject", Words, primary_key=True),
    *issue_columns(),
    Column("comment_id", Words, nullable=False),
    Column("body", Words, nullable=False),
    Column("full_hash", Words, nullable=False),
    Column("urgent_hash", Words, nullable=False),
    Column("edited_at", UtcTime, nullable=False),
    Column("state", Words, nullable=False),
    Column("run_id", Words, nullable=False),
)

overrides = Table(
    "overrides",
    metadata,
    *issue_key(),
    Column("kind", Words, primary_key=True),
    Column("label", Words, primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("run_id", Words, nullable=False),
    Column("note", Words, nullable=False),
)

journal_entries = Table(
    "journal_entries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Words, nullable=False),
    Column("at", UtcTime, nullable=False),
    *issue_columns(),
    Column("op", Words, nullable=False),
    Column("payload", Json, nullable=False),
    Column("before", Json, nullable=False),
    Column("rule", Words),
    Column("why", Words, nullable=False),
    Column("account", Words),
    Index(None, "run_id"),
    Index(None, "tracker", "issue_id"),
)

# An entry may get several: `unknown` first, what really happened when it was found out.
journal_results = Table(
    "journal_results",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("entry_id", Integer, ForeignKey("journal_entries.id"), nullable=False),
    Column("outcome", Words, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("detail", Words, nullable=False),
    Column("after", Json),
    Index(None, "entry_id"),
)

cache = Table(
    "cache",
    metadata,
    Column("tracker", Words, primary_key=True),
    Column("key", Words, primary_key=True),
    Column("value", Json, nullable=False),
    Column("expires", UtcTime, nullable=False),
)

sent_writes = Table(
    "sent_writes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("credential", Words, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("content", Integer, nullable=False),
    Index(None, "credential", "at"),
)
