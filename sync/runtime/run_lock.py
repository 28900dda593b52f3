"""One run at a time on one store: the lease is taken, kept alive while the run works, and given back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sync.runtime.context import Job
from sync.store import LeaseLost, StoreError

LEASE = timedelta(minutes=5)
"""How long a run may be silent before another may take its place."""
BEAT = 60.0
"""Seconds between two signs of life. Reading a large source can take longer than the lease."""


@contextmanager
def held(job: Job, holder: str, *, beat: float = BEAT) -> Iterator[None]:
    """Keep other runs away. LeaseHeld when one is at it already.

    A killed run stops beating, so its lease runs out. A run that lost its lease finds out before its next
    write, which renews it and raises LeaseLost.
    """
    job.store.take_lease(job.run_id, holder, LEASE)
    done = threading.Event()
    heart = threading.Thread(target=_beat, args=(job, done, beat), name="lease", daemon=True)
    heart.start()
    try:
        yield
    finally:
        done.set()
        heart.join()
        job.store.release_lease(job.run_id)


def _beat(job: Job, done: threading.Event, beat: float) -> None:
    while not done.wait(beat):
        try:
            job.store.renew_lease(job.run_id, LEASE)
        except LeaseLost as error:
            job.log.warning("lease.not_renewed", reason=str(error))
            return
        except StoreError as error:  # a store that does not answer may answer again before the lease runs out
            job.log.warning("lease.not_renewed", reason=str(error))
