"""GitHub authentication, default headers and error classification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import requests

from connectors.errors import (
    ConnectorError,
    ContainerRejected,
    Gone,
    IssueRejected,
    Rejected,
)
from connectors.http.response_errors import describe_refusal, quote_server_message
from connectors.http.retry import RateLimitRefusal

if TYPE_CHECKING:
    pass

_SECONDARY_LIMIT_WAIT: Final = 60.0
"""Seconds to wait if a secondary rate limit names no time (GitHub's best practices for the REST API)."""


class AlreadyExists(Rejected):
    """Creation of an object that exists already."""


class IssuesDisabled(Gone):
    """The repository exists and has no issues."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GithubApp:
    """Credentials of a GitHub App's installation. ``private_key`` is PEM text."""

    app_id: str
    private_key: str = field(repr=False)
    installation_id: int


def detect_rate_limit(response: requests.Response) -> RateLimitRefusal | None:
    """Recognize rate limit refusals: 429, and those 403 that say so by header or text."""
    if response.status_code not in (403, 429):
        return None
    headers = response.headers
    is_used_up = (headers.get("X-RateLimit-Remaining") or "").strip() == "0"
    # Not response.text: it guesses the encoding of the whole body.
    is_named = b"rate limit" in response.content[:2000].lower()
    if response.status_code == 429 or "Retry-After" in headers or is_used_up or is_named:
        return RateLimitRefusal(reason="GitHub rate limit", min_seconds=_SECONDARY_LIMIT_WAIT)
    return None


def classify_error(where: str, status: int, headers: Mapping[str, str], data: Any) -> ConnectorError | None:
    """Return a more specific error for some statuses, None for all others.

    403: IssueRejected or ContainerRejected. 410: IssuesDisabled. 422: AlreadyExists.
    """
    message = quote_server_message(data).casefold()
    if status == 403:
        error_class = IssueRejected if "locked" in message else ContainerRejected
        return error_class(describe_refusal(where, status, headers, data))
    if status == 410 and "disabled" in message:
        return IssuesDisabled(f"{where}: the issues of this repository are disabled (HTTP 410)")
    errors = data.get("errors") if status == 422 and isinstance(data, Mapping) else None
    rows = errors if isinstance(errors, list) else ()
    exists = any(isinstance(error, Mapping) and error.get("code") == "already_exists" for error in rows)
    return AlreadyExists("it exists already") if exists else None
