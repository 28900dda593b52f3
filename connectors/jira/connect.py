"""Opens reader and writer of a Jira site."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TypedDict, Unpack

from connectors.errors import AuthFailed
from connectors.http.guarded_adapter import ConnectionOptions, GuardedAdapter
from connectors.http.rate_limiter import RateLimiter
from connectors.http.retry import RetryPolicy
from connectors.jira.reader import JiraReader
from connectors.jira.site import JiraKind, JiraSite, detect_rate_limit, error_classifier
from connectors.jira.sources import OnSmallerPage
from connectors.jira.writer import JiraWriter
from connectors.ports import Cache

GATEWAY = "https://api.atlassian.com"


def open_jira(
    *,
    tracker: str,
    kind: JiraKind,
    url: str,
    cloud_id: str | None = None,
    email: str | None = None,
    api_token: str | None = None,
    pat: str | None = None,
    cache: Cache,
    policy: RetryPolicy,
    overlap: timedelta = timedelta(minutes=10),
    page_size: int = 1000,
    rate_limiter: RateLimiter | None = None,
    gateway_url: str = GATEWAY,
    on_smaller_page: OnSmallerPage | None = None,
    **options: Unpack[ConnectionOptions],
) -> tuple[JiraReader, JiraWriter]:
    """Return reader and writer of one site, which share the cache. Sends no request.

    ``url``: address that people browse. With ``cloud_id`` (a scoped API token) requests go to the gateway instead.
    Cloud needs ``email`` and ``api_token``; Data Center ``pat``, or user name and password as ``email`` and
    ``api_token``. AuthFailed if they are missing. ``overlap``: maximum lag of the search index. ``rate_limiter``
    spaces writes. ``options``: see ``GuardedAdapter``.
    """
    site_url = url.rstrip("/")
    base = f"{gateway_url.rstrip('/')}/ex/jira/{cloud_id}" if cloud_id else site_url
    auth = _auth_arguments(tracker, kind, base, email=email, api_token=api_token, pat=pat)
    # The library takes a tenth of a second to import, and not every command needs it.
    from connectors.jira.client import GuardedJira

    adapter = GuardedAdapter(
        base,
        tracker=tracker,
        policy=policy,
        detect_rate_limit=detect_rate_limit,
        classify_error=error_classifier(tracker, hint_at_scoped_tokens=kind == "jira-cloud" and not cloud_id),
        rate_limiter=rate_limiter,
        **options,
    )
    client = GuardedJira(adapter, cloud=kind == "jira-cloud", **auth)
    # Four digits distinguish a changed credential and are too few to guess it.
    credential = hashlib.sha256(f"{email}\n{api_token}\n{pat}".encode()).hexdigest()[:4]
    identity = f"{tracker}:{base}:{credential}"
    site = JiraSite(client, kind=kind, url=site_url, identity=identity, cache=cache)
    reader = JiraReader(site, overlap=overlap, page_size=page_size, on_smaller_page=on_smaller_page)
    return reader, JiraWriter(site)


class _AuthArguments(TypedDict, total=False):
    """Arguments of the ``jira`` library."""

    basic_auth: tuple[str, str]
    token_auth: str


def _auth_arguments(
    tracker: str, kind: JiraKind, base: str, *, email: str | None, api_token: str | None, pat: str | None
) -> _AuthArguments:
    if kind == "jira-dc" and pat:
        return {"token_auth": pat}
    if email and api_token:
        return {"basic_auth": (email, api_token)}
    needed = "JIRA_EMAIL and JIRA_API_TOKEN" if kind == "jira-cloud" else "JIRA_PAT"
    raise AuthFailed(f"{tracker}: no credentials for {base}; set {needed}, or the same with _FILE")
