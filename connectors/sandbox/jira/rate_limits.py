"""Rate limits of the Jira sandbox; a switch turns each of them on."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.sandbox.core.tracker import TrackerRequest, TrackerResponse
from connectors.sandbox.jira.model import JiraCaller
from connectors.sandbox.jira.site import JiraSiteState

_ISSUE_WRITE_LIMITS = ((20, timedelta(seconds=2)), (100, timedelta(seconds=30)))


@dataclass(slots=True)
class JiraRateLimits:
    """Counts requests on the sandbox's clock. One per site."""

    site: JiraSiteState
    _request_times: dict[Hashable, deque[datetime]] = field(default_factory=dict)
    _buckets: dict[str, tuple[float, datetime]] = field(default_factory=dict)

    def check(
        self, request: TrackerRequest, caller: JiraCaller, issue_id: int | None
    ) -> TrackerResponse | None:
        """Count a request and return None, or return its 429 response.

        ``issue_id``: of the issue that the request writes to, if any.
        """
        if not self.site.is_cloud:
            return self._check_bucket(caller)
        burst = self.site.switches.burst_limit
        if burst and not self._consume(request.method, burst, timedelta(seconds=1)):
            return self._too_many_requests("jira-burst-based", burst)
        if issue_id and self.site.switches.issue_write_limits:
            for limit, span in _ISSUE_WRITE_LIMITS:
                if not self._consume((issue_id, limit), limit, span):
                    return self._too_many_requests("jira-per-issue-on-write", limit)
        return None

    def headers(self, caller: JiraCaller | None) -> dict[str, str]:
        """Data Center: return the state of the caller's token bucket."""
        bucket = self.site.switches.bucket
        if self.site.is_cloud or not bucket or caller is None or caller.account is None:
            return {}
        left = self._remaining_tokens(caller.account.id, bucket)
        return {
            "X-RateLimit-Limit": str(bucket),
            "X-RateLimit-Remaining": str(int(left)),
            "X-RateLimit-FillRate": "1",
            "X-RateLimit-Interval-Seconds": "1",
            "retry-after": "0" if left >= 1 else "1",
        }

    def _consume(self, key: Hashable, limit: int, span: timedelta) -> bool:
        now = self.site.clock.now()
        times = self._request_times.setdefault(key, deque())
        while times and times[0] <= now - span:
            times.popleft()
        if len(times) >= limit:
            return False
        times.append(now)
        return True

    def _too_many_requests(self, reason: str, limit: int) -> TrackerResponse:
        reset = self.site.clock.now() + timedelta(seconds=1)
        headers = {
            "RateLimit-Reason": reason,
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": f"{reset:%Y-%m-%dT%H:%MZ}",
        }
        if (wait := self.site.switches.burst_retry_after) is not None:
            headers["Retry-After"] = wait
        data = {"errorMessages": ["Rate limit exceeded."], "errors": {}}
        return TrackerResponse(status=429, data=data, headers=headers)

    def _check_bucket(self, caller: JiraCaller) -> TrackerResponse | None:
        bucket = self.site.switches.bucket
        if not bucket or caller.account is None:
            return None
        left = self._remaining_tokens(caller.account.id, bucket)
        if left < 1:
            return TrackerResponse(status=429, data={"message": "Rate limit exceeded."})
        self._buckets[caller.account.id] = (left - 1, self.site.clock.now())
        return None

    def _remaining_tokens(self, name: str, bucket: int) -> float:
        now = self.site.clock.now()
        left, at = self._buckets.get(name, (float(bucket), now))
        return min(float(bucket), left + (now - at).total_seconds())
