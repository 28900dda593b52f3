"""Opens reader and writer of GitHub or a GitHub Enterprise Server.

PyGithub provides the credentials (``github.Auth``); requests use our own transport, because PyGithub repeats POST
after a 502 (a second comment), follows a 301 without the query (30 open issues instead of all), takes a 307 on a write
for success, and gives up at a bare 429. tests/unit/test_github_defects.py shows each defect.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Unpack

import requests

from connectors.errors import AuthFailed
from connectors.github.auth import (
    HEADERS,
    GithubApp,
    GithubCredentials,
    InstallationCredentials,
    TokenCredentials,
    classify_error,
    detect_rate_limit,
)
from connectors.github.reader import GithubReader
from connectors.github.writer import GithubWriter
from connectors.http.client import Transport, TransportOptions
from connectors.http.rate_limiter import RateLimiter
from connectors.http.retry import RetryPolicy
from connectors.ports import Cache


def open_github(
    *,
    tracker: str,
    cache: Cache,
    url: str = "https://api.github.com",
    token: str | None = None,
    app: GithubApp | None = None,
    policy: RetryPolicy | None = None,
    rate_limiter: RateLimiter | None = None,
    page_size: int = 100,
    overlap: timedelta = timedelta(minutes=5),
    **options: Unpack[TransportOptions],
) -> tuple[GithubReader, GithubWriter]:
    """Return a reader and a writer that share one transport. Sends no request.

    ``tracker``: name in the settings. ``url``: address of the API (``https://HOST/api/v3`` for an Enterprise Server).
    Needs ``token`` or ``app``; AuthFailed without both. ``rate_limiter`` spaces writes. ``overlap``: maximum delay
    until a change appears in GitHub's lists. ``options``: see ``Transport``.
    """
    policy = policy or RetryPolicy()

    def open_transport(credentials: GithubCredentials | None, limiter: RateLimiter | None) -> Transport:
        session = requests.Session()
        session.headers.update(HEADERS)
        session.auth = credentials
        return Transport(
            session,
            url,
            tracker=tracker,
            policy=policy,
            rate_limiter=limiter,
            detect_rate_limit=detect_rate_limit,
            classify_error=classify_error,
            is_premature=credentials.is_premature if credentials else None,
            **options,
        )

    credentials = _credentials(tracker, token, app, open_transport(None, None), options["now"])
    transport = open_transport(credentials, rate_limiter)
    reader = GithubReader(
        transport=transport, credentials=credentials, cache=cache, page_size=page_size, overlap=overlap
    )
    return reader, GithubWriter(transport=transport, cache=cache)


def _credentials(
    tracker: str,
    token: str | None,
    app: GithubApp | None,
    transport: Transport,
    now: Callable[[], datetime],
) -> GithubCredentials:
    from github import Auth  # takes hundreds of milliseconds, and not every command needs it

    if app is not None:
        signer = Auth.AppAuth(app.app_id, app.private_key)
        return InstallationCredentials(signer, app.installation_id, transport, now)
    if token and token.strip():
        return TokenCredentials(Auth.Token(token.strip()))
    raise AuthFailed(
        f"{tracker}: no credentials; set GH_TOKEN (or GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and "
        "GITHUB_APP_INSTALLATION_ID)"
    )
