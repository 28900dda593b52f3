"""The store, combined from its parts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from sync.store.counted_issues import CountedIssuesPart
from sync.store.expectations import ExpectationsPart
from sync.store.histories import HistoriesPart
from sync.store.issues import IssuesPart
from sync.store.journal import JournalPart
from sync.store.overrides import OverridesPart
from sync.store.pulls import PullsPart
from sync.store.pushed import PushedPart
from sync.store.rollups import RollupsPart
from sync.store.runs import LeasePart, RequestLedgerPart, RunsPart
from sync.store.snapshot_transfer import SnapshotTransferPart
from sync.store.sources import SourcesPart
from sync.store.tables import store_facts


class Store(
    LeasePart,
    RunsPart,
    SourcesPart,
    PullsPart,
    IssuesPart,
    HistoriesPart,
    PushedPart,
    OverridesPart,
    JournalPart,
    RollupsPart,
    RequestLedgerPart,
    CountedIssuesPart,
    ExpectationsPart,
    SnapshotTransferPart,
):
    """Everything that the program keeps between runs. Created by ``open_store``. Thread-safe.

    Each method is one transaction, durable when it returns. All raise StoreError if the disk is full or the database
    is locked for too long, damaged or unreachable, and then nothing is half written. Times are aware and returned in
    UTC.
    """

    @property
    def created_at(self) -> datetime:
        """Time at which the store was created (UTC)."""
        created: datetime = self._fetch_value(select(store_facts.c.at).where(store_facts.c.name == "born"))
        return created

    @property
    def is_read_only(self) -> bool:
        """True for a file that this account can look at, but not write."""
        return self._database.is_read_only

    def size(self) -> int:
        """Return the size in bytes."""
        return self._database.size()

    def close(self) -> None:
        """Close all connections. The store cannot be used afterwards."""
        self._database.close()
