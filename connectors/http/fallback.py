"""Fallback to smaller requests when a tracker cannot answer a larger one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Generic, TypeVar

from connectors.errors import BadPayload, Unavailable, Unreachable
from connectors.http.retry import RetryableFailure, RetryPolicy, Wait, call_with_retries

FALLBACK_ATTEMPTS: Final = 2
"""Maximum attempts for each fallback; the first request gets as many as the policy allows."""

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
    """Return index and answer of the first request that is answered; later ones are not sent.

    Each request is retried by ``call_with_retries``. The next one is sent only if a reachable server repeatedly gave
    no whole answer, and only within ``policy.max_total`` for all requests together. A wait that the server demands
    applies before the next request, too. Raises the errors of ``call_with_retries`` for the last request.
    """
    started = now()
    for index, request in enumerate(requests):
        recorder = _FailureRecorder(request)
        elapsed = (now() - started).total_seconds()
        fallback_policy = replace(
            policy,
            attempts=min(FALLBACK_ATTEMPTS, policy.attempts),
            max_total=policy.max_total - elapsed,
        )
        try:
            return index, call_with_retries(
                recorder.attempt,
                tracker=tracker,
                policy=fallback_policy if index else policy,
                now=now,
                sleep=sleep,
                on_wait=on_wait,
            )
        except (Unavailable, BadPayload) as error:
            last = recorder.last
            if last is None or isinstance(error, Unreachable) or index + 1 == len(requests):
                raise
            seconds = max(last.seconds or 0.0, policy.backoff_seconds(1))
            elapsed = (now() - started).total_seconds()
            if policy.is_too_long(seconds, now()) or elapsed + seconds > policy.max_total:
                raise
            on_wait(Wait(tracker=tracker, seconds=seconds, reason=last.reason, attempt=index + 1))
            sleep(seconds)
    raise ValueError("no request to send")


class _FailureRecorder(Generic[T]):
    """Remembers the latest retryable failure of a request."""

    def __init__(self, request: Callable[[], T]) -> None:
        self._request = request
        self.last: RetryableFailure | None = None

    def attempt(self) -> T:
        self.last = None
        try:
            return self._request()
        except RetryableFailure as failure:
            self.last = failure
            raise
