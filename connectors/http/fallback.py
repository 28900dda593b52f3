"""Asking for less where a tracker could not cope with more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Generic, TypeVar

from connectors.errors import BadPayload, Unavailable, Unreachable
from connectors.http.retry import RetryableFailure, RetryPolicy, Wait, call_with_retries

FALLBACK_ATTEMPTS: Final = 2
"""How often each lighter request is sent at most; the first one as often as the policy says."""

T = TypeVar("T")


def call_with_fallbacks(
    requests: Sequence[Callable[[], T]],
    *,
    tracker: str,
    policy: RetryPolicy,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    on_wait: Callable[[Wait], None],
) -> tuple[int, T]:
    """The answer of the first request that gets one, and its number; the others are not sent.

    Each is repeated like ``call`` does. The next one is taken only when a server that can be reached gave no whole
    answer again and again, and while the time that the policy grants a single request lasts for all of them together.
    A wait that the server asks for is kept before the next one, too. Errors are those of ``call``, of the last request.
    """
    started = now()
    for number, attempt in enumerate(requests):
        course = _FailureRecorder(attempt)
        spent = (now() - started).total_seconds()
        few = replace(
            policy, attempts=min(FALLBACK_ATTEMPTS, policy.attempts), max_total=policy.max_total - spent
        )
        patience = few if number else policy
        try:
            return number, call_with_retries(
                course.attempt, tracker=tracker, policy=patience, now=now, sleep=sleep, on_wait=on_wait
            )
        except (Unavailable, BadPayload) as error:
            last = course.last
            if last is None or isinstance(error, Unreachable) or number + 1 == len(requests):
                raise
            seconds = max(last.seconds or 0.0, policy.backoff_seconds(1))
            spent = (now() - started).total_seconds()
            if policy.is_too_long(seconds, now()) or spent + seconds > policy.max_total:
                raise
            on_wait(Wait(tracker=tracker, seconds=seconds, reason=last.reason, attempt=number + 1))
            sleep(seconds)
    raise ValueError("nothing to send")


class _FailureRecorder(Generic[T]):
    """The attempts of one request, and how the last of them failed."""

    def __init__(self, attempt: Callable[[], T]) -> None:
        self._attempt = attempt
        self.last: RetryableFailure | None = None

    def attempt(self) -> T:
        self.last = None
        try:
            return self._attempt()
        except RetryableFailure as failure:
            self.last = failure
            raise
