"""The one retry policy: bounded attempts, bounded time, the server's own wait first."""

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
"""What a repetition would do: nothing, nothing more, or a second thing."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How long to go on. All times in seconds."""

    attempts: int = 4
    max_wait: float = 120.0
    """The longest single wait that a server may impose on us."""
    max_total: float = 300.0
    """The longest time from the first attempt of a request to the start of its last."""
    first_wait: float = 1.0
    deadline: datetime | None = None
    """When the time of the whole run is over: no wait goes beyond it."""
    max_backoff: float = 30.0
    """Where doubling ends, when the server names no time."""
    random: Callable[[], float] = random.random
    """Gives [0, 1); spreads our own waits over 0.7 to 1.3 times their length."""

    def is_too_long(self, seconds: float, now: datetime) -> bool:
        """Whether a wait of so many seconds from ``now`` is longer than a run may sleep."""
        beyond = self.deadline is not None and now + timedelta(seconds=seconds) > self.deadline
        return beyond or seconds > self.max_wait

    def backoff_seconds(self, attempt: int) -> float:
        """Seconds to wait after the given attempt (from 1) when the server names no time."""
        doubled = min(self.max_backoff, self.first_wait * 2.0 ** (attempt - 1))
        return doubled * (0.7 + 0.6 * self.random())


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """A wait before a repetition, told before it begins."""

    tracker: str
    seconds: float
    reason: str
    """Completes "waiting 43 s for ...": ``GitHub quota``, ``an answer (HTTP 502)``."""
    attempt: int
    """The attempt that failed, from 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RateLimitRefusal:
    """A server's refusal because of a quota: the request had no effect."""

    reason: str
    """``GitHub quota``: what is used up."""
    seconds: float | None = None
    """How long the server asks us to wait; None to take it from its headers."""
    min_seconds: float = 0.0
    """The least wait when the headers name none; doubles with each attempt."""


class RetryableFailure(Exception):
    """An attempt failed in a way that a repetition may mend. ``error`` is what it comes to if none does."""

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
    """Run ``attempt`` until it returns or raises something else than TryAgain, as long as the policy allows.

    Raises the ConnectorError that the last TryAgain carried; QuotaExhausted when that was a quota's refusal.
    """
    course = _RetrySchedule(tracker=tracker, policy=policy, now=now, on_wait=on_wait, started=now())
    repeat = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(RetryableFailure),
        wait=course.wait,
        stop=course.stop,
        before_sleep=course.report_wait,
        sleep=sleep,
        reraise=True,
    )
    try:
        return repeat(attempt)
    except RetryableFailure as last:
        raise course.final_error(last) from last.__cause__


@dataclass(kw_only=True, slots=True)
class _RetrySchedule:
    """What tenacity asks about one request, answered from the policy and the server's words."""

    tracker: str
    policy: RetryPolicy
    now: Callable[[], datetime]
    on_wait: Callable[[Wait], None]
    started: datetime
    next_wait: float = 0.0

    def wait(self, state: tenacity.RetryCallState) -> float:
        failure = _failure_of(state)
        own = self.policy.backoff_seconds(state.attempt_number)
        if failure.seconds is not None:
            # "0" is honoured as "soon": repeating at once is what gets clients banned.
            self.next_wait = failure.seconds if failure.seconds >= 1 else own
        else:
            floor = failure.refusal.min_seconds if failure.refusal else 0.0
            self.next_wait = max(own, floor * 2.0 ** (state.attempt_number - 1))
        return self.next_wait

    def stop(self, state: tenacity.RetryCallState) -> bool:
        spent = max(0.0, (self.now() - self.started).total_seconds())
        return (
            state.attempt_number >= self.policy.attempts
            or self.policy.is_too_long(self.next_wait, self.now())
            or spent + self.next_wait > self.policy.max_total
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
            "run again after that, the rest of the work is kept",
            until,
        )


def _failure_of(state: tenacity.RetryCallState) -> RetryableFailure:
    failure = state.outcome.exception() if state.outcome else None
    if not isinstance(failure, RetryableFailure):
        raise TypeError("tenacity asked about an attempt that did not ask to be repeated")
    return failure


def server_wait_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a refusal's headers ask us to wait, or None when they name no time.

    Reads Retry-After (whole or decimal seconds, or an HTTP date), then X-RateLimit-Reset (epoch seconds as
    GitHub sends it, ISO 8601 as Jira does) when X-RateLimit-Remaining is 0. Times are judged by the server's
    own Date header; ``now`` (aware) stands in where there is none.
    """
    server_now = parse_http_date(headers.get("Date")) or now
    asked = _parse_retry_after(headers.get("Retry-After"), server_now)
    if asked is None and (headers.get("X-RateLimit-Remaining") or "").strip() == "0":
        asked = _parse_reset(headers.get("X-RateLimit-Reset"), server_now)
    return asked


def parse_http_date(text: str | None) -> datetime | None:
    """The aware UTC time in an HTTP date, or None when there is none to read."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text.strip())
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _parse_retry_after(text: str | None, server_now: datetime) -> float | None:
    seconds = _parse_number(text)
    if seconds is not None:
        return max(0.0, seconds)
    moment = parse_http_date(text)
    return None if moment is None else max(0.0, (moment - server_now).total_seconds())


def _parse_reset(text: str | None, server_now: datetime) -> float | None:
    epoch = _parse_number(text)
    if epoch is not None:
        return max(0.0, epoch - server_now.timestamp())
    try:
        moment = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(0.0, (moment - server_now).total_seconds())


def _parse_number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) < 1e12 else None
