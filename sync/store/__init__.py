"""The memory of the program: issues, pushed state, people's decisions, journal, lease, figures.

SQLAlchemy Core on SQLite (a file, or memory) or PostgreSQL, with the same code for all three. ``tables.py``
says what is kept, ``migrations/`` how a store gets there; the other files are a topic each.
"""

from sync.model.records import (
    AssignmentRow,
    JournalRow,
    LeaseRow,
    Noticed,
    OverrideRow,
    PushedComment,
    PushedLabel,
    RunRow,
    SourceState,
)
from sync.store.codec import definition_hash
from sync.store.errors import LeaseHeld, LeaseLost, StoreError
from sync.store.open import open_store
from sync.store.snapshot_transfer import CARRIED, SnapshotRow, labels_now
from sync.store.snapshot_view import LOOKED_AT, CarriedStore, carried_store
from sync.store.store import Store

__all__ = [
    "CARRIED",
    "LOOKED_AT",
    "AssignmentRow",
    "CarriedStore",
    "JournalRow",
    "LeaseHeld",
    "LeaseLost",
    "LeaseRow",
    "Noticed",
    "OverrideRow",
    "PushedComment",
    "PushedLabel",
    "RunRow",
    "SnapshotRow",
    "SourceState",
    "Store",
    "StoreError",
    "carried_store",
    "definition_hash",
    "labels_now",
    "open_store",
]
