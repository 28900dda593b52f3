"""Remembers, for as long as a run lasts, that a tracker is down: it is not asked again for each issue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from connectors.errors import ConnectorError, RateLimitExceeded, Unavailable, Unreachable, WriteDeferred

FAILURES_TO_OPEN = 2
"""So many requests in a row, each repeated as the policy allows, have to fail before a tracker that can be reached
counts as down: one alone may be a request that is too much for it."""


class CircuitBreaker:
    """Asked before each request, told what became of it. May be used from several threads."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._failures_in_a_row = 0
        self._open_error: ConnectorError | None = None

    def raise_if_open(self) -> None:
        """Raises what the tracker was found to be: Unavailable, or QuotaExhausted until that is over."""
        down = self._open_error
        if down is None:
            return
        if isinstance(down, RateLimitExceeded) and down.until is not None and self._now() >= down.until:
            self._open_error = None
            return
        raise down.with_traceback(None)

    def record_failure(self, error: ConnectorError) -> None:
        """A request failed for good. Errors about single issues or rights say nothing about the tracker."""
        if isinstance(error, WriteDeferred):
            return
        if isinstance(error, Unavailable):
            self._failures_in_a_row += 1
        if isinstance(error, Unreachable | RateLimitExceeded) or self._failures_in_a_row >= FAILURES_TO_OPEN:
            self._open_error = error

    def record_success(self) -> None:
        """The tracker answered properly."""
        self._failures_in_a_row = 0
