"""The memory of the program: issues, pushed state, people's decisions, journal, lease, figures.

SQLAlchemy Core on SQLite (a file, or memory) or PostgreSQL, with the same code for all three. ``tables.py``
says what is kept, ``migrations/`` how a store gets there; the other files are a topic each.
"""

from sync.model.records import (
    AssignmentRecord,
    IssueEvent,
    JournalEntry,
    LeaseRecord,
    OverrideRecord,
    PushedCommentRecord,
    PushedLabelRecord,
    RunRecord,
    SourceState,
)
from sync.store.codec import source_definition_hash
from sync.store.errors import LeaseHeld, LeaseLost, StoreError
from sync.store.open import open_store
from sync.store.snapshot_transfer import SNAPSHOT_TABLE_NAMES, SnapshotRow, current_labels
from sync.store.snapshot_view import VIEW_TABLE_NAMES, SnapshotView, open_snapshot_view
from sync.store.store import Store

__all__ = [
    "SNAPSHOT_TABLE_NAMES",
    "VIEW_TABLE_NAMES",
    "AssignmentRecord",
    "IssueEvent",
    "JournalEntry",
    "LeaseHeld",
    "LeaseLost",
    "LeaseRecord",
    "OverrideRecord",
    "PushedCommentRecord",
    "PushedLabelRecord",
    "RunRecord",
    "SnapshotRow",
    "SnapshotView",
    "SourceState",
    "Store",
    "StoreError",
    "current_labels",
    "open_snapshot_view",
    "open_store",
    "source_definition_hash",
]
