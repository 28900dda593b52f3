"""What requests does unasked, switched off."""

from __future__ import annotations

from http.client import HTTPConnection
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import BaseAdapter, HTTPAdapter


def configure_session(session: requests.Session, adapter: BaseAdapter | None = None) -> requests.Session:
    """The session, changed: no retries, cookies, debug output or ``.netrc`` of its own; proxies come from the
    environment unless an ``adapter`` takes the place of the network. Redirects remain up to each request."""
    for prefix in ("https://", "http://"):
        session.mount(prefix, adapter or HTTPAdapter(max_retries=0, pool_maxsize=16))
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # Switched on, it prints every header on stdout.
    HTTPConnection.debuglevel = 0
    session.verify = True  # what REQUESTS_CA_BUNDLE names still holds
    session.trust_env = adapter is None  # what never leaves needs no proxy
    # Proxies come from the environment, but without any auth requests would take credentials from a .netrc, too.
    session.auth = session.auth or _no_auth
    return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
