"""The store, combined from its parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from sync.store.counted_issues import CountedIssuesPart
from sync.store.database import Database
from sync.store.expectations import ExpectationsPart
from sync.store.histories import HistoriesPart
from sync.store.issues import IssuesPart
from sync.store.journal import JournalPart
from sync.store.lease import LeasePart
from sync.store.overrides import OverridesPart
from sync.store.pulls import PullsPart
from sync.store.pushed import PushedPart
from sync.store.request_ledger import RequestLedgerPart
from sync.store.rollups import RollupsPart
from sync.store.runs import RunsPart
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

    created_at: datetime
    """Time at which the store was created (UTC)."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        super().__init__(database, now)
        with database.read() as connection:
            query = select(store_facts.c.at).where(store_facts.c.name == "born")
            self.created_at = connection.execute(query).scalar_one()

    def size(self) -> int:
        """Return the size in bytes."""
        return self._database.size()

    def close(self) -> None:
        """Close all connections. The store cannot be used afterwards."""
        self._database.close()
