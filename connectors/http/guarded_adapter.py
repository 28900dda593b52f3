"""Adapter below the vendors' clients: every request leaves through it, without redirects, hidden retries or waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from math import inf
from typing import Any, Final, NotRequired, TypedDict
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
from connectors.http.url_policy import describe_url, is_inside_base, is_unencrypted
from connectors.http.usage import RequestStats

MIN_REPORTED_WAIT: Final = 5.0
"""Seconds; shorter waits between writes are ordinary spacing and not reported."""


class ConnectionOptions(TypedDict):
    """Options of ``GuardedAdapter`` that ``open_jira`` and ``open_github`` pass on."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    on_wait: Callable[[Wait], None]
    adapter: NotRequired[BaseAdapter | None]
    request_stats: NotRequired[RequestStats | None]


@dataclass(kw_only=True, slots=True)
class _Exchange:
    """One request of ``GuardedAdapter.ask``, and the answer to it."""

    kind: RequestKind
    expects: int
    fallback_bodies: Sequence[Any] = ()
    answer: ApiResponse | None = None


_exchange: ContextVar[_Exchange | None] = ContextVar("exchange", default=None)


class GuardedAdapter(BaseAdapter):
    """Sends the requests of one tracker's client to the JSON API at one base URL, with retries as in ``retry.py``.

    Refuses every redirect, every URL outside the base URL, and an unencrypted base URL (AuthFailed), except on this
    machine. Spaces writes and sends one at a time. Turns statuses, broken responses and lost connections into the
    errors of ``errors.py``, which pass through the clients: so these see nothing that they would repeat, follow or
    wait for. Every response is bounded in time and size. Thread-safe.
    """

    def __init__(
        self,
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
        renew: Callable[[requests.PreparedRequest], None] | None = None,
        rate_limiter: RateLimiter | None = None,
        timeout: tuple[float, float] = (5.0, 30.0),
        limits: ResponseLimits = ResponseLimits(),
        adapter: BaseAdapter | None = None,
        request_stats: RequestStats | None = None,
    ) -> None:
        """``tracker``: name that messages begin with. ``now`` returns an aware time.

        ``detect_rate_limit`` recognizes a vendor's rate limit refusals other than a plain 429. ``classify_error`` may
        turn a failure (redirects excluded) into a more specific error than the general one. ``is_premature`` gets
        every response and recognizes refusals of credentials that are too new. ``renew`` gets each request when it is
        sent, and replaces credentials that expired while it waited. ``rate_limiter`` spaces writes; without it they
        are sent at once. ``timeout``: seconds to connect, and between bytes; it replaces the client's.
        ``limits``: time and size of a whole response. ``adapter`` replaces the network (simulations).
        ``request_stats`` counts requests.
        """
        super().__init__()
        if is_unencrypted(base_url):
            raise AuthFailed(
                f"{tracker}: {base_url} is not encrypted, so that anybody on the way could read the credentials; "
                "write its url with https://"
            )
        self.now = now
        """Returns this machine's time (aware)."""
        self.base_url = base_url.rstrip("/")
        self.tracker = tracker
        self.uses_proxies = adapter is None
        """True if requests go to the network."""
        self._network = adapter or BoundedAdapter(limits, seconds_left=self._seconds_left)
        self._deadline = policy.deadline
        self._retrier = Retrier(tracker=tracker, policy=policy, now=now, sleep=sleep, on_wait=on_wait)
        self._parser = ResponseParser(tracker, now, detect_rate_limit, classify_error, is_premature)
        self._renew = renew or (lambda _: None)
        self._rate_limiter = rate_limiter or RateLimiter(WriteLimits(), tracker=tracker)
        self._circuit_breaker = CircuitBreaker(now)
        self._timeout = timeout
        self._request_stats = request_stats or RequestStats()

    def ask(
        self,
        call: Callable[[], object],
        *,
        kind: RequestKind,
        expects: int = 200,
        fallback_bodies: Sequence[Any] = (),
    ) -> ApiResponse:
        """Call a method of a client that sends one request, and return the answer to this request.

        ``read`` and ``idempotent`` requests are repeated after lost and broken responses; a ``create`` only if it
        certainly had no effect (rate limit, no connection), otherwise it raises OutcomeUnknown.

        ``expects`` is the status that the tracker documents for success. Any other success is doubt: NotConfirmed
        for an ``idempotent`` write that was repeated in vain, OutcomeUnknown for a ``create``, BadPayload for a read.

        ``fallback_bodies``, for reads only: smaller alternatives to the body, sent in turn while the tracker gives no
        whole response (see ``Retrier.call``). The request fails only if all of them fail.

        After the circuit breaker opened, no request is sent and its error is raised at once.

        Errors: AuthFailed (401), Gone (404, 410), Rejected (other 4xx), ReadRedirected (a SourceMissing),
        WriteRedirected, NotConfirmed, RateLimitExceeded, WriteDeferred, Unavailable, BadPayload, OutcomeUnknown
        (``create`` only).
        """
        exchange = _Exchange(kind=kind, expects=expects, fallback_bodies=fallback_bodies)
        token = _exchange.set(exchange)
        try:
            call()
        except Exception as error:
            # What a client makes of a whole answer, its objects and further requests, is not needed: the answer is.
            if exchange.answer is None:
                if isinstance(error, ConnectorError):
                    raise
                raise self._error_before_sending(kind, error) from None
        finally:
            _exchange.reset(token)
        if exchange.answer is None:
            raise TypeError("the client sent no request")
        return exchange.answer

    def absolute_url(self, path: str) -> str:
        """Return the URL of a path relative to the base URL, or of a whole URL below it (a page in a Link header).

        Any other URL raises BadPayload.
        """
        url = path if "://" in path else f"{self.base_url}/{path.lstrip('/')}"
        self._confirm_inside(url, self.base_url)
        return url

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send the request of a client for which ``ask`` was called, and return a success, or a 304 for a read.

        Every other request is refused: the client's objects complete themselves by hidden ones.
        """
        del stream, timeout  # bodies are read here, and every request has our timeout
        url = request.url or ""
        where = f"{self.tracker}: {request.method} {urlsplit(url).path}"
        self._confirm_inside(url, _as_sent(self.base_url))
        exchange = _exchange.get()
        if exchange is None or exchange.answer:
            raise BadPayload(f"{where}: the client sends a request that nobody asked for")
        transmit = partial(self._network.send, verify=verify, cert=cert, proxies=proxies)
        self._circuit_breaker.raise_if_open()
        try:
            index, (response, answer) = self._retrier.call(self._attempts(request, where, exchange, transmit))
        except ConnectorError as error:
            self._circuit_breaker.record_failure(error)
            raise
        self._circuit_breaker.record_success()
        exchange.answer = replace(answer, fallback_index=index) if index else answer
        response.encoding = "utf-8"  # clients would guess it, which takes seconds for a long body
        return response

    def close(self) -> None:
        """Close all connections."""
        self._network.close()

    def _attempts(
        self,
        request: requests.PreparedRequest,
        where: str,
        exchange: _Exchange,
        transmit: Callable[..., requests.Response],
    ) -> list[Callable[[], tuple[requests.Response, ApiResponse]]]:
        """Return functions that send a request, and its alternatives, once."""
        ambiguity = _AmbiguousWrite()

        def attempt(request: requests.PreparedRequest) -> tuple[requests.Response, ApiResponse]:
            kind = exchange.kind
            with ambiguity.track(kind), self._rate_limited(request.method or "", where, kind):
                self._renew(request)
                response = self._send_once(request, where, kind, transmit)
                # A successful response may say that the rate limit is now used up.
                if response.ok and (seconds := server_wait_seconds(response.headers, self.now())):
                    self._rate_limiter.block_until(self.now() + timedelta(seconds=seconds))
                return response, self._parser.parse(response, where, kind, exchange.expects)

        def attempt_with(body: Any) -> tuple[requests.Response, ApiResponse]:
            return attempt(_with_body(request, body))

        return [
            partial(attempt, request),
            *(partial(attempt_with, body) for body in exchange.fallback_bodies),
        ]

    def _send_once(
        self,
        request: requests.PreparedRequest,
        where: str,
        kind: RequestKind,
        transmit: Callable[..., requests.Response],
    ) -> requests.Response:
        self._request_stats.record_request(self.tracker)
        try:
            response = transmit(request, timeout=self._timeout)
            response.content  # noqa: B018 - reads the body of any network
        except (OSError, ValueError) as error:
            # The library's message is dropped: it may quote headers and queries.
            raise error_for_lost_response(where, kind, error, request.url or "") from None
        self._request_stats.record_response(self.tracker, response.headers)
        return response

    def _error_before_sending(self, kind: RequestKind, error: Exception) -> ConnectorError:
        """Return the error for a request that a client could not put together."""
        if isinstance(error, OSError | ValueError):
            found = error_for_lost_response(self.tracker, kind, error, self.base_url)
            return found.error if isinstance(found, RetryableFailure) else found
        return BadPayload(f"{self.tracker}: the client refused to send a request ({type(error).__name__})")

    def _confirm_inside(self, url: str, base_url: str) -> None:
        if not is_inside_base(url, base_url):
            raise BadPayload(
                f"{self.tracker}: was sent to {printable_line(describe_url(url))}, which is not "
                f"part of {self.base_url}; check url of this tracker in increment-sync.yaml"
            )

    def _seconds_left(self) -> float:
        """Return the time that the run has left."""
        return inf if self._deadline is None else (self._deadline - self.now()).total_seconds()

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


def _with_body(request: requests.PreparedRequest, body: Any) -> requests.PreparedRequest:
    """Return a copy of a request with another JSON body."""
    changed = request.copy()
    changed.prepare_body(data=json.dumps(body), files=None)
    return changed


@lru_cache
def _as_sent(url: str) -> str:
    """Return a URL in the spelling of ``requests``, which changes case, host and path."""
    return requests.Request("GET", url).prepare().url or ""
