"""Credentials of PyGithub's kind: a personal access token, or an installation of a GitHub App."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import requests
from github import Auth

from connectors.errors import AuthFailed, SkipIssue
from connectors.github.auth import GithubApp
from connectors.github.client import GuardedRequester
from connectors.github.payload import parse_time, require, require_object
from connectors.http.retry import parse_http_date

_SPREADING_TIME: Final = timedelta(seconds=20)
"""Time after which every server of GitHub knows a new token."""


class TokenCredentials(Auth.Token):
    """Personal access token."""

    is_app = False
    grant_path: str | None = None

    def __init__(self, token: str) -> None:
        super().__init__(token)
        self.fingerprint = _fingerprint(token)

    def identity_headers(self) -> Mapping[str, str]:
        return {}


class InstallationCredentials(Auth.Auth):
    """Installation of a GitHub App: PyGithub signs the JWT, ``requester`` requests the installation token.

    PyGithub's own class would send the request for it without our guards.
    """

    is_app = True

    def __init__(self, app: GithubApp, requester: GuardedRequester, now: Callable[[], datetime]) -> None:
        """``requester``: one without credentials and spacing, because a token is requested while a write waits."""
        self._app = Auth.AppAuth(app.app_id, app.private_key)
        self.grant_path: str | None = f"app/installations/{app.installation_id}"
        """Path of the permissions that the owner granted, read with the identity headers."""
        self._requester = requester
        self._now = now
        self._lock = threading.Lock()
        self._token = ""
        self._expires_at: datetime | None = None
        self._fetched_at: datetime | None = None
        self._is_accepted = False
        """True once the current token read something."""
        self.fingerprint = _fingerprint(f"app {app.app_id} {app.installation_id}")
        """Distinguishes accounts in the cache, without revealing the secret."""

    @property
    def token_type(self) -> str:
        return "token"

    @property
    def token(self) -> str:
        with self._lock:
            if self._expires_at is None or self._now() >= self._expires_at:
                self._fetch_token()
            return self._token

    def authentication(self, headers: dict[str, Any]) -> None:
        """Add our authorization to headers that have none."""
        if "Authorization" not in headers:
            super().authentication(headers)

    def renew(self, request: requests.PreparedRequest) -> None:
        """Replace an installation token that expired while its request waited."""
        if str(request.headers.get("Authorization")).startswith("token "):
            request.headers["Authorization"] = f"token {self.token}"

    def identity_headers(self) -> Mapping[str, str]:
        """Return the additional headers of requests about the app itself."""
        return {"Authorization": f"Bearer {self._jwt()}"}

    def is_premature(self, response: requests.Response) -> bool:
        """Recognize refusals of a token that not all servers may know yet: 401, and 404 until a first success."""
        status, sent = response.status_code, response.request.headers.get("Authorization")
        with self._lock:
            if self._fetched_at is None or sent != f"token {self._token}":
                return False
            self._is_accepted = self._is_accepted or status < 400
            is_new = self._now() - self._fetched_at < _SPREADING_TIME
            return is_new and (status == 401 or (status == 404 and not self._is_accepted))

    def _jwt(self) -> str:
        try:
            return self._app.create_jwt()
        except Exception:
            # The signing library raises many errors, and their messages may quote the key.
            raise AuthFailed(
                "the private key of the GitHub App cannot sign; GITHUB_APP_PRIVATE_KEY has to be "
                "the whole PEM text, line breaks included"
            ) from None

    def _fetch_token(self) -> None:
        path = f"{self.grant_path}/access_tokens"
        try:
            response = self._requester.send(
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


GithubCredentials = TokenCredentials | InstallationCredentials


def _fingerprint(secret: str) -> str:
    return hashlib.sha256(f"increment-sync {secret}".encode()).hexdigest()[:12]
