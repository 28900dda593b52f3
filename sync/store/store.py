"""The store as one object, made of its topics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from connectors.ports import Cache
from sync.store.cache import StoredCache
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
    """What the program remembers from run to run. Made by ``open_store``.

    Each method is one transaction and durable when it returns. All raise StoreError when the disk is full,
    the database is locked for too long, damaged or unreachable; nothing is half written then. Times go in
    aware and come back in UTC. May be used from several threads.
    """

    created_at: datetime
    """When this store was made (UTC)."""
    cache: Cache
    """Facts that belong to no tracker."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        super().__init__(database, now)
        with database.read() as connection:
            query = select(store_facts.c.at).where(store_facts.c.name == "born")
            self.created_at = connection.execute(query).scalar_one()
        self.cache = self.cache_for("")

    def cache_for(self, tracker: str) -> Cache:
        """The cache of one tracker; keys of different trackers do not meet."""
        return StoredCache(self._database, self._now, tracker)

    def size(self) -> int:
        """Bytes on the disk, or in memory."""
        return self._database.size()

    def close(self) -> None:
        """Give the connections back. The store is not used after this."""
        self._database.close()
