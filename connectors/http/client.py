"""HTTP transport: the only code that sends requests. No automatic redirects, no hidden retries or waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from typing import Any, NotRequired, TypedDict
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from connectors.errors import AuthFailed, BadPayload, ConnectorError, WriteDeferred
from connectors.http.bounded_adapter import BoundedAdapter, ResponseLimits
from connectors.http.circuit_breaker import CircuitBreaker
from connectors.http.lost_responses import error_for_lost_response
from connectors.http.rate_limiter import CONTENT_METHODS, RateLimiter, WriteDelay, WriteLimits
from connectors.http.response import (
    ApiResponse,
    ErrorClassifier,
    PrematureDetector,
    RateLimitDetector,
    ResponseParser,
)
from connectors.http.response_errors import printable_line
from connectors.http.retry import (
    RequestKind,
    Retrier,
    RetryableFailure,
    RetryPolicy,
    Wait,
    server_wait_seconds,
)
from connectors.http.session import configure_session
from connectors.http.url_policy import describe_url, is_inside_base, is_unencrypted
from connectors.http.usage import RequestStats

MIN_REPORTED_WAIT = 5.0
"""Seconds; shorter waits between writes are ordinary spacing and not reported."""


class TransportOptions(TypedDict):
    """Options of ``Transport`` that ``open_jira`` and ``open_github`` pass on."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    on_wait: Callable[[Wait], None]
    adapter: NotRequired[BaseAdapter | None]
    request_stats: NotRequired[RequestStats | None]


