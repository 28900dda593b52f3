"""How many requests were sent to a tracker, and how much of its quota is left."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimitStatus:
    """What a tracker's last answer said about the requests that it allows."""

    limit: int
    remaining: int


class RequestStats:
    """Counts for as long as a run lasts, by tracker. May be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: Counter[str] = Counter()
        self._rate_limits: dict[str, RateLimitStatus] = {}

    def record_request(self, tracker: str) -> None:
        """A request is about to leave; each repetition counts."""
        with self._lock:
            self._sent[tracker] += 1

    def record_response(self, tracker: str, headers: Mapping[str, str]) -> None:
        """An answer came. GitHub has quotas besides the one for all of its API (``core``); those are left aside."""
        quota = _parse_rate_limit(headers)
        if quota is not None and headers.get("X-RateLimit-Resource", "core") == "core":
            with self._lock:
                self._rate_limits[tracker] = quota

    def request_counts(self) -> dict[str, int]:
        """Tracker -> requests sent."""
        with self._lock:
            return dict(self._sent)

    def rate_limits(self) -> dict[str, RateLimitStatus]:
        """Tracker -> its quota; trackers that say nothing about it are missing."""
        with self._lock:
            return dict(self._rate_limits)


def _parse_rate_limit(headers: Mapping[str, str]) -> RateLimitStatus | None:
    limit, remaining = (headers.get(f"X-RateLimit-{each}", "").strip() for each in ("Limit", "Remaining"))
    if not (limit.isdecimal() and remaining.isdecimal()):
        return None
    return RateLimitStatus(limit=int(limit), remaining=int(remaining))
