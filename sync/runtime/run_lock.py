"""Run lock: one run at a time on a store.

The lock is a lease in the store, renewed in the background while the run works.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sync.runtime.context import RunContext
from sync.store import LeaseLost, StoreError

LEASE_DURATION = timedelta(minutes=5)
"""Time after which another run may take over from one that stopped renewing."""
RENEWAL_SECONDS = 60.0
"""Seconds between two renewals. Reading a large source can take longer than the lease."""


@contextmanager
def run_lock(context: RunContext, holder: str, *, renewal_seconds: float = RENEWAL_SECONDS) -> Iterator[None]:
    """Hold the lock. Raises LeaseHeld while another run has it.

    A killed run stops renewing, so its lease expires. A run that lost its lease learns it before its next write, which
    renews the lease and raises LeaseLost.
    """
    context.store.acquire_lease(context.run_id, holder, LEASE_DURATION)
    done = threading.Event()
    renewal = threading.Thread(
        target=_renew_until_done, args=(context, done, renewal_seconds), name="lease", daemon=True
    )
    renewal.start()
    try:
        yield
    finally:
        done.set()
        renewal.join()
        context.store.release_lease(context.run_id)


def _renew_until_done(context: RunContext, done: threading.Event, renewal_seconds: float) -> None:
    while not done.wait(renewal_seconds):
        try:
            context.store.renew_lease(context.run_id, LEASE_DURATION)
        except LeaseLost as error:
            context.log.warning("lease.not_renewed", reason=str(error))
            return
        except StoreError as error:  # a store that does not respond may recover before the lease expires
            context.log.warning("lease.not_renewed", reason=str(error))
