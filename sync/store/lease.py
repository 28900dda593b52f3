"""The lease behind the run lock: one row with an expiry."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import delete, or_, select, update

from sync.model.records import LeaseRecord
from sync.store.base import StorePart
from sync.store.database import insert_statement
from sync.store.errors import LeaseHeld, LeaseLost, StoreError
from sync.store.tables import leases

_LEASE_NAME: Final = "run"
_MAX_ATTEMPTS: Final = 5


class LeasePart(StorePart):
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
