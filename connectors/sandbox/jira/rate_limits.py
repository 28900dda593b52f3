"""The rate limits of an embedded Jira; all are off until a switch turns them on."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.sandbox.core.tracker import Request, Response
from connectors.sandbox.jira.model import Caller
from connectors.sandbox.jira.site import JiraState

_PER_ISSUE = ((20, timedelta(seconds=2)), (100, timedelta(seconds=30)))


@dataclass(slots=True)
class Limits:
    """Counts requests by the sandbox's clock. One per site."""

    site: JiraState
    _seen: dict[Hashable, deque[datetime]] = field(default_factory=dict)
    _spent: dict[str, tuple[float, datetime]] = field(default_factory=dict)

    def refusal(self, request: Request, caller: Caller, issue_id: int | None) -> Response | None:
        """The 429 that this request gets, or None when it may pass; a request that passes is counted.

        ``issue_id`` is that of the issue which the request writes to, if it does.
        """
        now = self.site.clock.now()
        burst = self.site.switches.burst_limit
        if self.site.is_cloud and burst and not self._fits(request.method, burst, timedelta(seconds=1), now):
            return self._too_many("jira-burst-based", burst, now)
        if self.site.is_cloud and issue_id and self.site.switches.issue_write_limits:
            for limit, span in _PER_ISSUE:
                if not self._fits((issue_id, limit), limit, span, now):
                    return self._too_many("jira-per-issue-on-write", limit, now)
        return self._bucket_refusal(caller, now)

    def headers(self, caller: Caller | None) -> dict[str, str]:
        """Data Center tells the state of the caller's bucket on every answer."""
        bucket = self.site.switches.bucket
        if self.site.is_cloud or not bucket or caller is None or caller.account is None:
            return {}
        left = self._left(caller.account.id, bucket, self.site.clock.now())
        return {
            "X-RateLimit-Limit": str(bucket),
            "X-RateLimit-Remaining": str(int(left)),
            "X-RateLimit-FillRate": "1",
            "X-RateLimit-Interval-Seconds": "1",
            "retry-after": "0" if left >= 1 else "1",
        }

    def _fits(self, key: Hashable, limit: int, span: timedelta, now: datetime) -> bool:
        seen = self._seen.setdefault(key, deque())
        while seen and seen[0] <= now - span:
            seen.popleft()
        if len(seen) >= limit:
            return False
        seen.append(now)
        return True

    def _too_many(self, reason: str, limit: int, now: datetime) -> Response:
        headers = {
            "RateLimit-Reason": reason,
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": f"{now + timedelta(seconds=1):%Y-%m-%dT%H:%MZ}",
        }
        wait = self.site.switches.burst_retry_after
        if wait is not None:
            headers["Retry-After"] = wait
        return Response(
            status=429, data={"errorMessages": ["Rate limit exceeded."], "errors": {}}, headers=headers
        )

    def _bucket_refusal(self, caller: Caller, now: datetime) -> Response | None:
        bucket = self.site.switches.bucket
        if self.site.is_cloud or not bucket or caller.account is None:
            return None
        left = self._left(caller.account.id, bucket, now)
        if left < 1:
            return Response(status=429, data={"message": "Rate limit exceeded."})
        self._spent[caller.account.id] = (left - 1, now)
        return None

    def _left(self, name: str, bucket: int, now: datetime) -> float:
        left, at = self._spent.get(name, (float(bucket), now))
        return min(float(bucket), left + (now - at).total_seconds())
