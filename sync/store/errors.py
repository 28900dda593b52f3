"""Errors of the store. Their texts are complete sentences for people, without secrets."""

from __future__ import annotations

from typing import Final

from sync.model.records import LeaseRecord


class StoreError(Exception):
    """The store cannot be opened, read or written. The transaction was rolled back."""


class LeaseHeld(Exception):
    """Another run holds the lease of this store."""

    exit_code: Final = 6

    def __init__(self, lease: LeaseRecord) -> None:
        super().__init__(
            f"Run {lease.run_id} ({lease.holder}) has been working on this store since "
            f"{lease.since:%Y-%m-%d %H:%M} UTC. Wait for it to end; if it died, its lease ends at "
            f"{lease.expires:%Y-%m-%d %H:%M:%S} UTC."
        )
        self.lease = lease

    def __reduce__(self) -> tuple[type[LeaseHeld], tuple[LeaseRecord]]:
        """Make copies in other processes from the lease: an exception is copied from its message otherwise."""
        return type(self), (self.lease,)


class LeaseLost(Exception):
    """Another run took the lease of this run, which must stop before its next write."""

    exit_code: Final = 6
