"""Tables of derived data: roll-ups, count records, plan history, forecasts. See ``tables.py``."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, UniqueConstraint

from sync.store.columns import Json, StorableText, UtcTime, issue_columns, issue_key, metadata

baselines = Table(
    "baselines",
    metadata,
    Column("capability", StorableText, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("refs", Json, nullable=False),
)

assignments = Table(
    "assignments",
    metadata,
    *issue_key(),
    Column("capability", StorableText),
    Column("rule", StorableText),
    Column("team", StorableText, nullable=False),
    Column("iteration", StorableText),
    Column("since", UtcTime, nullable=False),
    Column("run_id", StorableText, nullable=False),
)

assignment_history = Table(
    "assignment_history",
    metadata,
    Column("id", Integer, primary_key=True),
    *issue_columns(),
    Column("capability", StorableText),
    Column("rule", StorableText),
    Column("team", StorableText, nullable=False),
    Column("iteration", StorableText),
    Column("since", UtcTime, nullable=False),
    Column("run_id", StorableText, nullable=False),
    Index(None, "tracker", "issue_id"),
)

# The row with the empty subject stands for the roll-up as a whole and lists its subjects in order.
rollups = Table(
    "rollups",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", StorableText, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("subject", StorableText, nullable=False),
    Column("body", Json, nullable=False),
    UniqueConstraint("run_id", "subject"),
    Index(None, "subject", "at"),
)

# How each issue counted in a capability, from `since` until a run saw it differently; `until` is empty while it holds.
counted = Table(
    "counted",
    metadata,
    Column("id", Integer, primary_key=True),
    *issue_columns(),
    Column("capability", StorableText, nullable=False),
    Column("state", StorableText, nullable=False),
    Column("team", StorableText, nullable=False),
    Column("rule", StorableText),
    Column("since", UtcTime, nullable=False),
    Column("run_id", StorableText, nullable=False),
    Column("began", Json, nullable=False),
    Column("fingerprint", StorableText, nullable=False),
    Column("until", UtcTime),
    Column("ended", Json),
    Column("ended_by", StorableText),
    Index(None, "until"),
    Index(None, "tracker", "issue_id"),
)

plan_history = Table(
    "plan_history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("run_id", StorableText, nullable=False),
    Column("digest", StorableText, nullable=False),
    Column("body", Json, nullable=False),
    Column("names", Json, nullable=False),
)

# The latest forecast and health of each capability and goal, as displayed and as pending.
expectations = Table(
    "expectations",
    metadata,
    Column("subject", StorableText, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("body", Json, nullable=False),
)

# Backtests of forecasts on a team's own history; `digest` identifies that history.
backtests = Table(
    "backtests",
    metadata,
    Column("team", StorableText, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("digest", StorableText, nullable=False),
    Column("body", Json, nullable=False),
)

# Forecasts to be scored once `until` has passed; `closed` is empty before.
statements = Table(
    "statements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("subject", StorableText, nullable=False),
    Column("team", StorableText, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("body", Json, nullable=False),
    Column("closed", Integer),
    Column("of", Integer),
    Index(None, "subject", "at"),
)
