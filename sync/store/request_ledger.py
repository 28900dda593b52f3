"""Ledger of writes: what each credential sent in the last hour, across all runs on this store."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, insert, select

from sync.store.base import StorePart
from sync.store.tables import sent_writes

_RETENTION: Final = timedelta(hours=1)
"""Longest period of a tracker's rate limit."""


class RequestLedgerPart(StorePart):
    """Implements ``connectors.http.rate_limiter.WriteLedger``."""

    def writes_since(self, credential: str, since: datetime) -> list[tuple[datetime, bool]]:
        """Return (time, creates content) of a credential's writes after ``since``, oldest first."""
        query = (
            select(sent_writes.c.at, sent_writes.c.content)
            .where(sent_writes.c.credential == credential, sent_writes.c.at > since)
            .order_by(sent_writes.c.at, sent_writes.c.id)
        )
        return [(row["at"], bool(row["content"])) for row in self._fetch_rows(query)]

    def record_write(self, credential: str, at: datetime, *, content: bool) -> None:
        """Record a write before it is sent, and delete entries older than an hour.

        ``credential`` holds no secret.
        """
        outdated = (sent_writes.c.credential == credential, sent_writes.c.at <= at - _RETENTION)
        with self._database.write() as connection:
            connection.execute(delete(sent_writes).where(*outdated))
            connection.execute(insert(sent_writes).values(credential=credential, at=at, content=int(content)))
