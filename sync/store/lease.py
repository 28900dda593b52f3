"""The lease that keeps two runs apart: one row, which a dead run loses when its time is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

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
        """Become the only run on this store for ``ttl``. LeaseHeld when another run has it and it has not
        expired. ``holder`` says to people who that is (host, process). Taking one's own again renews it."""
        for _ in range(_MAX_ATTEMPTS):
            if self._try_acquire(run_id, holder, ttl):
                return
            with self._database.read() as connection:
                row = (
                    connection.execute(select(leases).where(leases.c.name == _LEASE_NAME)).mappings().first()
                )
            if row is not None:  # else it was released between the two statements
                raise LeaseHeld(
                    holder=row["holder"], run_id=row["run_id"], since=row["since"], expires=row["expires"]
                )
        raise StoreError(f"The lease of the store {self._database.label} changes hands too fast. Run again.")

    def _try_acquire(self, run_id: str, holder: str, ttl: timedelta) -> bool:
        """One statement decides, so that two processes cannot both succeed."""
        now = self._now()
        with self._database.write() as connection:
            statement: Any = insert_statement(connection.dialect.name, leases).values(
                name=_LEASE_NAME, run_id=run_id, holder=holder, since=now, expires=now + ttl
            )
            statement = statement.on_conflict_do_update(
                index_elements=[leases.c.name],
                set_={name: statement.excluded[name] for name in ("run_id", "holder", "since", "expires")},
                where=or_(leases.c.expires <= now, leases.c.run_id == run_id),
            )
            # Without this option the count of an INSERT is not kept for every driver.
            written = connection.execute(statement, execution_options={"preserve_rowcount": True})
            return bool(written.rowcount == 1)

    def lease(self) -> LeaseRecord | None:
        """The lease as it stands, which may have run out; None when nobody holds one."""
        columns = (leases.c.run_id, leases.c.holder, leases.c.since, leases.c.expires)
        with self._database.read() as connection:
            row = connection.execute(select(*columns).where(leases.c.name == _LEASE_NAME)).mappings().first()
        return LeaseRecord(**row) if row else None

    def renew_lease(self, run_id: str, ttl: timedelta) -> None:
        """Keep the lease for ``ttl`` from now. LeaseLost when another run took it, or nobody holds it."""
        with self._database.write() as connection:
            renewed = connection.execute(
                update(leases)
                .where(leases.c.name == _LEASE_NAME, leases.c.run_id == run_id)
                .values(expires=self._now() + ttl)
            )
        if not renewed.rowcount:
            raise LeaseLost(
                f"Run {run_id} was silent too long and lost its lease on the store to another run. "
                "It stops here; the other run finishes the work."
            )

    def release_lease(self, run_id: str) -> None:
        """Give the lease back. Nothing happens when another run holds it."""
        with self._database.write() as connection:
            connection.execute(delete(leases).where(leases.c.name == _LEASE_NAME, leases.c.run_id == run_id))
