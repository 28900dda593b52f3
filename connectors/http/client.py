"""The one way in which requests leave this program: no redirects, no hidden retries, no hidden waits."""

from __future__ import annotations

import json as json_module
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NotRequired, TypedDict
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.utils import get_environ_proxies

from connectors.errors import (
    AuthFailed,
    BadPayload,
    ConnectorError,
    OutcomeUnknown,
    RateLimitExceeded,
    WriteDeferred,
)
from connectors.http.circuit_breaker import CircuitBreaker
from connectors.http.fallback import call_with_fallbacks
from connectors.http.rate_limiter import CONTENT_METHODS, RateLimiter, WriteDelay, WriteLimits
from connectors.http.redaction import SecretRedactor, secrets_in_authorization, secrets_in_url
from connectors.http.response_errors import (
    TEMPORARY_STATUSES,
    error_for_lost_response,
    error_for_redirect,
    error_for_status,
)
from connectors.http.retry import (
    RateLimitRefusal,
    RequestKind,
    RetryableFailure,
    RetryPolicy,
    Wait,
    server_wait_seconds,
)
from connectors.http.session import configure_session
from connectors.http.url_policy import is_inside_base, is_unencrypted
from connectors.http.usage import RequestStats

__all__ = ["ApiResponse", "RequestKind", "Transport", "TransportOptions"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiResponse:
    """An answer that was received whole and was not a failure: 2xx or 304."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    data: Any
    """Decoded JSON, or None for an empty body."""
    fallback_index: int = 0
    """Which request it answers: 0 for the one that was asked for, n for the n-th of ``lighter``."""


MIN_REPORTED_WAIT = 5.0
"""Seconds; shorter waits between writes are the ordinary pace."""

RateLimitDetector = Callable[[requests.Response], RateLimitRefusal | None]


class TransportOptions(TypedDict):
    """What a transport is handed on from whoever opens a tracker; see ``Transport``."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    on_wait: Callable[[Wait], None]
    adapter: NotRequired[BaseAdapter | None]
    traffic: NotRequired[RequestStats | None]


ErrorClassifier = Callable[[int, Mapping[str, str], Any], ConnectorError | None]


class Transport:
    """Sends JSON requests to one base URL with the retry policy of ``retry.py``.

    Refuses every redirect, every URL outside the base, and a base that is not encrypted (AuthFailed), except on
    this machine. Certificates are always verified. Spaces writes. Turns statuses, broken answers and
    lost connections into the errors of ``errors.py``. ``send`` is the only method that touches the network.
    May be used from several threads; writes take turns.
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
        rate_limiter: RateLimiter | None = None,
        timeout: tuple[float, float] = (5.0, 30.0),
        adapter: BaseAdapter | None = None,
        traffic: RequestStats | None = None,
    ) -> None:
        """``session`` carries the credentials; its retries and cookies are switched off here.

        ``tracker`` is the name that messages begin with. ``detect_rate_limit`` recognises a vendor's quota refusals
        beyond a plain 429 (which needs no hook). ``classify_error`` may turn a final status that is no success
        (redirects excluded) into a more telling error than the general one; it gets status, headers, data.
        ``rate_limiter`` says when a write may leave; without it at once. ``timeout``: seconds to connect, and between bytes.
        ``adapter`` carries the requests instead of the network (rehearsals). ``traffic`` counts them.
        ``now`` gives an aware time.
        """
        if is_unencrypted(base_url):
            raise AuthFailed(
                f"{tracker}: {base_url} is not encrypted, so that anybody on the way could read the credentials; "
                "write its url with https://"
            )
        self.base_url = base_url.rstrip("/")
        self.tracker = tracker
        self._session = configure_session(session, adapter)
        self._policy = policy
        self._now = now
        self._sleep = sleep
        self._on_wait = on_wait
        self._detect_rate_limit = detect_rate_limit
        self._classify_error = classify_error
        self._rate_limiter = rate_limiter or RateLimiter(WriteLimits(), tracker=tracker)
        self._circuit_breaker = CircuitBreaker(now)
        self._timeout = timeout
        self._request_stats = traffic or RequestStats()

    def send(
        self,
        method: str,
        path: str,
        *,
        kind: RequestKind,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        fallback_bodies: Sequence[Any] = (),
    ) -> ApiResponse:
        """Send a request and return its answer, repeated as ``kind`` and the policy allow.

        ``path`` is below the base URL, or a whole URL under it (the next page of a Link header); any
        other is BadPayload. ``kind`` says what a repetition would do: ``read`` and ``idempotent`` are
        repeated after lost and broken answers; ``create`` only when the request certainly had no effect (a
        quota's refusal, no connection), otherwise OutcomeUnknown.

        ``fallback_bodies``, for reads alone: bodies that ask for less than ``json``, taken in turn while the tracker gives no
        whole answer (see ``call_with_fallbacks``). Only when none of them gets one has a request failed.

        A tracker that was found to be down in this run is not asked again: the same error at once.

        Errors: AuthFailed (401), Gone (404, 410), Moved (a redirected read; a SourceMissing), Rejected (other
        4xx; a redirected write), QuotaExhausted, OutOfTurn, Unavailable, BadPayload, OutcomeUnknown (only
        ``create``).
        """
        url = self._absolute_url(path)
        where = f"{self.tracker}: {method} {urlsplit(url).path}"

        doubt = _AmbiguousWrite()

        def attempt(body: Any) -> ApiResponse:
            with doubt.track(kind), self._rate_limited(method, where, kind):
                response = self._send_once(method, url, where, kind, params, body, headers)
                if response.ok and (seconds := server_wait_seconds(response.headers, self._now())):
                    self._rate_limiter.block_until(self._now() + timedelta(seconds=seconds))
                return self._check_response(response, where, kind)

        number, reply = self._send_first_answered(
            [partial(attempt, body) for body in (json, *fallback_bodies)]
        )
        return replace(reply, fallback_index=number) if number else reply

    def _send_first_answered(self, attempts: Sequence[Callable[[], ApiResponse]]) -> tuple[int, ApiResponse]:
        """The first answer, and to which attempt; unless the tracker was found to be down."""
        self._circuit_breaker.raise_if_open()
        try:
            found = call_with_fallbacks(
                attempts,
                tracker=self.tracker,
                policy=self._policy,
                now=self._now,
                sleep=self._sleep,
                on_wait=self._on_wait,
            )
        except ConnectorError as error:
            self._circuit_breaker.record_failure(error)
            raise
        self._circuit_breaker.record_success()
        return found

    def now(self) -> datetime:
        """This machine's time (aware)."""
        return self._now()

    def _absolute_url(self, path: str) -> str:
        url = path if "://" in path else f"{self.base_url}/{path.lstrip('/')}"
        if not is_inside_base(url, self.base_url):
            asked = urlsplit(url)
            raise BadPayload(
                f"{self.tracker}: was sent to {asked.scheme}://{asked.hostname}{asked.path}, which is not "
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
            if hold := self._rate_limiter.required_delay(self._now(), content=content):
                self._wait_before_write(hold, where)
            self._rate_limiter.record_start(self._now(), content=content)
            try:
                yield
            finally:
                self._rate_limiter.record_end(self._now())

    def _wait_before_write(self, hold: WriteDelay, where: str) -> None:
        """Sleep until a write may leave. QuotaExhausted, with nothing sent, when that takes too long."""
        if self._policy.is_too_long(hold.seconds, self._now()):
            until = self._now().astimezone(UTC) + timedelta(seconds=hold.seconds)
            raise WriteDeferred(
                f"{where}: the {hold.reason} is used up until {until:%Y-%m-%d %H:%M} UTC; "
                "the rest of the work is kept for the next run",
                until,
            )
        if hold.seconds >= MIN_REPORTED_WAIT:
            self._on_wait(Wait(tracker=self.tracker, seconds=hold.seconds, reason=hold.reason, attempt=1))
        self._sleep(hold.seconds)

    def _send_once(
        self,
        method: str,
        url: str,
        where: str,
        kind: RequestKind,
        params: Mapping[str, Any] | None,
        json: Any,
        headers: Mapping[str, str] | None,
    ) -> requests.Response:
        self._request_stats.record_request(self.tracker)
        try:
            response = self._session.request(
                method,
                url,
                params=params,
                json=json,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # The library's own text is dropped: it may quote headers and queries.
            raise error_for_lost_response(where, kind, error, urlsplit(url).netloc) from None
        except ValueError:  # also from http.client, whose text quotes the header: the token itself
            raise AuthFailed(
                f"{where}: the credentials or the url hold characters that cannot be sent; check them "
                "for line breaks and quotation marks"
            ) from None
        self._request_stats.record_response(self.tracker, response.headers)
        return response

    def _check_response(self, response: requests.Response, where: str, kind: RequestKind) -> ApiResponse:
        status = response.status_code
        if status < 400:
            return self._parse_success(response, where, kind)
        limit = self._detect_rate_limit(response) if self._detect_rate_limit else None
        if limit is None and status == 429:
            limit = RateLimitRefusal(reason=f"quota of {self.tracker}")
        if limit is not None:
            asked = (
                limit.seconds
                if limit.seconds is not None
                else server_wait_seconds(response.headers, self._now())
            )
            raise RetryableFailure(
                RateLimitExceeded(f"{where}: {limit.reason}"),
                reason=limit.reason,
                seconds=asked,
                refusal=limit,
            )
        data = _decode_error_body(response, self._redactor_for(response))
        error = self._classify_error(status, response.headers, data) if self._classify_error else None
        error = error or error_for_status(where, status, response.headers, data)
        if status not in TEMPORARY_STATUSES:
            raise error
        if kind == "create":
            raise OutcomeUnknown(f"{where}: answered HTTP {status}; it may have taken effect all the same")
        raise RetryableFailure(
            error,
            reason=f"an answer (HTTP {status})",
            seconds=server_wait_seconds(response.headers, self._now()),
        )

    def _parse_success(self, response: requests.Response, where: str, kind: RequestKind) -> ApiResponse:
        status = response.status_code
        if status == 304 and kind == "read":
            return ApiResponse(status=status, headers=response.headers, data=None)
        if not 200 <= status < 300:
            location = self._redactor_for(response).redact(response.headers.get("Location", ""))
            raise error_for_redirect(where, status, kind, location)
        try:
            data = _decode_json(response)
        except (ValueError, RecursionError):
            data = ...
        if data is ... or (data is None and kind == "read" and status == 200):
            raise _error_for_broken_body(where, kind, status)
        return ApiResponse(status=status, headers=response.headers, data=data)

    def _redactor_for(self, response: requests.Response) -> SecretRedactor:
        """Trackers and proxies may repeat what they were sent, and what they say is quoted in messages."""
        proxies = get_environ_proxies(response.url) if self._session.trust_env else {}
        secrets = (secret for proxy in proxies.values() for secret in secrets_in_url(proxy))
        return SecretRedactor(
            [*secrets_in_authorization(response.request.headers.get("Authorization")), *secrets]
        )


class _AmbiguousWrite:
    """Whether an earlier attempt of one write may have taken effect although its answer was lost or broken."""

    def __init__(self) -> None:
        self._may_have_succeeded = False

    @contextmanager
    def track(self, kind: RequestKind) -> Iterator[None]:
        """Around an attempt. An error that comes after such an attempt is ``in_doubt``."""
        try:
            yield
        except RetryableFailure as failure:
            self._may_have_succeeded |= kind == "idempotent" and failure.refusal is None
            raise
        except ConnectorError as error:
            error.follows_ambiguous_write = self._may_have_succeeded
            raise


def _error_for_broken_body(where: str, kind: RequestKind, status: int) -> ConnectorError | RetryableFailure:
    if kind == "create":
        return OutcomeUnknown(
            f"{where}: answered HTTP {status} with something that is not JSON; look before repeating"
        )
    failure = BadPayload(
        f"{where}: answered HTTP {status} with something that is not the JSON it promises (cut short, or "
        "a proxy's page); check url of this tracker in increment-sync.yaml and try again"
    )
    return RetryableFailure(failure, reason="a whole answer")


def _decode_json(response: requests.Response) -> Any:
    """ValueError when the body is no JSON; None when there is none."""
    if not response.content.strip():
        return None
    return json_module.loads(response.content)


def _decode_error_body(response: requests.Response, hider: SecretRedactor) -> Any:
    try:
        return hider.redact_value(_decode_json(response))
    except (ValueError, RecursionError):
        return None
