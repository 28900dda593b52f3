"""GitHub authentication, default headers and error classification."""

from __future__ import annotations

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.auth import AuthBase

from connectors.errors import (
    AuthFailed,
    ConnectorError,
    ContainerRejected,
    Gone,
    IssueRejected,
    Rejected,
    SkipIssue,
)
from connectors.github.payload import parse_time, require, require_object
from connectors.http.client import Transport
from connectors.http.response_errors import describe_refusal, quote_server_message
from connectors.http.retry import RateLimitRefusal, parse_http_date

if TYPE_CHECKING:
    from github import Auth

HEADERS: Final = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "increment-sync",
}
_SECONDARY_LIMIT_WAIT: Final = 60.0
"""Seconds to wait if a secondary rate limit names no time (GitHub's best practices for the REST API)."""
_SPREADING_TIME: Final = timedelta(seconds=20)
"""Time after which every server of GitHub knows a new token."""


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


class GithubCredentials(AuthBase, ABC):
    """Adds the Authorization header to requests that have none."""

    fingerprint: str
    """Distinguishes accounts in the cache, without revealing the secret."""
    is_app = False
    grant_path: str | None = None
    """Path of an app's granted permissions, read with the identity headers; None for a token."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if "Authorization" not in request.headers:
            request.headers["Authorization"] = self.authorization()
        return request

    @abstractmethod
    def authorization(self) -> str:
        """Return the Authorization header of ordinary requests."""

    def identity_headers(self) -> Mapping[str, str]:
        """Return the additional headers of the request for our account."""
        return {}

    def is_premature(self, response: requests.Response) -> bool:
        """Return True if the response refuses a token that not all of GitHub's servers may know yet."""
        del response
        return False


class TokenCredentials(GithubCredentials):
    """Personal access token, through PyGithub's Auth."""

    def __init__(self, auth: Auth.Token) -> None:
        self._auth = auth
        self.fingerprint = _fingerprint(auth.token)

    def authorization(self) -> str:
        return f"{self._auth.token_type} {self._auth.token}"


class InstallationCredentials(GithubCredentials):
    """GitHub App: PyGithub signs the JWT, our transport requests the installation token.

    PyGithub's own installation auth would send its requests itself; see ``connect.py``.
    """

    is_app = True

    def __init__(
        self, auth: Auth.AppAuth, installation_id: int, transport: Transport, now: Callable[[], datetime]
    ) -> None:
        """``transport``: one without credentials, because tokens are requested while the shared one is sending."""
        self._auth = auth
        self.grant_path = f"app/installations/{installation_id}"
        self._transport = transport
        self._now = now
        self._lock = threading.Lock()
        self._token = ""
        self._expires_at: datetime | None = None
        self._fetched_at: datetime | None = None
        self._is_accepted = False
        """True once the current token read something."""
        self.fingerprint = _fingerprint(f"app {auth.app_id} {installation_id}")

    def authorization(self) -> str:
        with self._lock:
            if self._expires_at is None or self._now() >= self._expires_at:
                self._fetch_token()
            return f"token {self._token}"

    def identity_headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._jwt()}"}

    def is_premature(self, response: requests.Response) -> bool:
        """Recognize 401, and 404 until a first success, in the first seconds of a token."""
        status, sent = response.status_code, response.request.headers.get("Authorization")
        with self._lock:
            if self._fetched_at is None or sent != f"token {self._token}":
                return False
            self._is_accepted = self._is_accepted or status < 400
            is_new = self._now() - self._fetched_at < _SPREADING_TIME
            return is_new and (status == 401 or (status == 404 and not self._is_accepted))

    def _jwt(self) -> str:
        try:
            return self._auth.create_jwt()
        except Exception:
            # The signing library raises many errors, and their messages may quote the key.
            raise AuthFailed(
                "the private key of the GitHub App cannot sign; GITHUB_APP_PRIVATE_KEY has to be "
                "the whole PEM text, line breaks included"
            ) from None

    def _fetch_token(self) -> None:
        path = f"{self.grant_path}/access_tokens"
        try:
            response = self._transport.send(
                "POST", path, kind="idempotent", expects=201, headers=self.identity_headers()
            )
        except SkipIssue as error:
            raise AuthFailed(f"{error}; check GITHUB_APP_ID and GITHUB_APP_INSTALLATION_ID") from None
        fields = require_object(response.data, "an installation token")
        self._token = str(require(fields, "token", "an installation token"))
        # The lifetime is measured by the server's clock, then applied to ours, with a minute to spare.
        server_now = parse_http_date(response.headers.get("Date")) or self._now()
        expires_at = parse_time(require(fields, "expires_at", "an installation token"), "a token")
        self._expires_at = self._now() + (expires_at - server_now) - timedelta(seconds=60)
        self._fetched_at, self._is_accepted = self._now(), False


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


def _fingerprint(secret: str) -> str:
    return hashlib.sha256(f"increment-sync {secret}".encode()).hexdigest()[:12]
