"""Rate limits of the GitHub sandbox: requests (primary) and created content (secondary)."""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import datetime, timedelta

from connectors.sandbox.github.model import GithubSettings

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class GithubRateLimits:
    """Counts requests by token. Times come from the caller; not thread-safe by itself."""

    def __init__(self, settings: GithubSettings) -> None:
        self._settings = settings
        self._used: dict[str, tuple[datetime, int]] = {}
        self._content: dict[str, deque[datetime]] = defaultdict(deque)

    def _limit(self, token: str) -> int:
        settings = self._settings
        return settings.rate_limit if token or not settings.rate_limit else settings.anonymous_rate_limit

    def _window(self, token: str, now: datetime) -> tuple[datetime, int]:
        reset, used = self._used.get(token, (now + HOUR, 0))
        return (reset, used) if now < reset else (now + HOUR, 0)

    def consume(self, token: str, now: datetime) -> bool:
        """Count one request of ``token`` ('' is anonymous); return False when the limit of the hour is reached."""
        limit = self._limit(token)
        reset, used = self._window(token, now)
        allowed = not limit or used < limit
        self._used[token] = (reset, used + allowed)
        return allowed

    def refund(self, token: str, now: datetime) -> None:
        """Uncount the last request, which was free (304)."""
        reset, used = self._window(token, now)
        self._used[token] = (reset, max(0, used - 1))

    def headers(self, token: str, now: datetime) -> dict[str, str]:
        """Return the X-RateLimit headers of a response; none where the limit is off."""
        limit = self._limit(token)
        if not limit:
            return {}
        reset, used = self._window(token, now)
        return {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - used)),
            "X-RateLimit-Used": str(used),
            "X-RateLimit-Reset": str(int(reset.timestamp())),
            "X-RateLimit-Resource": "core",
        }

    def consume_content(self, token: str, now: datetime) -> bool:
        """Count one creation of content by ``token``; return False, uncounted, when it is over the limit."""
        times = self._content[token]
        while times and times[0] <= now - HOUR:
            times.popleft()
        last_minute = sum(moment > now - MINUTE for moment in times)
        if last_minute >= self._settings.content_per_minute or len(times) >= self._settings.content_per_hour:
            return False
        times.append(now)
        return True
