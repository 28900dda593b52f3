"""Settings of ``requests`` sessions."""

from __future__ import annotations

from http.client import HTTPConnection
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import BaseAdapter, HTTPAdapter


def configure_session(session: requests.Session, adapter: BaseAdapter | None = None) -> requests.Session:
    """Switch off the session's own retries, cookies, debug output and use of ``.netrc``, and return it.

    Proxies come from the environment, unless an ``adapter`` replaces the network. Redirects are left to each
    request.
    """
    for prefix in ("https://", "http://"):
        session.mount(prefix, adapter or HTTPAdapter(max_retries=0, pool_maxsize=16))
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # With a debug level above 0, http.client prints every header to stdout.
    HTTPConnection.debuglevel = 0
    session.verify = True  # REQUESTS_CA_BUNDLE still applies
    session.trust_env = adapter is None  # an adapter needs no proxy
    # trust_env is needed for proxies, but without auth it also makes requests read credentials from .netrc.
    session.auth = session.auth or _no_auth
    return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
