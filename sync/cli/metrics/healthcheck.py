"""Pings for a health check (healthchecks.io or a compatible service): a run started, succeeded or failed.

The URL is a secret and is part of no message.
"""

from __future__ import annotations

import uuid
from typing import Final, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

PingSignal = Literal["start", "success", "fail"]
_SECONDS: Final = 5.0


class PingFailed(Exception):
    """The health check could not be pinged. The message says why, without the URL."""


class HealthCheck:
    """Pings of one run."""

    def __init__(self, url: SecretStr) -> None:
        self._url = url
        self._run = str(uuid.uuid4())

    def ping(self, signal: PingSignal) -> None:
        """Send one signal. Raises PingFailed, for a redirect, too."""
        import requests

        from connectors.http.session import configure_session

        try:
            with configure_session(requests.Session()) as session:
                response = session.get(self._url_for(signal), timeout=_SECONDS, allow_redirects=False)
        except (requests.RequestException, ValueError) as error:  # their texts hold the URL
            raise PingFailed(f"the health check cannot be reached ({type(error).__name__})") from None
        if response.status_code != 200:
            raise PingFailed(
                f"the health check answered HTTP {response.status_code}; check INCREMENT_SYNC_PING_URL"
            )

    def _url_for(self, signal: PingSignal) -> str:
        """Add the signal and the id of the run (``rid``), by which the service tells overlapping runs apart."""
        parts = urlsplit(self._url.get_secret_value())
        path = parts.path.rstrip("/") + ("" if signal == "success" else f"/{signal}")
        query = urlencode([*parse_qsl(parts.query), ("rid", self._run)])
        return urlunsplit((parts.scheme, parts.netloc, path, query, ""))
