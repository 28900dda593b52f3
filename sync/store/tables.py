"""All tables in their current form.

``migrations/`` brings stores here, and a test compares both. A change needs a new migration, whose id goes into
``HEAD`` in ``schema.py``.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, UniqueConstraint

from sync.store.columns import issue_columns, issue_key, jsons, keys, numbers, row_id, table, texts, times

store_facts = table("store_facts", *keys("name"), *times("at"))

leases = table("leases", *keys("name"), *texts("run_id", "holder"), *times("since", "expires"))

runs = table(
    "runs",
    *keys("id"),
    *texts("command"),
    *jsons("options"),
    *times("started"),
    *times("finished", optional=True),
    *texts("outcome", optional=True),
    *numbers("exit_code", optional=True),
    *jsons("summary"),
    *texts("holder", optional=True),
    Index(None, "started"),
)

sources = table(
    "sources",
    *keys("name"),
    *texts("tracker", "definition_hash"),
    *times("watermark", "since", optional=True),
    *texts("etag", optional=True),
    *times("last_whole", "last_census", optional=True),
    *numbers("held"),
    *times("failing_since", optional=True),
    *texts("error", optional=True),
)

issues = table(
    "issues",
    *keys("tracker", "id"),
    *texts("key", "container", "status"),
    *texts("category", optional=True),
    *times("updated"),
    *jsons("payload"),
    *times("first_seen"),
    *jsons("first_labels"),
    *times("vanished", optional=True),
    *numbers("reopened"),
    Index(None, "tracker", "key"),
    # Every run looks for stale histories; this index answers without reading payloads.
    Index(None, "tracker", "id", "updated", "vanished"),
)

# A census may name an issue before it was ever read, hence no foreign key to issues.
memberships = table("memberships", *keys("source", "tracker", "issue_id"), Index(None, "tracker", "issue_id"))

issue_events = table(
    "issue_events",
    row_id(),
    *issue_columns(),
    *times("at"),
    *texts("kind"),
    *jsons("before", "after", optional=True),
    Index(None, "tracker", "issue_id"),
)

# Changes of issues from the tracker's own history.
issue_changes = table(
    "issue_changes",
    *keys("tracker", "issue_id", "change_id"),
    *times("at"),
    *texts("kind", "before", "after", "before_id", "after_id"),
    *texts("resolution", optional=True),
)

# The change up to which the history of an issue was read, for which labels, and whether it is complete.
issue_histories = table(
    "issue_histories",
    *keys("tracker", "issue_id"),
    *times("read_for"),
    *texts("labels"),
    *numbers("whole"),
    *texts("face"),
)

history_marks = table("history_marks", *keys("source"), *texts("mark"))

pushed_labels = table("pushed_labels", *issue_key(), *keys("label"), *texts("run_id"), *times("at"))

pushed_comments = table(
    "pushed_comments",
    *keys("subject"),
    *issue_columns(),
    *texts("comment_id", "body", "full_hash", "urgent_hash"),
    *times("edited_at"),
    *texts("state", "run_id"),
)

overrides = table(
    "overrides", *issue_key(), *keys("kind", "label"), *times("since"), *texts("run_id", "note")
)

journal_entries = table(
    "journal_entries",
    row_id(),
    *texts("run_id"),
    *times("at"),
    *issue_columns(),
    *texts("op"),
    *jsons("payload", "before"),
    *texts("rule", optional=True),
    *texts("why"),
    *texts("account", optional=True),
    Index(None, "run_id"),
    Index(None, "tracker", "issue_id"),
)

# An entry may have several results: `unknown` first, then the real one once it was found out.
journal_results = table(
    "journal_results",
    row_id(),
    Column("entry_id", Integer, ForeignKey("journal_entries.id"), nullable=False),
    *texts("outcome"),
    *times("at"),
    *texts("detail"),
    *jsons("after", optional=True),
    Index(None, "entry_id"),
)

cache = table("cache", *keys("tracker", "key"), *jsons("value"), *times("expires"))

sent_writes = table(
    "sent_writes",
    row_id(),
    *texts("credential"),
    *times("at"),
    *numbers("content"),
    Index(None, "credential", "at"),
)

baselines = table("baselines", *keys("capability"), *times("at"), *jsons("refs"))

assignments = table(
    "assignments",
    *issue_key(),
    *texts("capability", "rule", optional=True),
    *texts("team"),
    *texts("iteration", optional=True),
    *times("since"),
    *texts("run_id"),
)

assignment_history = table(
    "assignment_history",
    row_id(),
    *issue_columns(),
    *texts("capability", "rule", optional=True),
    *texts("team"),
    *texts("iteration", optional=True),
    *times("since"),
    *texts("run_id"),
    Index(None, "tracker", "issue_id"),
)

# The row with the empty subject stands for the roll-up as a whole and lists its subjects in order.
rollups = table(
    "rollups",
    row_id(),
    *texts("run_id"),
    *times("at"),
    *texts("subject"),
    *jsons("body"),
    UniqueConstraint("run_id", "subject"),
    Index(None, "subject", "at"),
)

# How each issue counted in a capability, from `since` until a run saw it differently; `until` is empty while it holds.
counted = table(
    "counted",
    row_id(),
    *issue_columns(),
    *texts("capability", "state", "team"),
    *texts("rule", optional=True),
    *times("since"),
    *texts("run_id"),
    *jsons("began"),
    *texts("fingerprint"),
    *times("until", optional=True),
    *jsons("ended", optional=True),
    *texts("ended_by", optional=True),
    Index(None, "until"),
    Index(None, "tracker", "issue_id"),
)

plan_history = table(
    "plan_history", row_id(), *times("at"), *texts("run_id", "digest"), *jsons("body", "names")
)

# The latest forecast and health of each capability and goal, as displayed and as pending.
expectations = table("expectations", *keys("subject"), *times("at"), *jsons("body"))

# Backtests of forecasts on a team's own history; `digest` identifies that history.
backtests = table("backtests", *keys("team"), *times("at"), *texts("digest"), *jsons("body"))

# Forecasts to be scored once `until` has passed; `closed` is empty before.
statements = table(
    "statements",
    row_id(),
    *texts("subject", "team"),
    *times("at", "until"),
    *jsons("body"),
    *numbers("closed", "of", optional=True),
    Index(None, "subject", "at"),
)
