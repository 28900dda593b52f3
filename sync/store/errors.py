"""Errors of the store. Their texts are complete sentences for people, without secrets."""

from __future__ import annotations

from datetime import datetime


class StoreError(Exception):
    """The store cannot be opened, read or written. The transaction was rolled back."""


class LeaseHeld(Exception):
    """Another run holds the lease of this store."""

    def __init__(self, *, holder: str, run_id: str, since: datetime, expires: datetime) -> None:
        super().__init__(
            f"Run {run_id} ({holder}) has been working on this store since {since:%Y-%m-%d %H:%M} UTC. "
            f"Wait for it to end; if it died, its lease ends at {expires:%Y-%m-%d %H:%M:%S} UTC."
        )
        self.holder = holder
        self.run_id = run_id
        self.since = since
        self.expires = expires


class LeaseLost(Exception):
    """Another run took the lease of this run, which must stop before its next write."""
