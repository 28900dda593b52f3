"""Rate limiter for writes: spacing, and limits per minute and hour on the content that one credential creates.

Writes are counted per credential, not per run or tracker name: a ledger keeps the counts between runs.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple, Protocol

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CONTENT_METHODS = frozenset({"POST", "PATCH", "PUT"})
"""HTTP methods that create content. GitHub does not say which requests it counts, so all of these count."""


class WriteLedger(Protocol):
    """Record of writes that outlives a run."""

    def writes_since(self, credential: str, since: datetime) -> Iterable[tuple[datetime, bool]]:
        """Return time and "created content" of each write of a credential after ``since``, oldest first."""

    def record_write(self, credential: str, at: datetime, *, content: bool) -> None:
        """Record a write that is about to be sent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteLimits:
    """Limits of a tracker on writes."""

    spacing: float = 0.0
    """Minimum seconds between two writes."""
    per_minute: int | None = None
    """Requests that create content; None for no limit."""
    per_hour: int | None = None

    def min_seconds(self, writes: int, content: int, *, recent_content: int = 0) -> float:
        """Return the minimum duration of ``writes`` writes, of which ``content`` create content.

        ``recent_content``: content that was created in the last hour already.
        """
        waits = [writes * self.spacing]
        if self.per_minute and content:
            waits.append((ceil(content / self.per_minute) - 1) * MINUTE.total_seconds())
        if self.per_hour and content:
            waits.append((ceil((recent_content + content) / self.per_hour) - 1) * HOUR.total_seconds())
        return max(waits)


class WriteDelay(NamedTuple):
    """Wait before the next write."""

    seconds: float
    reason: str
    """Completes "waiting 43 s for ..." and "the ... is used up"."""


class RateLimiter:
    """Limits all writes of one credential. Thread-safe; may be shared by several adapters."""

    def __init__(
        self,
        limits: WriteLimits,
        *,
        tracker: str,
        credential: str = "",
        ledger: WriteLedger | None = None,
    ) -> None:
        """``credential`` identifies the writer in the ``ledger``, without containing a secret.

        Without ``ledger``, writes are counted within one run only.
        """
        self.limits = limits
        self.lock = threading.Lock()
        """Held while a write is in progress, so that writes are sent one at a time."""
        self._tracker, self._credential = tracker, credential
        self._ledger = ledger
        self._content_times: deque[datetime] | None = None
        self._last_write: datetime | None = None
        self._blocked_until: datetime | None = None

    def required_delay(self, now: datetime, *, content: bool) -> WriteDelay | None:
        """Return the longest wait that applies before a write at ``now`` (aware), or None for no wait."""
        spacing, delays = self.limits.spacing, list[WriteDelay]()
        if self._blocked_until is not None:
            blocked = (self._blocked_until - now).total_seconds()
            delays.append(WriteDelay(blocked, f"rate limit that {self._tracker} reports"))
        content_times = self._recent_content_times(now) if spacing or self._has_content_limits else ()
        if self._last_write is not None and spacing > 0:
            # After the clock was set back, the wait must not exceed the spacing itself.
            left = min(spacing, spacing - (now - self._last_write).total_seconds())
            delays.append(WriteDelay(left, f"spacing between writes on {self._tracker}"))
        if content:
            limits = (self.limits.per_minute, MINUTE, "minute"), (self.limits.per_hour, HOUR, "hour")
            for limit, span, unit in limits:
                in_span = sorted(min(at, now) for at in content_times if at > now - span)
                if limit is not None and len(in_span) >= limit:
                    # The write may leave when enough of the earlier ones are older than the span.
                    seconds = (in_span[len(in_span) - limit] + span - now).total_seconds()
                    reason = f"limit of {limit} labels and comments per {unit} on {self._tracker}"
                    delays.append(WriteDelay(seconds, reason))
        longest = max(delays, key=lambda delay: delay.seconds, default=None)
        return longest if longest and longest.seconds > 0 else None

    def block_until(self, until: datetime) -> None:
        """Allow no write before ``until``, because the tracker's latest response says that the limit is used up."""
        self._blocked_until = until

    def record_start(self, now: datetime, *, content: bool) -> None:
        """Count a write. Call it before sending, so that a run that crashes meanwhile has counted the write."""
        if content and self._has_content_limits:
            self._recent_content_times(now).append(now)
        elif not self.limits.spacing:
            return
        if self._ledger:
            self._ledger.record_write(self._credential, now, content=content)

    def record_end(self, now: datetime) -> None:
        """Start the spacing to the next write."""
        self._last_write = now

    @property
    def _has_content_limits(self) -> bool:
        return self.limits.per_minute is not None or self.limits.per_hour is not None

    def recent_content(self, now: datetime) -> int:
        """Return how much content was created in the last hour."""
        return sum(at > now - HOUR for at in self._recent_content_times(now))

    def _recent_content_times(self, now: datetime) -> deque[datetime]:
        """Return the times of content created in the last hour.

        The ledger is read once: while this run holds the run lock, no other run writes.
        """
        if self._content_times is None:
            writes = list(self._ledger.writes_since(self._credential, now - HOUR)) if self._ledger else []
            self._content_times = deque(min(at, now) for at, content in writes if content)
            if writes and self._last_write is None:
                self._last_write = min(writes[-1][0], now)
        while self._content_times and self._content_times[0] <= now - HOUR:
            self._content_times.popleft()
        return self._content_times
