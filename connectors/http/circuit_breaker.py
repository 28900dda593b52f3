"""Circuit breaker: a tracker that is down gets no further requests in this run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from connectors.errors import (
    ConnectorError,
    RateLimitExceeded,
    TooSlow,
    Unavailable,
    Unreachable,
    WriteDeferred,
)

FAILURES_TO_OPEN = 2
"""Requests in a row, each with all its retries, that must fail before a reachable tracker counts as down.
One alone may be a request that is too expensive for the server."""


class CircuitBreaker:
    """Blocks requests to a tracker once it is down. Thread-safe."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._failures_in_a_row = 0
        self._open_error: ConnectorError | None = None

    def raise_if_open(self) -> None:
        """Raise the error that opened the breaker: Unavailable, or RateLimitExceeded until its time is over."""
        error = self._open_error
        if error is None:
            return
        if isinstance(error, RateLimitExceeded) and error.until is not None and self._now() >= error.until:
            self._open_error = None
            return
        raise error.with_traceback(None)

    def record_failure(self, error: ConnectorError) -> None:
        """Note that a request failed after all retries.

        Errors about single issues or permissions do not count: they do not mean that the tracker is down.
        """
        if isinstance(error, WriteDeferred):
            return
        if isinstance(error, Unavailable):
            self._failures_in_a_row += 1
        if (
            isinstance(error, TooSlow | Unreachable | RateLimitExceeded)
            or self._failures_in_a_row >= FAILURES_TO_OPEN
        ):
            self._open_error = error

    def record_success(self) -> None:
        """Note that the tracker answered properly."""
        self._failures_in_a_row = 0
