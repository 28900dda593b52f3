"""GitHub and GitHub Enterprise Server: what opens the reader and the writer.

PyGithub gives the credentials (``github.Auth``); requests go through our own transport. Its request path is
unusable for us: it repeats POST after a 502 (a second comment), follows a 301 without the query (30 open
issues pass for all), takes a 307 on a write for success, and gives up at a bare 429.
tests/unit/test_github_defects.py holds us to each.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Unpack

from connectors.errors import AuthFailed
from connectors.github.auth import (
    AuthorizationHeader,
    GithubApp,
    GithubCredentials,
    InstallationCredentials,
    TokenCredentials,
    classify_error,
    detect_rate_limit,
    new_session,
)
from connectors.github.reader import GithubReader
from connectors.github.writer import GithubWriter
from connectors.http.client import Transport, TransportOptions
from connectors.http.rate_limiter import RateLimiter
from connectors.http.retry import RetryPolicy
from connectors.ports import Cache

__all__ = ["GithubApp", "GithubReader", "GithubWriter", "open_github"]


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
    **surroundings: Unpack[TransportOptions],
) -> tuple[GithubReader, GithubWriter]:
    """A reader and a writer that share one transport. Sends nothing yet.

    ``tracker`` is its name in the settings, ``url`` the address of the API (``https://HOST/api/v3`` for an
    Enterprise Server). Either ``token`` or ``app``; AuthFailed without both. ``rate_limiter`` says when
    a write may leave. ``overlap``: how long GitHub may take until a change shows in its lists.
    ``surroundings``: see ``Transport``.
    """
    policy = policy or RetryPolicy()

    def door(signed: GithubCredentials | None, paced: RateLimiter | None) -> Transport:
        opened = new_session()
        opened.auth = AuthorizationHeader(signed) if signed else None
        return Transport(
            opened,
            url,
            tracker=tracker,
            policy=policy,
            rate_limiter=paced,
            detect_rate_limit=detect_rate_limit,
            classify_error=classify_error,
            **surroundings,
        )

    credentials = _credentials(tracker, token, app, door(None, None), surroundings["now"])
    shared = door(credentials, rate_limiter)
    reader = GithubReader(
        tracker=tracker,
        transport=shared,
        credentials=credentials,
        cache=cache,
        page_size=page_size,
        overlap=overlap,
    )
    return reader, GithubWriter(tracker=tracker, transport=shared, cache=cache)


def _credentials(
    tracker: str, token: str | None, app: GithubApp | None, door: Transport, now: Callable[[], datetime]
) -> GithubCredentials:
    from github import Auth  # costs hundreds of milliseconds, and not every command needs it

    if app is not None:
        signer = Auth.AppAuth(app.app_id, app.private_key)
        return InstallationCredentials(signer, app.installation_id, door, now)
    if token and token.strip():
        return TokenCredentials(Auth.Token(token.strip()))
    raise AuthFailed(
        f"{tracker}: no credentials; set GH_TOKEN (or GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and "
        "GITHUB_APP_INSTALLATION_ID)"
    )
