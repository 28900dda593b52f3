"""Settings of ``requests`` sessions."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPConnection
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import BaseAdapter

from connectors.http.bounded_adapter import BoundedAdapter, ResponseLimits


def configure_session(
    session: requests.Session,
    adapter: BaseAdapter | None = None,
    *,
    limits: ResponseLimits = ResponseLimits(),
    seconds_left: Callable[[], float] | None = None,
) -> requests.Session:
    """Switch off the session's own retries, cookies, debug output and use of ``.netrc``, and return it.

    Proxies come from the environment, unless an ``adapter`` replaces the network. Redirects are left to each
    request. Responses are bounded by ``limits``, and their time by ``seconds_left``, the rest of the run.
    """

    def seconds() -> float:
        left = seconds_left() if seconds_left else limits.seconds
        return min(limits.seconds, max(left, limits.min_seconds))

    network = adapter or BoundedAdapter(seconds=seconds, max_bytes=limits.max_bytes)
    for prefix in ("https://", "http://"):
        session.mount(prefix, network)
    # Only these are decoded within a size by every version of the libraries.
    session.headers["Accept-Encoding"] = "gzip, deflate"
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
