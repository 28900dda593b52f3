"""Tells a health check (healthchecks.io or one that speaks like it) that a run began, and how it ended.

The URL is a secret: it stands in no message.
"""

from __future__ import annotations

import uuid
from typing import Final, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

PingSignal = Literal["start", "success", "fail"]
_SECONDS: Final = 5.0


class PingFailed(Exception):
    """The health check did not hear it. The sentence says why, without the URL."""


class HealthCheck:
    """One run, as a health check sees it."""

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        self._run = str(uuid.uuid4())

    def ping(self, signal: PingSignal) -> None:
        """Send one signal. Raises PingFailed; a redirect is not followed."""
        import requests

        from connectors.http.session import configure_session

        try:
            with configure_session(requests.Session()) as session:
                answer = session.get(self._address(signal), timeout=_SECONDS, allow_redirects=False)
        except (requests.RequestException, ValueError) as error:  # their texts hold the URL
            raise PingFailed(f"the health check cannot be reached ({type(error).__name__})") from None
        if answer.status_code != 200:
            raise PingFailed(
                f"the health check answered HTTP {answer.status_code}; check INCREMENT_SYNC_PING_URL"
            )

    def _address(self, signal: PingSignal) -> str:
        """``rid`` lets the check tell runs apart that overlap."""
        parts = urlsplit(self._url.get_secret_value())
        path = parts.path.rstrip("/") + ("" if signal == "success" else f"/{signal}")
        query = urlencode([*parse_qsl(parts.query), ("rid", self._run)])
        return urlunsplit((parts.scheme, parts.netloc, path, query, ""))
