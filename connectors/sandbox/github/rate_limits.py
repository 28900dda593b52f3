"""The quotas of the GitHub look-alike: requests (primary) and content that is created (secondary)."""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import datetime, timedelta

from connectors.sandbox.github.model import GithubSettings

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class Limits:
    """Counts requests by who makes them. Times come from the caller; not thread-safe by itself."""

    def __init__(self, settings: GithubSettings) -> None:
        self._settings = settings
        self._used: dict[str, tuple[datetime, int]] = {}
        self._content: dict[str, deque[datetime]] = defaultdict(deque)

    def _limit(self, who: str) -> int:
        settings = self._settings
        return settings.rate_limit if who or not settings.rate_limit else settings.anonymous_rate_limit

    def _window(self, who: str, now: datetime) -> tuple[datetime, int]:
        reset, used = self._used.get(who, (now + HOUR, 0))
        return (reset, used) if now < reset else (now + HOUR, 0)

    def take(self, who: str, now: datetime) -> bool:
        """Count one request of ``who`` ('' is anonymous); False when the hour's quota is used up."""
        limit = self._limit(who)
        reset, used = self._window(who, now)
        allowed = not limit or used < limit
        self._used[who] = (reset, used + allowed)
        return allowed

    def give_back(self, who: str, now: datetime) -> None:
        """The last request was free (304)."""
        reset, used = self._window(who, now)
        self._used[who] = (reset, max(0, used - 1))

    def headers(self, who: str, now: datetime) -> dict[str, str]:
        """The X-RateLimit headers of an answer; none where the limit is off."""
        limit = self._limit(who)
        if not limit:
            return {}
        reset, used = self._window(who, now)
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - used)),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str(int(reset.timestamp())),
            "X-RateLimit-Resource": "core",
        }

    def may_create(self, who: str, now: datetime) -> bool:
        """Whether ``who`` may create more content now; counts it when so."""
        times = self._content[who]
        while times and times[0] <= now - HOUR:
            times.popleft()
        last_minute = sum(moment > now - MINUTE for moment in times)
        if last_minute >= self._settings.content_per_minute or len(times) >= self._settings.content_per_hour:
            return False
        times.append(now)
        return True
