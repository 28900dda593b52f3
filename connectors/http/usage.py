"""How many requests were sent to a tracker, and how much of its quota is left."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Quota:
    """What a tracker's last answer said about the requests that it allows."""

    limit: int
    remaining: int


class Traffic:
    """Counts for as long as a run lasts, by tracker. May be used from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: Counter[str] = Counter()
        self._quotas: dict[str, Quota] = {}

    def sent(self, tracker: str) -> None:
        """A request is about to leave; each repetition counts."""
        with self._lock:
            self._sent[tracker] += 1

    def answered(self, tracker: str, headers: Mapping[str, str]) -> None:
        """An answer came. GitHub has quotas besides the one for all of its API (``core``); those are left aside."""
        quota = _quota(headers)
        if quota is not None and headers.get("X-RateLimit-Resource", "core") == "core":
            with self._lock:
                self._quotas[tracker] = quota

    def requests(self) -> dict[str, int]:
        """Tracker -> requests sent."""
        with self._lock:
            return dict(self._sent)

    def quotas(self) -> dict[str, Quota]:
        """Tracker -> its quota; trackers that say nothing about it are missing."""
        with self._lock:
            return dict(self._quotas)


def _quota(headers: Mapping[str, str]) -> Quota | None:
    limit, remaining = (headers.get(f"X-RateLimit-{each}", "").strip() for each in ("Limit", "Remaining"))
    if not (limit.isdecimal() and remaining.isdecimal()):
        return None
    return Quota(limit=int(limit), remaining=int(remaining))
