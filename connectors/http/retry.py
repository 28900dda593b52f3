"""Retry policy on tenacity: bounded attempts, bounded time, and waits that the server names come first."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Literal, TypeVar, cast

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from connectors.errors import BadPayload, ConnectorError, RateLimitExceeded, Unavailable, Unreachable
from connectors.scalars import in_utc

RequestKind = Literal["read", "idempotent", "create"]
"""Effect of repeating a request: none for a read, none further for an idempotent write, a second object for a
create."""

_MAX_SERVER_WAIT: Final = 366 * 86_400.0
"""Seconds. No run waits for so long; the bound keeps sums with the current time among the possible dates."""
FALLBACK_ATTEMPTS: Final = 2
"""Maximum attempts for each fallback; the first request gets as many as the policy allows."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """Limits on the attempts for one request. All times in seconds."""

    attempts: int = 4
    max_wait: float = 120.0
    """Longest single wait that a server may impose."""
    max_total: float = 300.0
    """Longest time from the first attempt to the start of the last one."""
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
        doubled = min(self.max_backoff, 2.0 ** (attempt - 1))
        return doubled * (0.7 + 0.6 * self.random())

    def wait_after(self, failure: RetryableFailure, attempt: int) -> float:
        """Return the wait before the attempt after the given one (from 1)."""
        backoff = self.backoff_seconds(attempt)
        if failure.seconds is not None:
            # A server's "0" means "soon": clients that retry at once get banned.
            return failure.seconds if failure.seconds >= 1 else backoff
        min_seconds = failure.refusal.min_seconds if failure.refusal else 0.0
        return max(backoff, min_seconds * 2.0 ** (attempt - 1))

    def forbids_wait(self, seconds: float, *, started: datetime, now: datetime) -> bool:
        """Return True if a wait is too long by itself, or for a request whose first attempt was at ``started``."""
        elapsed = max(0.0, (now - started).total_seconds())
        return self.is_too_long(seconds, now) or elapsed + seconds > self.max_total


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


@dataclass(eq=False)
class RetryableFailure(Exception):
    """Failed attempt that a retry may fix. ``error`` is raised if no retry does."""

    error: ConnectorError
    reason: str
    """As in ``Wait``."""
    seconds: float | None = None
    """Wait that the server demands."""
    refusal: RateLimitRefusal | None = None
    repeat: bool = True
    """False if only a smaller request may fare better."""
    is_refused: bool = False
    """True if the request certainly had no effect, also without ``refusal``."""
    next_wait: float = 0.0
    """Seconds until the next attempt, if there is one; set by ``Retrier``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrier:
    """Repeats requests to one tracker within the limits of a policy."""

    tracker: str
    policy: RetryPolicy
    now: Callable[[], datetime]
    """Returns an aware time."""
    sleep: Callable[[float], None]
    on_wait: Callable[[Wait], None]

    def call(self, requests: Sequence[Callable[[], T]]) -> tuple[int, T]:
        """Return index and answer of the first request that is answered; later ones are not sent.

        A request is repeated while it raises RetryableFailure and the policy allows. The next one, a smaller
        alternative, is sent only if a reachable server repeatedly gave no whole answer, and only within
        ``policy.max_total`` for all requests together. A wait that the server demands applies before it, too.
        Raises the error of the last RetryableFailure; RateLimitExceeded if that was a rate limit refusal.
        """
        started = self.now()
        for index, request in enumerate(requests):
            try:
                return index, self._repeat(request, self._fallback_policy(started) if index else self.policy)
            except RetryableFailure as last:
                error = self._final_error(last)
                if index + 1 == len(requests) or not _may_be_too_large(error):
                    raise error from last.__cause__
                seconds = max(last.seconds or 0.0, self.policy.backoff_seconds(1))
                if self.policy.forbids_wait(seconds, started=started, now=self.now()):
                    raise error from last.__cause__
                self.wait(seconds, last.reason, index + 1)
        raise ValueError("no request to send")

    def wait(self, seconds: float, reason: str, attempt: int) -> None:
        """Report a wait and sleep."""
        self._report(seconds, reason, attempt)
        self.sleep(seconds)

    def _report(self, seconds: float, reason: str, attempt: int) -> None:
        self.on_wait(Wait(tracker=self.tracker, seconds=seconds, reason=reason, attempt=attempt))

    def _repeat(self, request: Callable[[], T], policy: RetryPolicy) -> T:
        """Send a request until it is answered, or raise the RetryableFailure of the last attempt."""
        started = self.now()

        def next_wait(state: RetryCallState) -> float:
            failure = _failure_in(state)
            failure.next_wait = policy.wait_after(failure, state.attempt_number)
            return failure.next_wait

        def is_last(state: RetryCallState) -> bool:
            if not _failure_in(state).repeat:
                return True
            return state.attempt_number >= policy.attempts or policy.forbids_wait(
                state.upcoming_sleep, started=started, now=self.now()
            )

        def report(state: RetryCallState) -> None:
            reason = _failure_in(state).reason
            self._report(state.upcoming_sleep, reason, state.attempt_number)

        return Retrying(
            retry=retry_if_exception_type(RetryableFailure),
            wait=next_wait,
            stop=is_last,
            before_sleep=report,
            sleep=self.sleep,
            reraise=True,
        )(request)

    def _fallback_policy(self, started: datetime) -> RetryPolicy:
        elapsed = (self.now() - started).total_seconds()
        attempts = min(FALLBACK_ATTEMPTS, self.policy.attempts)
        return replace(self.policy, attempts=attempts, max_total=self.policy.max_total - elapsed)

    def _final_error(self, last: RetryableFailure) -> ConnectorError:
        if last.refusal is None:
            return last.error
        until = self.now().astimezone(UTC) + timedelta(seconds=last.next_wait)
        return RateLimitExceeded(
            f"{self.tracker}: the {last.refusal.reason} is used up until {until:%Y-%m-%d %H:%M} UTC; "
            "run again after that, the remaining work is kept",
            until,
        )


