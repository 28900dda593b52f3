"""Records of runs, the lease behind the run lock, and the ledger of writes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, insert, not_, or_, select, update

from sync.model.records import LeaseRecord, RunRecord
from sync.store.base import StorePart
from sync.store.database import insert_statement
from sync.store.errors import LeaseHeld, LeaseLost, StoreError
from sync.store.tables import journal_entries, leases, rollups, runs, sent_writes

IDLE_RUN_RETENTION: Final = timedelta(days=30)
_WRITE_RETENTION: Final = timedelta(hours=1)
"""Longest period of a tracker's rate limit."""
_LEASE_NAME: Final = "run"
_MAX_ATTEMPTS: Final = 5


def _is_idle() -> ColumnElement[bool]:
    """Return the condition that a run left no trace and is not the last success of its command."""
    traces = [
        select(table.c.run_id).where(table.c.run_id == runs.c.id).correlate(runs).exists()
        for table in (journal_entries, rollups)
    ]
    other = runs.alias()
    last = select(func.max(other.c.finished)).where(other.c.command == runs.c.command, other.c.exit_code == 0)
    success = and_(runs.c.exit_code == 0, runs.c.finished == last.correlate(runs).scalar_subquery())
    return not_(or_(*traces, func.coalesce(success, False)))


class RunsPart(StorePart):
    def start_run(
        self, run_id: str, command: str, options: Mapping[str, Any], holder: str | None = None
    ) -> None:
        """Record the start of a run, now. ``options`` are JSON values without secrets; ``holder`` names the process."""
        started = {"id": run_id, "command": command, "options": dict(options), "started": self._now()}
        self._write(insert(runs).values(**started, summary={}, holder=holder))

    def finish_run(self, run_id: str, outcome: str, exit_code: int, summary: Mapping[str, Any]) -> None:
        """Record the end of a run, now. ``summary`` is a JSON object.

        Also deletes runs older than ``IDLE_RUN_RETENTION`` that wrote nothing and saved no roll-up, of which a crontab
        makes 35,000 a year. The last success of each command stays.
        """
        now = self._now()
        values = {"finished": now, "outcome": outcome, "exit_code": exit_code, "summary": dict(summary)}
        with self._database.write() as connection:
            connection.execute(update(runs).where(runs.c.id == run_id).values(values))
            connection.execute(delete(runs).where(runs.c.started < now - IDLE_RUN_RETENTION, _is_idle()))

    def find_run(self, run_id: str) -> RunRecord | None:
        """Return a run by its id; None if it is unknown."""
        return self._fetch_record(RunRecord, select(runs).where(runs.c.id == run_id))

    def runs_of_command(self, command: str) -> list[RunRecord]:
        """Return all runs of a command, oldest first."""
        query = select(runs).where(runs.c.command == command).order_by(runs.c.started, runs.c.id)
        return self._fetch_records(RunRecord, query)

    def last_success(self, command: str) -> datetime | None:
        """Return when a run of this command last ended with exit code 0 (UTC); None if none did."""
        query = select(func.max(runs.c.finished)).where(runs.c.command == command, runs.c.exit_code == 0)
        found: datetime | None = self._fetch_value(query)
        return found

    def recent_runs(self, limit: int = 20) -> list[RunRecord]:
        """Return the last runs, newest first."""
        newest_first = select(runs).order_by(runs.c.started.desc(), runs.c.id.desc()).limit(limit)
        return self._fetch_records(RunRecord, newest_first)


class LeasePart(StorePart):
    """The lease is one row with an expiry."""

    def acquire_lease(self, run_id: str, holder: str, ttl: timedelta) -> None:
        """Take the lease for ``ttl``, or renew one's own.

        ``holder`` (user, host, process) is shown to others. Raises LeaseHeld while another run has an unexpired lease.
        """
        for _ in range(_MAX_ATTEMPTS):
            if self._try_acquire(run_id, holder, ttl):
                return
            if lease := self.lease():  # None: it was released between the two statements
                raise LeaseHeld(lease)
        raise StoreError(f"The lease of the store {self._database.label} changed hands too often. Run again.")

    def _try_acquire(self, run_id: str, holder: str, ttl: timedelta) -> bool:
        """Take the lease in one statement, so that two processes cannot both succeed."""
        now = self._now()
        values = {"run_id": run_id, "holder": holder, "since": now, "expires": now + ttl}
        with self._database.write() as connection:
            statement = insert_statement(connection.dialect.name, leases).values(name=_LEASE_NAME, **values)
            statement = statement.on_conflict_do_update(
                index_elements=[leases.c.name],
                set_=values,
                where=or_(leases.c.expires <= now, leases.c.run_id == run_id),
            )
            # Not every driver keeps the row count of an INSERT without this option.
            written = connection.execute(statement, execution_options={"preserve_rowcount": True})
            return bool(written.rowcount == 1)

    def lease(self) -> LeaseRecord | None:
        """Return the lease, which may have expired; None without one."""
        return self._fetch_record(LeaseRecord, select(leases).where(leases.c.name == _LEASE_NAME))

    def renew_lease(self, run_id: str, ttl: timedelta) -> None:
        """Extend the lease to ``ttl`` from now. Raises LeaseLost if another run or nobody holds it."""
        own = (leases.c.name == _LEASE_NAME, leases.c.run_id == run_id)
        if not self._write(update(leases).where(*own).values(expires=self._now() + ttl)):
            raise LeaseLost(
                f"Run {run_id} did not renew its lease in time, and another run took it. "
                "This run stops; the other one finishes the work."
            )

    def release_lease(self, run_id: str) -> None:
        """Give up the lease. Does nothing if another run holds it."""
        self._write(delete(leases).where(leases.c.name == _LEASE_NAME, leases.c.run_id == run_id))


class RequestLedgerPart(StorePart):
    """Requests that each credential sent in the last hour, across all runs on this store.

    Implements ``connectors.http.rate_limiter.WriteLedger``.
    """

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
        outdated = (sent_writes.c.credential == credential, sent_writes.c.at <= at - _WRITE_RETENTION)
        with self._database.write() as connection:
            connection.execute(delete(sent_writes).where(*outdated))
            connection.execute(insert(sent_writes).values(credential=credential, at=at, content=int(content)))
