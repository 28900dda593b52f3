"""Parsing of HTTP responses: a successful response becomes an ApiResponse, any other one an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from requests.utils import get_environ_proxies

from connectors.errors import BadPayload, ConnectorError, NotConfirmed, OutcomeUnknown, RateLimitExceeded
from connectors.http.redaction import SecretRedactor, secrets_in_authorization, secrets_in_url
from connectors.http.response_errors import (
    REDIRECTS,
    error_for_redirect,
    error_for_status,
    is_temporary,
    quote_server_message,
)
from connectors.http.retry import RateLimitRefusal, RequestKind, RetryableFailure, server_wait_seconds
from connectors.http.strict_json import decode_json

RateLimitDetector = Callable[[requests.Response], RateLimitRefusal | None]
ErrorClassifier = Callable[[str, int, Mapping[str, str], Any], ConnectorError | None]
"""Gets the name of the request (``tracker: METHOD path``), status, headers and data of a failure."""
PrematureDetector = Callable[[requests.Response], bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiResponse:
    """Whole and successful response: the documented status of its request, or 304 for a read."""

    status: int
    headers: Mapping[str, str]
    """Names are case-insensitive."""
    data: Any
    """Decoded JSON, or None for an empty body."""
    fallback_index: int = 0
    """Request that was answered: 0 for the first body, n for the n-th of ``fallback_bodies``."""


class ResponseParser:
    """Parses the responses of one tracker. See ``GuardedAdapter`` for the arguments."""

    def __init__(
        self,
        tracker: str,
        now: Callable[[], datetime],
        detect_rate_limit: RateLimitDetector | None,
        classify_error: ErrorClassifier | None,
        is_premature: PrematureDetector | None = None,
    ) -> None:
        self._tracker = tracker
        self._now = now
        self._detect_rate_limit = detect_rate_limit or (lambda _: None)
        self._classify_error = classify_error or (lambda *_: None)
        self._is_premature = is_premature or (lambda _: False)

    def parse(
        self, response: requests.Response, where: str, kind: RequestKind, expects: int = 200
    ) -> ApiResponse:
        """Return a successful response. Raise RetryableFailure if a retry may help, else a ConnectorError.

        ``where`` names the request in messages: ``tracker: METHOD path``. ``expects``: documented status of success.
        """
        status, is_premature = response.status_code, self._is_premature(response)
        if status < 400:
            return _parse_success(response, where, kind, expects)
        refusal = self._detect_rate_limit(response)
        if refusal is None and status == 429:
            refusal = RateLimitRefusal(reason=f"rate limit of {self._tracker}")
        server_wait = server_wait_seconds(response.headers, self._now())
        if refusal is not None:
            raise RetryableFailure(
                RateLimitExceeded(f"{where}: {refusal.reason}"),
                reason=refusal.reason,
                seconds=server_wait,
                refusal=refusal,
            )
        data = _decode_error_body(response)
        error = self._classify_error(where, status, response.headers, data)
        error = error or error_for_status(where, status, response.headers, data)
        error.answer = f"HTTP {status}{quote_server_message(data)}"
        if is_premature:
            raise RetryableFailure(error, reason="the new token to be known everywhere", is_refused=True)
        if not is_temporary(status):
            raise error
        if kind == "create":
            raise OutcomeUnknown(f"{where}: answered HTTP {status}; it may have taken effect all the same")
        raise RetryableFailure(error, reason=f"an answer (HTTP {status})", seconds=server_wait)


def _parse_success(response: requests.Response, where: str, kind: RequestKind, expects: int) -> ApiResponse:
    status = response.status_code
    if status == 304 and kind == "read":
        return ApiResponse(status=status, headers=response.headers, data=None)
    if status in REDIRECTS:
        location = _redactor_for(response).redact(response.headers.get("Location", ""))
        raise error_for_redirect(where, status, kind, location)
    try:
        data = _decode_json(response)
    except ValueError:
        raise _error_for_broken_body(where, kind, response) from None
    if status != expects:
        raise _error_for_undocumented_status(where, kind, status, expects)
    if data is None and kind == "read":
        raise _error_for_broken_body(where, kind, response)
    return ApiResponse(status=status, headers=response.headers, data=data)


def _error_for_broken_body(
    where: str, kind: RequestKind, response: requests.Response
) -> ConnectorError | RetryableFailure:
    status = response.status_code
    if kind == "create":
        return OutcomeUnknown(
            f"{where}: answered HTTP {status} with something that is not JSON; check before repeating"
        )
    is_page = "html" in response.headers.get("Content-Type", "").lower()
    what = (
        "a web page (to log in, or a proxy's)"
        if is_page
        else "no JSON or a broken one (cut short, for example)"
    )
    failure = BadPayload(
        f"{where}: answered HTTP {status} with {what}; check url of this tracker in increment-sync.yaml and try again"
    )
    return RetryableFailure(failure, reason="a whole answer")


def _error_for_undocumented_status(
    where: str, kind: RequestKind, status: int, expects: int
) -> ConnectorError | RetryableFailure:
    """Return the error for a status that the tracker does not document: a proxy answered in its place."""
    text = f"{where}: answered HTTP {status}, and the tracker documents {expects}; a proxy may have answered"
    match kind:
        case "create":
            return OutcomeUnknown(f"{text}, and the request may have taken effect")
        case "idempotent":
            failure: ConnectorError = NotConfirmed(f"{text}, so the next run checks what it wrote")
        case "read":
            failure = BadPayload(f"{text}; check url of this tracker in increment-sync.yaml")
    return RetryableFailure(failure, reason="a documented answer")


def _decode_json(response: requests.Response) -> Any:
    """Return the decoded body, or None for an empty one. ValueError if the body is not JSON."""
    if not response.content.strip():
        return None
    return decode_json(response.content)


def _decode_error_body(response: requests.Response) -> Any:
    try:
        return _redactor_for(response).redact_value(_decode_json(response))
    except (ValueError, RecursionError):
        return None


def _redactor_for(response: requests.Response) -> SecretRedactor:
    """Return a redactor of the secrets that were sent: trackers and proxies may repeat them in responses."""
    proxies = get_environ_proxies(response.url)
    secrets = (secret for proxy in proxies.values() for secret in secrets_in_url(proxy))
    return SecretRedactor(
        [*secrets_in_authorization(response.request.headers.get("Authorization")), *secrets]
    )