class Transport:
    """HTTP client for the JSON API at one base URL, with retries as in ``retry.py``.

    Refuses every redirect, every URL outside the base URL, and an unencrypted base URL (AuthFailed), except on this
    machine. Verifies certificates always. Spaces writes and sends one at a time. Turns statuses, broken responses and
    lost connections into the errors of ``errors.py``. Every response is bounded in time and size. Thread-safe.
    """

    def __init__(
        self,
        session: requests.Session,
        base_url: str,
        *,
        tracker: str,
        policy: RetryPolicy,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        on_wait: Callable[[Wait], None],
        detect_rate_limit: RateLimitDetector | None = None,
        classify_error: ErrorClassifier | None = None,
        is_premature: PrematureDetector | None = None,
        rate_limiter: RateLimiter | None = None,
        timeout: tuple[float, float] = (5.0, 30.0),
        limits: ResponseLimits = ResponseLimits(),
        adapter: BaseAdapter | None = None,
        request_stats: RequestStats | None = None,
    ) -> None:
        """Take over ``session``, which carries the credentials.

        ``tracker``: name that messages begin with. ``now`` returns an aware time. ``detect_rate_limit`` recognizes
        a vendor's rate limit refusals other than a plain 429. ``classify_error`` may turn a failure (redirects
        excluded) into a more specific error than the general one. ``is_premature`` gets every
        response and recognizes refusals of credentials that are too new. ``rate_limiter`` spaces
        writes; without it they are sent at once. ``timeout``: seconds to connect, and between bytes. ``limits``:
        time and size of a whole response. ``adapter`` replaces the network (simulations). ``request_stats`` counts
        requests.
        """
        if is_unencrypted(base_url):
            raise AuthFailed(
                f"{tracker}: {base_url} is not encrypted, so that anybody on the way could read the credentials; "
                "write its url with https://"
            )
        self.now = now
        """Returns this machine's time (aware)."""
        self.base_url = base_url.rstrip("/")
        self.tracker = tracker
        self._deadline = policy.deadline
        network = adapter or BoundedAdapter(limits, seconds_left=self._seconds_left)
        self._session = configure_session(session, network, uses_proxies=adapter is None)
        self._retrier = Retrier(tracker=tracker, policy=policy, now=now, sleep=sleep, on_wait=on_wait)
        self._parser = ResponseParser(tracker, now, detect_rate_limit, classify_error, is_premature)
        self._rate_limiter = rate_limiter or RateLimiter(WriteLimits(), tracker=tracker)
        self._circuit_breaker = CircuitBreaker(now)
        self._timeout = timeout
        self._request_stats = request_stats or RequestStats()

    def send(
        self,
        method: str,
        path: str,
        *,
        kind: RequestKind,
        expects: int = 200,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        fallback_bodies: Sequence[Any] = (),
    ) -> ApiResponse:
        """Send a request and return its response, with retries as ``kind`` and the policy allow.

        ``path`` is relative to the base URL, or a whole URL below it (the next page in a Link header); any other URL
        raises BadPayload. ``read`` and ``idempotent`` requests are repeated after lost and broken responses; a
        ``create`` only if it certainly had no effect (rate limit, no connection), otherwise it raises OutcomeUnknown.

        ``expects`` is the status that the tracker documents for success. Any other success is doubt: NotConfirmed
        for an ``idempotent`` write that was repeated in vain, OutcomeUnknown for a ``create``, BadPayload for a read.

        ``fallback_bodies``, for reads only: smaller alternatives to ``json``, sent in turn while the tracker gives no
        whole response (see ``Retrier.call``). The request fails only if all of them fail.

        After the circuit breaker opened, no request is sent and its error is raised at once.

        Errors: AuthFailed (401), Gone (404, 410), Rejected (other 4xx), ReadRedirected (a SourceMissing),
        WriteRedirected, NotConfirmed, RateLimitExceeded, WriteDeferred, Unavailable, BadPayload, OutcomeUnknown
        (``create`` only).
        """
        url = self._absolute_url(path)
        where = f"{self.tracker}: {method} {urlsplit(url).path}"
        ambiguity = _AmbiguousWrite()

        def attempt(body: Any) -> ApiResponse:
            with ambiguity.track(kind), self._rate_limited(method, where, kind):
                response = self._send_once(
                    where, kind, method=method, url=url, params=params, json=body, headers=headers
                )
                # A successful response may say that the rate limit is now used up.
                if response.ok and (seconds := server_wait_seconds(response.headers, self.now())):
                    self._rate_limiter.block_until(self.now() + timedelta(seconds=seconds))
                return self._parser.parse(response, where, kind, expects)

        self._circuit_breaker.raise_if_open()
        try:
            index, answer = self._retrier.call([partial(attempt, body) for body in (json, *fallback_bodies)])
        except ConnectorError as error:
            self._circuit_breaker.record_failure(error)
            raise
        self._circuit_breaker.record_success()
        return replace(answer, fallback_index=index) if index else answer

    def get(
        self, path: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> ApiResponse:
        """Send a GET, as a read."""
        return self.send("GET", path, kind="read", params=params, headers=headers)

    def _seconds_left(self) -> float:
        """Return the time that the run has left."""
        return inf if self._deadline is None else (self._deadline - self.now()).total_seconds()

    def _absolute_url(self, path: str) -> str:
        url = path if "://" in path else f"{self.base_url}/{path.lstrip('/')}"
        if not is_inside_base(url, self.base_url):
            raise BadPayload(
                f"{self.tracker}: was sent to {printable_line(describe_url(url))}, which is not "
                f"part of {self.base_url}; check url of this tracker in increment-sync.yaml"
            )
        return url

    @contextmanager
    def _rate_limited(self, method: str, where: str, kind: RequestKind) -> Iterator[None]:
        if kind == "read":
            yield
            return
        content = method in CONTENT_METHODS
        with self._rate_limiter.lock:
            if delay := self._rate_limiter.required_delay(self.now(), content=content):
                self._wait_before_write(delay, where)
            self._rate_limiter.record_start(self.now(), content=content)
            try:
                yield
            finally:
                self._rate_limiter.record_end(self.now())

    def _wait_before_write(self, delay: WriteDelay, where: str) -> None:
        """Sleep until a write may be sent. Raise WriteDeferred if that takes longer than a run may wait."""
        if self._retrier.policy.is_too_long(delay.seconds, self.now()):
            until = self.now().astimezone(UTC) + timedelta(seconds=delay.seconds)
            raise WriteDeferred(
                f"{where}: the {delay.reason} is used up until {until:%Y-%m-%d %H:%M} UTC; "
                "the remaining work is kept for the next run",
                until,
            )
        if delay.seconds >= MIN_REPORTED_WAIT:
            self._retrier.wait(delay.seconds, delay.reason, attempt=1)
        else:
            self._retrier.sleep(delay.seconds)

    def _send_once(self, where: str, kind: RequestKind, *, url: str, **request: Any) -> requests.Response:
        self._request_stats.record_request(self.tracker)
        try:
            response = self._session.request(url=url, timeout=self._timeout, allow_redirects=False, **request)
        except (OSError, ValueError) as error:
            # The library's message is dropped: it may quote headers and queries.
            raise error_for_lost_response(where, kind, error, url) from None
        self._request_stats.record_response(self.tracker, response.headers)
        return response


class _AmbiguousWrite:
    """Tracks if an earlier attempt of one write may have taken effect although its response was lost or broken."""

    def __init__(self) -> None:
        self._may_have_succeeded = False

    @contextmanager
    def track(self, kind: RequestKind) -> Iterator[None]:
        """Wrap one attempt. Mark errors that come after an ambiguous attempt (``follows_ambiguous_write``)."""
        try:
            yield
        except RetryableFailure as failure:
            self._may_have_succeeded |= kind == "idempotent" and not (failure.refusal or failure.is_refused)
            raise
        except ConnectorError as error:
            error.follows_ambiguous_write = self._may_have_succeeded
            raise
