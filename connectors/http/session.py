"""Settings of ``requests`` sessions."""

from __future__ import annotations

from http.client import HTTPConnection
from http.cookiejar import DefaultCookiePolicy
from typing import TypeVar

import requests
from requests.adapters import BaseAdapter

_Session = TypeVar("_Session", bound=requests.Session)


def configure_session(session: _Session, adapter: BaseAdapter, *, uses_proxies: bool = True) -> _Session:
    """Send everything through ``adapter``, without cookies, debug output and ``.netrc``, and return the session.

    Proxies come from the environment, unless ``uses_proxies`` is False. Redirects are left to the adapter, or to each
    request.
    """
    for prefix in ("https://", "http://"):
        session.mount(prefix, adapter)
    # Only these are decoded within a size by every version of the libraries.
    session.headers["Accept-Encoding"] = "gzip, deflate"
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # With a debug level above 0, http.client prints every header to stdout.
    HTTPConnection.debuglevel = 0
    session.verify = True  # REQUESTS_CA_BUNDLE still applies
    session.trust_env = uses_proxies
    # trust_env is needed for proxies, but without auth it also makes requests read credentials from .netrc.
    session.auth = session.auth or _no_auth
    return session


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
