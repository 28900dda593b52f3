"""Opens reader and writer of a Jira site."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any, Unpack

import requests

from connectors.errors import AuthFailed
from connectors.http.client import Transport, TransportOptions
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
    **options: Unpack[TransportOptions],
) -> tuple[JiraReader, JiraWriter]:
    """Return reader and writer of one site, which share the cache. Sends no request.

    ``url``: address that people browse. With ``cloud_id`` (a scoped API token) requests go to the gateway instead.
    Cloud needs ``email`` and ``api_token``; Data Center ``pat``, or user name and password as ``email`` and
    ``api_token``. AuthFailed if they are missing. ``overlap``: maximum lag of the search index. ``rate_limiter``
    spaces writes. ``options``: see ``Transport``.
    """
    site_url = url.rstrip("/")
    base = f"{gateway_url.rstrip('/')}/ex/jira/{cloud_id}" if cloud_id else site_url
    session = _authenticated_session(tracker, kind, base, email=email, api_token=api_token, pat=pat)
    transport = Transport(
        session,
        base,
        tracker=tracker,
        policy=policy,
        detect_rate_limit=detect_rate_limit,
        classify_error=error_classifier(tracker, hint_at_scoped_tokens=kind == "jira-cloud" and not cloud_id),
        rate_limiter=rate_limiter,
        **options,
    )
    # Four digits distinguish a changed credential and are too few to guess it.
    credential = hashlib.sha256(f"{email}\n{api_token}\n{pat}".encode()).hexdigest()[:4]
    identity = f"{tracker}:{base}:{credential}"
    site = JiraSite(transport, kind=kind, url=site_url, identity=identity, cache=cache)
    reader = JiraReader(site, overlap=overlap, page_size=page_size, on_smaller_page=on_smaller_page)
    return reader, JiraWriter(site)


def _authenticated_session(
    tracker: str, kind: JiraKind, base: str, *, email: str | None, api_token: str | None, pat: str | None
) -> requests.Session:
    """Return a plain session with the authentication of the ``jira`` library.

    Requests do not use the library: unless it calls serverInfo first, its Cloud calls return None or use the removed
    search; its retry parses Retry-After with int() and repeats a POST after a lost response; its edits use ``self``
    links, which are wrong behind the gateway. tests/unit/test_jira_library_defects.py shows each defect.
    """
    from jira import JIRA

    auth: dict[str, Any]
    if kind == "jira-dc" and pat:
        auth = {"token_auth": pat}
    elif email and api_token:
        auth = {"basic_auth": (email, api_token)}
    else:
        needed = "JIRA_EMAIL and JIRA_API_TOKEN" if kind == "jira-cloud" else "JIRA_PAT"
        raise AuthFailed(f"{tracker}: no credentials for {base}; set {needed}, or the same with _FILE")
    client = JIRA(base, get_server_info=False, max_retries=0, logging=False, **auth)
    session = requests.Session()
    session.auth = client._session.auth
    session.headers.update(client._session.headers)
    client.close()  # type: ignore[no-untyped-call]
    return session