def _failure_in(state: RetryCallState) -> RetryableFailure:
    """Return the failure of the attempt that has just ended."""
    return cast("RetryableFailure", state.outcome and state.outcome.exception())


def _may_be_too_large(error: ConnectorError) -> bool:
    """Return True if a smaller request may be answered: the server is reachable and gave no whole answer."""
    return isinstance(error, Unavailable | BadPayload) and not isinstance(error, Unreachable)


def server_wait_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the wait that response headers demand, or None if they name no time.

    Reads Retry-After (whole or decimal seconds, or an HTTP date), then X-RateLimit-Reset (epoch seconds from
    GitHub, ISO 8601 from Jira) when X-RateLimit-Remaining is 0. Times are compared with the server's own Date
    header; ``now`` (aware) replaces a missing one. Never returns more than a year.
    """
    server_now = parse_http_date(headers.get("Date")) or now
    retry_after = headers.get("Retry-After")
    seconds = _parse_number(retry_after)
    if seconds is None and (at := parse_http_date(retry_after)):
        seconds = (at - server_now).total_seconds()
    if seconds is None and (headers.get("X-RateLimit-Remaining") or "").strip() == "0":
        seconds = _seconds_until_reset(headers.get("X-RateLimit-Reset"), server_now)
    return None if seconds is None else min(max(0.0, seconds), _MAX_SERVER_WAIT)


def parse_http_date(text: str | None) -> datetime | None:
    """Return the UTC time of an HTTP date, or None if there is no readable and possible date."""
    if not text:
        return None
    try:
        time = parsedate_to_datetime(text.strip())
    except (ValueError, OverflowError, TypeError, IndexError):  # the library raises each of them
        return None
    return in_utc(time.replace(tzinfo=time.tzinfo or UTC))


def _seconds_until_reset(text: str | None, server_now: datetime) -> float | None:
    epoch = _parse_number(text)
    if epoch is not None:
        return epoch - server_now.timestamp()
    try:
        time = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - server_now).total_seconds()


def _parse_number(text: str | None) -> float | None:
    """Return a finite number; None for ``inf``, ``nan`` and anything that is not a number."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) < 1e12 else None
