"""What can go wrong with the store. Each error says in a sentence what is wrong and what to do."""

from __future__ import annotations

from datetime import datetime


class StoreError(Exception):
    """The store cannot be opened, read or written. Nothing is half written: the transaction was undone."""


class LeaseHeld(Exception):
    """Another run is at work on this store."""

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
    """The lease of this run ended and another run took it: stop before the next write."""
