"""Remembers, for as long as a run lasts, that a tracker is down: it is not asked again for each issue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from connectors.errors import ConnectorError, OutOfTurn, QuotaExhausted, Unavailable, Unreachable

ENOUGH = 2
"""So many requests in a row, each repeated as the policy allows, have to fail before a tracker that can be reached
counts as down: one alone may be a request that is too much for it."""


class Circuit:
    """Asked before each request, told what became of it. May be used from several threads."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._failed = 0
        self._down: ConnectorError | None = None

    def check(self) -> None:
        """Raises what the tracker was found to be: Unavailable, or QuotaExhausted until that is over."""
        down = self._down
        if down is None:
            return
        if isinstance(down, QuotaExhausted) and down.until is not None and self._now() >= down.until:
            self._down = None
            return
        raise down.with_traceback(None)

    def failed(self, error: ConnectorError) -> None:
        """A request failed for good. Errors about single issues or rights say nothing about the tracker."""
        if isinstance(error, OutOfTurn):
            return
        if isinstance(error, Unavailable):
            self._failed += 1
        if isinstance(error, Unreachable | QuotaExhausted) or self._failed >= ENOUGH:
            self._down = error

    def answered(self) -> None:
        """The tracker answered properly."""
        self._failed = 0
