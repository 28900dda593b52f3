"""One run at a time on one store: the lease is taken, kept alive while the run works, and given back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sync.runtime.context import RunContext
from sync.store import LeaseLost, StoreError

LEASE_DURATION = timedelta(minutes=5)
"""How long a run may be silent before another may take its place."""
RENEWAL_SECONDS = 60.0
"""Seconds between two signs of life. Reading a large source can take longer than the lease."""


@contextmanager
def run_lock(context: RunContext, holder: str, *, renewal_seconds: float = RENEWAL_SECONDS) -> Iterator[None]:
    """Keep other runs away. LeaseHeld when one is at it already.

    A killed run stops beating, so its lease runs out. A run that lost its lease finds out before its next
    write, which renews it and raises LeaseLost.
    """
    context.store.acquire_lease(context.run_id, holder, LEASE_DURATION)
    done = threading.Event()
    heart = threading.Thread(
        target=_renew_until_done, args=(context, done, renewal_seconds), name="lease", daemon=True
    )
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()
        context.store.release_lease(context.run_id)


def _renew_until_done(context: RunContext, done: threading.Event, renewal_seconds: float) -> None:
    while not done.wait(renewal_seconds):
        try:
            context.store.renew_lease(context.run_id, LEASE_DURATION)
        except LeaseLost as error:
            context.log.warning("lease.not_renewed", reason=str(error))
            return
        except StoreError as error:  # a store that does not answer may answer again before the lease runs out
            context.log.warning("lease.not_renewed", reason=str(error))
