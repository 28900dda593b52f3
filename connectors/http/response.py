"""Parsing of HTTP responses: a successful response becomes an ApiResponse, any other one an error."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from requests.utils import get_environ_proxies

from connectors.errors import BadPayload, ConnectorError, OutcomeUnknown, RateLimitExceeded
from connectors.http.redaction import SecretRedactor, secrets_in_authorization, secrets_in_url
from connectors.http.response_errors import TEMPORARY_STATUSES, error_for_redirect, error_for_status
from connectors.http.retry import RateLimitRefusal, RequestKind, RetryableFailure, server_wait_seconds

RateLimitDetector = Callable[[requests.Response], RateLimitRefusal | None]
ErrorClassifier = Callable[[int, Mapping[str, str], Any], ConnectorError | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiResponse:
    """Whole and successful response: 2xx or 304."""

    status: int
    headers: Mapping[str, str]
    """Names are case-insensitive."""
    data: Any
    """Decoded JSON, or None for an empty body."""
    fallback_index: int = 0
    """Request that was answered: 0 for the first body, n for the n-th of ``fallback_bodies``."""


class ResponseParser:
    """Parses the responses of one tracker. See ``Transport`` for the arguments."""

    def __init__(
        self,
        tracker: str,
        now: Callable[[], datetime],
        detect_rate_limit: RateLimitDetector | None,
        classify_error: ErrorClassifier | None,
    ) -> None:
        self._tracker = tracker
        self._now = now
        self._detect_rate_limit = detect_rate_limit or (lambda _: None)
        self._classify_error = classify_error or (lambda *_: None)

    def parse(self, response: requests.Response, where: str, kind: RequestKind) -> ApiResponse:
        """Return a successful response. Raise RetryableFailure if a retry may help, else a ConnectorError.

        ``where`` names the request in messages: ``tracker: METHOD path``.
        """
        status = response.status_code
        if status < 400:
            return _parse_success(response, where, kind)
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
        error = self._classify_error(status, response.headers, data)
        error = error or error_for_status(where, status, response.headers, data)
        if status not in TEMPORARY_STATUSES:
            raise error
        if kind == "create":
            raise OutcomeUnknown(f"{where}: answered HTTP {status}; it may have taken effect all the same")
        raise RetryableFailure(error, reason=f"an answer (HTTP {status})", seconds=server_wait)


def _parse_success(response: requests.Response, where: str, kind: RequestKind) -> ApiResponse:
    status = response.status_code
    if status == 304 and kind == "read":
        return ApiResponse(status=status, headers=response.headers, data=None)
    if not 200 <= status < 300:
        location = _redactor_for(response).redact(response.headers.get("Location", ""))
        raise error_for_redirect(where, status, kind, location)
    try:
        data = _decode_json(response)
    except (ValueError, RecursionError):
        raise _error_for_broken_body(where, kind, status) from None
    if data is None and kind == "read" and status == 200:
        raise _error_for_broken_body(where, kind, status)
    return ApiResponse(status=status, headers=response.headers, data=data)


def _error_for_broken_body(where: str, kind: RequestKind, status: int) -> ConnectorError | RetryableFailure:
    if kind == "create":
        return OutcomeUnknown(
            f"{where}: answered HTTP {status} with something that is not JSON; check before repeating"
        )
    failure = BadPayload(
        f"{where}: answered HTTP {status} with something that is not the JSON it promises (cut short, or "
        "a proxy's page); check url of this tracker in increment-sync.yaml and try again"
    )
    return RetryableFailure(failure, reason="a whole answer")


def _decode_json(response: requests.Response) -> Any:
    """Return the decoded body, or None for an empty one. ValueError if the body is not JSON."""
    if not response.content.strip():
        return None
    return json.loads(response.content)


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
