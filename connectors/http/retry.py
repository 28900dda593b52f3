"""Retry policy: bounded attempts, bounded time, and waits that the server names come first."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, TypeVar

import tenacity

from connectors.errors import ConnectorError, RateLimitExceeded

RequestKind = Literal["read", "idempotent", "create"]
"""Effect of repeating a request: none for a read, none further for an idempotent write, a second object for a
create."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """Limits on the attempts for one request. All times in seconds."""

    attempts: int = 4
    max_wait: float = 120.0
    """Longest single wait that a server may impose."""
    max_total: float = 300.0
    """Longest time from the first attempt to the start of the last one."""
    first_wait: float = 1.0
    deadline: datetime | None = None
    """End of the time for the whole run; no wait goes beyond it."""
    max_backoff: float = 30.0
    """Longest wait by doubling, used when the server names no time."""
    random: Callable[[], float] = random.random
    """Returns a number in [0, 1); spreads backoff over 0.7 to 1.3 times its length."""

    def is_too_long(self, seconds: float, now: datetime) -> bool:
        """Return True if a wait from ``now`` on exceeds ``max_wait`` or ends after the deadline."""
        is_late = self.deadline is not None and now + timedelta(seconds=seconds) > self.deadline
        return is_late or seconds > self.max_wait

    def backoff_seconds(self, attempt: int) -> float:
        """Return the wait after the given attempt (from 1) when the server names no time."""
        doubled = min(self.max_backoff, self.first_wait * 2.0 ** (attempt - 1))
        return doubled * (0.7 + 0.6 * self.random())


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """Wait before a request is sent (again), reported before it begins."""

    tracker: str
    seconds: float
    reason: str
    """Completes "waiting 43 s for ...": ``GitHub rate limit``, ``an answer (HTTP 502)``."""
    attempt: int
    """Number of the failed attempt, from 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimitRefusal:
    """Server's refusal because of a rate limit. The request had no effect."""

    reason: str
    """Name of the limit: ``GitHub rate limit``."""
    min_seconds: float = 0.0
    """Minimum wait when the headers name none; doubles with each attempt."""


class RetryableFailure(Exception):
    """Failed attempt that a retry may fix. ``error`` is raised if no retry does."""

    def __init__(
        self,
        error: ConnectorError,
        *,
        reason: str,
        seconds: float | None = None,
        refusal: RateLimitRefusal | None = None,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.reason = reason
        self.seconds = seconds
        self.refusal = refusal


def call_with_retries(
    attempt: Callable[[], T],
    *,
    tracker: str,
    policy: RetryPolicy,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    on_wait: Callable[[Wait], None],
) -> T:
    """Call ``attempt`` again while it raises RetryableFailure and the policy allows.

    Raises the error of the last RetryableFailure; RateLimitExceeded if that was a rate limit refusal.
    """
    schedule = _RetrySchedule(tracker=tracker, policy=policy, now=now, on_wait=on_wait, started=now())
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(RetryableFailure),
        wait=schedule.wait,
        stop=schedule.stop,
        before_sleep=schedule.report_wait,
        sleep=sleep,
        reraise=True,
    )
    try:
        return retrying(attempt)
    except RetryableFailure as last:
        raise schedule.final_error(last) from last.__cause__


@dataclass(kw_only=True, slots=True)
class _RetrySchedule:
    """Callbacks of tenacity for one request. Tenacity calls ``wait`` before ``stop``."""

    tracker: str
    policy: RetryPolicy
    now: Callable[[], datetime]
    on_wait: Callable[[Wait], None]
    started: datetime
    next_wait: float = 0.0

    def wait(self, state: tenacity.RetryCallState) -> float:
        failure = _failure_of(state)
        backoff = self.policy.backoff_seconds(state.attempt_number)
        if failure.seconds is not None:
            # A server's "0" means "soon": clients that retry at once get banned.
            self.next_wait = failure.seconds if failure.seconds >= 1 else backoff
        else:
            min_seconds = failure.refusal.min_seconds if failure.refusal else 0.0
            self.next_wait = max(backoff, min_seconds * 2.0 ** (state.attempt_number - 1))
        return self.next_wait

    def stop(self, state: tenacity.RetryCallState) -> bool:
        elapsed = max(0.0, (self.now() - self.started).total_seconds())
        return (
            state.attempt_number >= self.policy.attempts
            or self.policy.is_too_long(self.next_wait, self.now())
            or elapsed + self.next_wait > self.policy.max_total
        )

    def report_wait(self, state: tenacity.RetryCallState) -> None:
        self.on_wait(
            Wait(
                tracker=self.tracker,
                seconds=self.next_wait,
                reason=_failure_of(state).reason,
                attempt=state.attempt_number,
            )
        )

    def final_error(self, last: RetryableFailure) -> ConnectorError:
        if last.refusal is None:
            return last.error
        until = self.now().astimezone(UTC) + timedelta(seconds=self.next_wait)
        return RateLimitExceeded(
            f"{self.tracker}: the {last.refusal.reason} is used up until {until:%Y-%m-%d %H:%M} UTC; "
            "run again after that, the remaining work is kept",
            until,
        )


def _failure_of(state: tenacity.RetryCallState) -> RetryableFailure:
    failure = state.outcome.exception() if state.outcome else None
    if not isinstance(failure, RetryableFailure):
        raise TypeError("tenacity called back for an attempt that did not raise RetryableFailure")
    return failure


def server_wait_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the wait that response headers demand, or None if they name no time.

    Reads Retry-After (whole or decimal seconds, or an HTTP date), then X-RateLimit-Reset (epoch seconds from
    GitHub, ISO 8601 from Jira) when X-RateLimit-Remaining is 0. Times are compared with the server's own Date
    header; ``now`` (aware) replaces a missing one.
    """
    server_now = parse_http_date(headers.get("Date")) or now
    seconds = _parse_retry_after(headers.get("Retry-After"), server_now)
    if seconds is None and (headers.get("X-RateLimit-Remaining") or "").strip() == "0":
        seconds = _parse_reset(headers.get("X-RateLimit-Reset"), server_now)
    return seconds


def parse_http_date(text: str | None) -> datetime | None:
    """Return the UTC time of an HTTP date, or None if there is no readable date."""
    if not text:
        return None
    try:
        time = parsedate_to_datetime(text.strip())
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _parse_retry_after(text: str | None, server_now: datetime) -> float | None:
    seconds = _parse_number(text)
    if seconds is not None:
        return max(0.0, seconds)
    time = parse_http_date(text)
    return None if time is None else max(0.0, (time - server_now).total_seconds())


def _parse_reset(text: str | None, server_now: datetime) -> float | None:
    epoch = _parse_number(text)
    if epoch is not None:
        return max(0.0, epoch - server_now.timestamp())
    try:
        time = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    return max(0.0, (time - server_now).total_seconds())


def _parse_number(text: str | None) -> float | None:
    """Return a finite number; None for ``inf``, ``nan`` and anything that is not a number."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) < 1e12 else None
