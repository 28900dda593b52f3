"""Opens reader and writer of GitHub or a GitHub Enterprise Server."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Unpack

from connectors.errors import AuthFailed
from connectors.github.auth import GithubApp, classify_error, detect_rate_limit
from connectors.github.reader import GithubReader
from connectors.github.writer import GithubWriter
from connectors.http.guarded_adapter import ConnectionOptions, GuardedAdapter
from connectors.http.rate_limiter import RateLimiter
from connectors.http.retry import RetryPolicy
from connectors.ports import Cache

if TYPE_CHECKING:
    from connectors.github.credentials import GithubCredentials


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
    **options: Unpack[ConnectionOptions],
) -> tuple[GithubReader, GithubWriter]:
    """Return a reader and a writer that share one client. Sends no request.

    ``tracker``: name in the settings. ``url``: address of the API (``https://HOST/api/v3`` for an Enterprise Server).
    Needs ``token`` or ``app``; AuthFailed without both. ``rate_limiter`` spaces writes. ``overlap``: maximum delay
    until a change appears in GitHub's lists. ``options``: see ``GuardedAdapter``.
    """
    # PyGithub takes hundreds of milliseconds to import, and not every command needs it.
    from connectors.github.client import GuardedRequester
    from connectors.github.credentials import InstallationCredentials, TokenCredentials

    def open_adapter(limiter: RateLimiter | None, **renewal: Any) -> GuardedAdapter:
        return GuardedAdapter(
            url,
            tracker=tracker,
            policy=policy or RetryPolicy(),
            rate_limiter=limiter,
            detect_rate_limit=detect_rate_limit,
            classify_error=classify_error,
            **renewal,
            **options,
        )

    credentials: GithubCredentials
    if app is not None:
        requester = GuardedRequester(open_adapter(None), None)
        credentials = InstallationCredentials(app, requester, options["now"])
        adapter = open_adapter(rate_limiter, is_premature=credentials.is_premature, renew=credentials.renew)
    else:
        credentials = TokenCredentials(_require_token(tracker, token))
        adapter = open_adapter(rate_limiter)
    client = GuardedRequester(adapter, credentials)
    reader = GithubReader(
        client=client, credentials=credentials, cache=cache, page_size=page_size, overlap=overlap
    )
    return reader, GithubWriter(client=client, cache=cache)


def _require_token(tracker: str, token: str | None) -> str:
    if token and token.strip():
        return token.strip()
    raise AuthFailed(
        f"{tracker}: no credentials; set GH_TOKEN (or GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and "
        "GITHUB_APP_INSTALLATION_ID)"
    )
