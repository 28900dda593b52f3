"""When the next write may leave: spacing, and how much content one credential may make in a minute and an hour.

What was sent is counted for a credential, not for a run or a tracker's name: a ledger outlives the run.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Protocol

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CONTENT_METHODS = frozenset({"POST", "PATCH", "PUT"})
"""Methods that make content. GitHub does not say which requests it counts, so all of these are."""


class WriteLedger(Protocol):
    """Where writes are counted beyond one run."""

    def writes_since(self, credential: str, since: datetime) -> Iterable[tuple[datetime, bool]]:
        """The writes of a credential after ``since``, oldest first: when, and whether it made content."""
        ...

    def record_write(self, credential: str, at: datetime, *, content: bool) -> None:
        """A write is about to be sent."""
        ...


class NullWriteLedger:
    """Counts within one run only."""

    def writes_since(self, credential: str, since: datetime) -> Iterable[tuple[datetime, bool]]:
        del credential, since
        return ()

    def record_write(self, credential: str, at: datetime, *, content: bool) -> None:
        """Nothing is kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteLimits:
    """What a tracker asks of those who write on it."""

    spacing: float = 0.0
    """Least seconds between two writes."""
    per_minute: int | None = None
    """Requests that make content; None where there is no such limit."""
    per_hour: int | None = None

    def min_seconds(self, writes: int, content: int, *, recent_content: int = 0) -> float:
        """The least time that so many writes take, of which ``content`` make content; ``recent_content``: how much was made
        in the last hour already."""
        waits = [writes * self.spacing]
        if self.per_minute and content:
            waits.append((ceil(content / self.per_minute) - 1) * MINUTE.total_seconds())
        if self.per_hour and content:
            waits.append((ceil((recent_content + content) / self.per_hour) - 1) * HOUR.total_seconds())
        return max(waits)


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteDelay:
    """The next write has to wait."""

    seconds: float
    reason: str
    """Completes "waiting 43 s for ..." and "... is used up"."""


class RateLimiter:
    """Paces all writes of one credential. May be used from several threads and by several transports."""

    def __init__(
        self,
        limits: WriteLimits,
        *,
        tracker: str,
        credential: str = "",
        ledger: WriteLedger | None = None,
    ) -> None:
        """``credential`` names who writes, without a secret: the key of the ``ledger``."""
        self.limits = limits
        self.lock = threading.Lock()
        """Held while a write is under way: one at a time."""
        self._tracker, self._credential = tracker, credential
        self._ledger = ledger or NullWriteLedger()
        self._content_times: deque[datetime] | None = None
        self._last_write: datetime | None = None
        self._blocked_until: datetime | None = None

    def required_delay(self, now: datetime, *, content: bool) -> WriteDelay | None:
        """The wait before a write at ``now`` (aware), the longest of those that apply; None when it may leave."""
        spacing, holds = self.limits.spacing, list[WriteDelay]()
        if self._blocked_until is not None:
            closed = (self._blocked_until - now).total_seconds()
            holds.append(WriteDelay(seconds=closed, reason=f"quota that {self._tracker} told"))
        made = self._recent_content_times(now) if spacing or self._has_content_limits else ()
        if self._last_write is not None and spacing > 0:
            # A clock that was set back must not make us wait for longer than the distance itself.
            left = min(spacing, spacing - (now - self._last_write).total_seconds())
            holds.append(WriteDelay(seconds=left, reason=f"distance between two writes on {self._tracker}"))
        if content:
            for limit, span, name in (
                (self.limits.per_minute, MINUTE, "a minute"),
                (self.limits.per_hour, HOUR, "an hour"),
            ):
                inside = sorted(min(at, now) for at in made if at > now - span)
                if limit is not None and len(inside) >= limit:
                    seconds = (inside[len(inside) - limit] + span - now).total_seconds()
                    reason = f"quota of {limit} labels and comments {name} on {self._tracker}"
                    holds.append(WriteDelay(seconds=seconds, reason=reason))
        longest = max(holds, key=lambda hold: hold.seconds, default=None)
        return longest if longest and longest.seconds > 0 else None

    def block_until(self, until: datetime) -> None:
        """The tracker said with its last answer that there is nothing left before ``until``."""
        self._blocked_until = until

    def record_start(self, now: datetime, *, content: bool) -> None:
        """A write is about to be sent: counted before, so that a run which dies meanwhile has counted it."""
        if content and self._has_content_limits:
            self._recent_content_times(now).append(now)
        elif not self.limits.spacing:
            return
        self._ledger.record_write(self._credential, now, content=content)

    def record_end(self, now: datetime) -> None:
        """A write was answered: the distance to the next one counts from here."""
        self._last_write = now

    @property
    def _has_content_limits(self) -> bool:
        return self.limits.per_minute is not None or self.limits.per_hour is not None

    def recent_content(self, now: datetime) -> int:
        """How much content was made in the last hour."""
        return sum(at > now - HOUR for at in self._recent_content_times(now))

    def _recent_content_times(self, now: datetime) -> deque[datetime]:
        """When content was made, no longer ago than an hour. What another run sent is read once: while this one
        holds the lease there is no other."""
        if self._content_times is None:
            sent = list(self._ledger.writes_since(self._credential, now - HOUR))
            self._content_times = deque(min(at, now) for at, content in sent if content)
            if sent and self._last_write is None:
                self._last_write = min(sent[-1][0], now)
        while self._content_times and self._content_times[0] <= now - HOUR:
            self._content_times.popleft()
        return self._content_times
