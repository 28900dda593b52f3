"""Store: everything that the program keeps between runs, in SQLite or PostgreSQL.

The same SQLAlchemy Core code serves an SQLite file, SQLite in memory, and PostgreSQL. ``tables.py`` defines the
tables, ``migrations/`` brings existing stores up to date, and each part of ``Store`` has a module of its own.

=============  ========================================================================================
part           the methods of ``Store`` for one topic, such as overrides or the journal
record         a row as a frozen value (``sync.model.records``)
membership     the fact that an issue belongs to a source
watermark      time up to which a source was read; valid for one definition of the source
event          a change of an issue that was noticed between two reads
pushed state   labels and comments as we last wrote them
journal        all writes, recorded before they are sent, and their results
lease          a row with an expiry, behind the run lock
count record   how an issue counted in a capability, from when to when
cache          small JSON values with an expiry
snapshot       an export of the store without journal, watermarks and secrets
snapshot view  a store that reads from a snapshot
=============  ========================================================================================
"""

from sync.model.records import JournalEntry, OverrideRecord, PushedCommentRecord
from sync.store.errors import LeaseHeld, LeaseLost, StoreError
from sync.store.open import open_store
from sync.store.snapshot_transfer import SnapshotRow, current_labels
from sync.store.store import Store

__all__ = [
    "JournalEntry",
    "LeaseHeld",
    "LeaseLost",
    "OverrideRecord",
    "PushedCommentRecord",
    "SnapshotRow",
    "Store",
    "StoreError",
    "current_labels",
    "open_store",
]
