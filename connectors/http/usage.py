"""Counts of requests per tracker, and the rate limits that trackers report."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimitStatus:
    """Requests that a tracker allows, by the headers of its latest response."""

    limit: int
    remaining: int


class RequestStats:
    """Request counts and rate limits of one run, by tracker. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: Counter[str] = Counter()
        self._rate_limits: dict[str, RateLimitStatus] = {}

    def record_request(self, tracker: str) -> None:
        """Count a request. Call it before sending; each retry counts."""
        with self._lock:
            self._sent[tracker] += 1

    def record_response(self, tracker: str, headers: Mapping[str, str]) -> None:
        """Note the rate limit in a response. Of GitHub's several limits only the main one (``core``) is noted."""
        status = _parse_rate_limit(headers)
        if status is not None and headers.get("X-RateLimit-Resource", "core") == "core":
            with self._lock:
                self._rate_limits[tracker] = status

    def request_counts(self) -> dict[str, int]:
        """Return the number of requests sent, by tracker."""
        with self._lock:
            return dict(self._sent)

    def rate_limits(self) -> dict[str, RateLimitStatus]:
        """Return the latest rate limit of each tracker that reports one."""
        with self._lock:
            return dict(self._rate_limits)


def _parse_rate_limit(headers: Mapping[str, str]) -> RateLimitStatus | None:
    limit, remaining = (headers.get(f"X-RateLimit-{each}", "").strip() for each in ("Limit", "Remaining"))
    if not (_NUMBER.fullmatch(limit) and _NUMBER.fullmatch(remaining)):
        return None
    return RateLimitStatus(limit=int(limit), remaining=int(remaining))
