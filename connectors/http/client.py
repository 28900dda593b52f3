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
    OutOfTurn,
    QuotaExhausted,
)
from connectors.http.circuit_breaker import Circuit
from connectors.http.fallback import first_that_works
from connectors.http.rate_limiter import CONTENT, Hold, Pace, WriteLimits
from connectors.http.redaction import Hider, sent_secrets, url_secrets
from connectors.http.response_errors import TEMPORARY, lost, redirected, refused
from connectors.http.retry import Kind, Limit, RetryPolicy, TryAgain, Wait, server_wait
from connectors.http.session import without_habits
from connectors.http.url_policy import is_below, is_open_to_listeners
from connectors.http.usage import Traffic

__all__ = ["Kind", "Reply", "Surroundings", "Transport"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer that was received whole and was not a failure: 2xx or 304."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    data: Any
    """Decoded JSON, or None for an empty body."""
    lighter: int = 0
    """Which request it answers: 0 for the one that was asked for, n for the n-th of ``lighter``."""


WORTH_TELLING = 5.0
"""Seconds; shorter waits between writes are the ordinary pace."""

Limits = Callable[[requests.Response], Limit | None]


class Surroundings(TypedDict):
    """What a transport is handed on from whoever opens a tracker; see ``Transport``."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    on_wait: Callable[[Wait], None]
    adapter: NotRequired[BaseAdapter | None]
    traffic: NotRequired[Traffic | None]


Classify = Callable[[int, Mapping[str, str], Any], ConnectorError | None]


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
        limits: Limits | None = None,
        classify: Classify | None = None,
        pace: Pace | None = None,
        timeout: tuple[float, float] = (5.0, 30.0),
        adapter: BaseAdapter | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        """``session`` carries the credentials; its retries and cookies are switched off here.

        ``tracker`` is the name that messages begin with. ``limits`` recognises a vendor's quota refusals
        beyond a plain 429 (which needs no hook). ``classify`` may turn a final status that is no success
        (redirects excluded) into a more telling error than the general one; it gets status, headers, data.
        ``pace`` says when a write may leave; without it at once. ``timeout``: seconds to connect, and between bytes.
        ``adapter`` carries the requests instead of the network (rehearsals). ``traffic`` counts them.
        ``now`` gives an aware time.
        """
        if is_open_to_listeners(base_url):
            raise AuthFailed(
                f"{tracker}: {base_url} is not encrypted, so that anybody on the way could read the credentials; "
                "write its url with https://"
            )
        self.base_url = base_url.rstrip("/")
        self.tracker = tracker
        self._session = without_habits(session, adapter)
        self._policy = policy
        self._now = now
        self._sleep = sleep
        self._on_wait = on_wait
        self._limits = limits
        self._classify = classify
        self._pace = pace or Pace(WriteLimits(), tracker=tracker)
        self._circuit = Circuit(now)
        self._timeout = timeout
        self._traffic = traffic or Traffic()

    def send(
        self,
        method: str,
        path: str,
        *,
        kind: Kind,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        lighter: Sequence[Any] = (),
    ) -> Reply:
        """Send a request and return its answer, repeated as ``kind`` and the policy allow.

        ``path`` is below the base URL, or a whole URL under it (the next page of a Link header); any
        other is BadPayload. ``kind`` says what a repetition would do: ``read`` and ``idempotent`` are
        repeated after lost and broken answers; ``create`` only when the request certainly had no effect (a
        quota's refusal, no connection), otherwise OutcomeUnknown.

        ``lighter``, for reads alone: bodies that ask for less than ``json``, taken in turn while the tracker gives no
        whole answer (see ``first_that_works``). Only when none of them gets one has a request failed.

        A tracker that was found to be down in this run is not asked again: the same error at once.

        Errors: AuthFailed (401), Gone (404, 410), Moved (a redirected read; a SourceMissing), Rejected (other
        4xx; a redirected write), QuotaExhausted, OutOfTurn, Unavailable, BadPayload, OutcomeUnknown (only
        ``create``).
        """
        url = self._url(path)
        where = f"{self.tracker}: {method} {urlsplit(url).path}"

        doubt = _Doubt()

        def attempt(body: Any) -> Reply:
            with doubt.over(kind), self._paced(method, where, kind):
                response = self._exchange(method, url, where, kind, params, body, headers)
                if response.ok and (seconds := server_wait(response.headers, self._now())):
                    self._pace.close(self._now() + timedelta(seconds=seconds))
                return self._judge(response, where, kind)

        number, reply = self._answered([partial(attempt, body) for body in (json, *lighter)])
        return replace(reply, lighter=number) if number else reply

    def _answered(self, attempts: Sequence[Callable[[], Reply]]) -> tuple[int, Reply]:
        """The first answer, and to which attempt; unless the tracker was found to be down."""
        self._circuit.check()
        try:
            found = first_that_works(
                attempts,
                tracker=self.tracker,
                policy=self._policy,
                now=self._now,
                sleep=self._sleep,
                on_wait=self._on_wait,
            )
        except ConnectorError as error:
            self._circuit.failed(error)
            raise
        self._circuit.answered()
        return found

    def now(self) -> datetime:
        """This machine's time (aware)."""
        return self._now()

    def _url(self, path: str) -> str:
        url = path if "://" in path else f"{self.base_url}/{path.lstrip('/')}"
        if not is_below(url, self.base_url):
            asked = urlsplit(url)
            raise BadPayload(
                f"{self.tracker}: was sent to {asked.scheme}://{asked.hostname}{asked.path}, which is not "
                f"part of {self.base_url}; check url of this tracker in increment-sync.yaml"
            )
        return url

    @contextmanager
    def _paced(self, method: str, where: str, kind: Kind) -> Iterator[None]:
        if kind == "read":
            yield
            return
        content = method in CONTENT
        with self._pace.turn:
            if hold := self._pace.hold(self._now(), content=content):
                self._wait_for(hold, where)
            self._pace.begin(self._now(), content=content)
            try:
                yield
            finally:
                self._pace.end(self._now())

    def _wait_for(self, hold: Hold, where: str) -> None:
        """Sleep until a write may leave. QuotaExhausted, with nothing sent, when that takes too long."""
        if self._policy.too_long(hold.seconds, self._now()):
            until = self._now().astimezone(UTC) + timedelta(seconds=hold.seconds)
            raise OutOfTurn(
                f"{where}: the {hold.reason} is used up until {until:%Y-%m-%d %H:%M} UTC; "
                "the rest of the work is kept for the next run",
                until,
            )
        if hold.seconds >= WORTH_TELLING:
            self._on_wait(Wait(tracker=self.tracker, seconds=hold.seconds, reason=hold.reason, attempt=1))
        self._sleep(hold.seconds)

    def _exchange(
        self,
        method: str,
        url: str,
        where: str,
        kind: Kind,
        params: Mapping[str, Any] | None,
        json: Any,
        headers: Mapping[str, str] | None,
    ) -> requests.Response:
        self._traffic.sent(self.tracker)
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
            raise lost(where, kind, error, urlsplit(url).netloc) from None
        except ValueError:  # also from http.client, whose text quotes the header: the token itself
            raise AuthFailed(
                f"{where}: the credentials or the url hold characters that cannot be sent; check them "
                "for line breaks and quotation marks"
            ) from None
        self._traffic.answered(self.tracker, response.headers)
        return response

    def _judge(self, response: requests.Response, where: str, kind: Kind) -> Reply:
        status = response.status_code
        if status < 400:
            return self._accepted(response, where, kind)
        limit = self._limits(response) if self._limits else None
        if limit is None and status == 429:
            limit = Limit(reason=f"quota of {self.tracker}")
        if limit is not None:
            asked = limit.seconds if limit.seconds is not None else server_wait(response.headers, self._now())
            raise TryAgain(
                QuotaExhausted(f"{where}: {limit.reason}"), reason=limit.reason, seconds=asked, limit=limit
            )
        data = _readable(response, self._hider(response))
        error = self._classify(status, response.headers, data) if self._classify else None
        error = error or refused(where, status, response.headers, data)
        if status not in TEMPORARY:
            raise error
        if kind == "create":
            raise OutcomeUnknown(f"{where}: answered HTTP {status}; it may have taken effect all the same")
        raise TryAgain(
            error, reason=f"an answer (HTTP {status})", seconds=server_wait(response.headers, self._now())
        )

    def _accepted(self, response: requests.Response, where: str, kind: Kind) -> Reply:
        status = response.status_code
        if status == 304 and kind == "read":
            return Reply(status=status, headers=response.headers, data=None)
        if not 200 <= status < 300:
            location = self._hider(response).text(response.headers.get("Location", ""))
            raise redirected(where, status, kind, location)
        try:
            data = _decoded(response)
        except (ValueError, RecursionError):
            data = ...
        if data is ... or (data is None and kind == "read" and status == 200):
            raise _broken(where, kind, status)
        return Reply(status=status, headers=response.headers, data=data)

    def _hider(self, response: requests.Response) -> Hider:
        """Trackers and proxies may repeat what they were sent, and what they say is quoted in messages."""
        proxies = get_environ_proxies(response.url) if self._session.trust_env else {}
        secrets = (secret for proxy in proxies.values() for secret in url_secrets(proxy))
        return Hider([*sent_secrets(response.request.headers.get("Authorization")), *secrets])


class _Doubt:
    """Whether an earlier attempt of one write may have taken effect although its answer was lost or broken."""

    def __init__(self) -> None:
        self._may_have_happened = False

    @contextmanager
    def over(self, kind: Kind) -> Iterator[None]:
        """Around an attempt. An error that comes after such an attempt is ``in_doubt``."""
        try:
            yield
        except TryAgain as failure:
            self._may_have_happened |= kind == "idempotent" and failure.limit is None
            raise
        except ConnectorError as error:
            error.in_doubt = self._may_have_happened
            raise


def _broken(where: str, kind: Kind, status: int) -> ConnectorError | TryAgain:
    if kind == "create":
        return OutcomeUnknown(
            f"{where}: answered HTTP {status} with something that is not JSON; look before repeating"
        )
    failure = BadPayload(
        f"{where}: answered HTTP {status} with something that is not the JSON it promises (cut short, or "
        "a proxy's page); check url of this tracker in increment-sync.yaml and try again"
    )
    return TryAgain(failure, reason="a whole answer")


def _decoded(response: requests.Response) -> Any:
    """ValueError when the body is no JSON; None when there is none."""
    if not response.content.strip():
        return None
    return json_module.loads(response.content)


def _readable(response: requests.Response, hider: Hider) -> Any:
    try:
        return hider.value(_decoded(response))
    except (ValueError, RecursionError):
        return None
