"""Tables of issues, pushed state, overrides and journal in their current form.

``tables_results.py`` has the tables of derived data. ``migrations/`` brings stores here, and a test compares both. A
change needs a new migration, whose id goes into ``HEAD`` in ``schema.py``.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from sync.store.columns import Json, StorableText, UtcTime, issue_columns, issue_key, metadata

store_facts = Table(
    "store_facts",
    metadata,
    Column("name", StorableText, primary_key=True),
    Column("at", UtcTime, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", StorableText, primary_key=True),
    Column("run_id", StorableText, nullable=False),
    Column("holder", StorableText, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", StorableText, primary_key=True),
    Column("command", StorableText, nullable=False),
    Column("options", Json, nullable=False),
    Column("started", UtcTime, nullable=False),
    Column("finished", UtcTime),
    Column("outcome", StorableText),
    Column("exit_code", Integer),
    Column("summary", Json, nullable=False),
    Column("holder", StorableText),
    Index(None, "started"),
)

sources = Table(
    "sources",
    metadata,
    Column("name", StorableText, primary_key=True),
    Column("tracker", StorableText, nullable=False),
    Column("definition_hash", StorableText, nullable=False),
    Column("watermark", UtcTime),
    Column("since", UtcTime),
    Column("etag", StorableText),
    Column("last_whole", UtcTime),
    Column("last_census", UtcTime),
    Column("held", Integer, nullable=False),
    Column("failing_since", UtcTime),
    Column("error", StorableText),
)

issues = Table(
    "issues",
    metadata,
    Column("tracker", StorableText, primary_key=True),
    Column("id", StorableText, primary_key=True),
    Column("key", StorableText, nullable=False),
    Column("container", StorableText, nullable=False),
    Column("status", StorableText, nullable=False),
    Column("category", StorableText),
    Column("updated", UtcTime, nullable=False),
    Column("payload", Json, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("first_labels", Json, nullable=False),
    Column("vanished", UtcTime),
    Column("reopened", Integer, nullable=False),
    Index(None, "tracker", "key"),
    # Every run looks for stale histories; this index answers without reading payloads.
    Index(None, "tracker", "id", "updated", "vanished"),
)

# A census may name an issue before it was ever read, hence no foreign key to issues.
memberships = Table(
    "memberships",
    metadata,
    Column("source", StorableText, primary_key=True),
    Column("tracker", StorableText, primary_key=True),
    Column("issue_id", StorableText, primary_key=True),
    Index(None, "tracker", "issue_id"),
)

issue_events = Table(
    "issue_events",
    metadata,
    Column("id", Integer, primary_key=True),
    *issue_columns(),
    Column("at", UtcTime, nullable=False),
    Column("kind", StorableText, nullable=False),
    Column("before", Json),
    Column("after", Json),
    Index(None, "tracker", "issue_id"),
)

# Changes of issues from the tracker's own history.
issue_changes = Table(
    "issue_changes",
    metadata,
    Column("tracker", StorableText, primary_key=True),
    Column("issue_id", StorableText, primary_key=True),
    Column("change_id", StorableText, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("kind", StorableText, nullable=False),
    Column("before", StorableText, nullable=False),
    Column("after", StorableText, nullable=False),
    Column("before_id", StorableText, nullable=False),
    Column("after_id", StorableText, nullable=False),
    Column("resolution", StorableText),
)

# The change up to which the history of an issue was read, for which labels, and whether it is complete.
issue_histories = Table(
    "issue_histories",
    metadata,
    Column("tracker", StorableText, primary_key=True),
    Column("issue_id", StorableText, primary_key=True),
    Column("read_for", UtcTime, nullable=False),
    Column("labels", StorableText, nullable=False),
    Column("whole", Integer, nullable=False),
    Column("face", StorableText, nullable=False),
)

history_marks = Table(
    "history_marks",
    metadata,
    Column("source", StorableText, primary_key=True),
    Column("mark", StorableText, nullable=False),
)

pushed_labels = Table(
    "pushed_labels",
    metadata,
    *issue_key(),
    Column("label", StorableText, primary_key=True),
    Column("run_id", StorableText, nullable=False),
    Column("at", UtcTime, nullable=False),
)

pushed_comments = Table(
    "pushed_comments",
    metadata,
    Column("subject", StorableText, primary_key=True),
    *issue_columns(),
    Column("comment_id", StorableText, nullable=False),
    Column("body", StorableText, nullable=False),
    Column("full_hash", StorableText, nullable=False),
    Column("urgent_hash", StorableText, nullable=False),
    Column("edited_at", UtcTime, nullable=False),
    Column("state", StorableText, nullable=False),
    Column("run_id", StorableText, nullable=False),
)

overrides = Table(
    "overrides",
    metadata,
    *issue_key(),
    Column("kind", StorableText, primary_key=True),
    Column("label", StorableText, primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("run_id", StorableText, nullable=False),
    Column("note", StorableText, nullable=False),
)

journal_entries = Table(
    "journal_entries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", StorableText, nullable=False),
    Column("at", UtcTime, nullable=False),
    *issue_columns(),
    Column("op", StorableText, nullable=False),
    Column("payload", Json, nullable=False),
    Column("before", Json, nullable=False),
    Column("rule", StorableText),
    Column("why", StorableText, nullable=False),
    Column("account", StorableText),
    Index(None, "run_id"),
    Index(None, "tracker", "issue_id"),
)

# An entry may have several results: `unknown` first, then the real one once it was found out.
journal_results = Table(
    "journal_results",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("entry_id", Integer, ForeignKey("journal_entries.id"), nullable=False),
    Column("outcome", StorableText, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("detail", StorableText, nullable=False),
    Column("after", Json),
    Index(None, "entry_id"),
)

cache = Table(
    "cache",
    metadata,
    Column("tracker", StorableText, primary_key=True),
    Column("key", StorableText, primary_key=True),
    Column("value", Json, nullable=False),
    Column("expires", UtcTime, nullable=False),
)

sent_writes = Table(
    "sent_writes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("credential", StorableText, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("content", Integer, nullable=False),
    Index(None, "credential", "at"),
)
