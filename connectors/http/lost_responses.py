"""Errors for requests without a usable response. Each names what failed: tracker, proxy, certificate or network."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import InvalidHeader as Urllib3InvalidHeader
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.exceptions import ProxyError as Urllib3ProxyError

from connectors.errors import (
    AuthFailed,
    BadPayload,
    ConnectorError,
    OutcomeUnknown,
    TooSlow,
    Unavailable,
    Unreachable,
)
from connectors.http.bounded_adapter import ResponseTooLarge, ResponseTooSlow
from connectors.http.environment import (
    NO_ADDRESS,
    Proxy,
    UnusableCaBundle,
    ca_bundle,
    proxy_for,
    unusable_bundle_content,
)
from connectors.http.retry import RequestKind, RetryableFailure

_TEMPORARY_PROXY_STATUSES = frozenset({500, 502, 503, 504})


def error_for_lost_response(
    where: str, kind: RequestKind, error: OSError | ValueError, url: str
) -> ConnectorError | RetryableFailure:
    """Return the error for a request to ``url`` without a whole response.

    RetryableFailure if a retry is harmless. Messages never quote the library: its texts may hold headers and queries.
    ``where`` names the request: ``tracker: METHOD path``.
    """
    host = urlsplit(url).netloc
    causes = list(iter_causes(error))
    if isinstance(error, ResponseTooSlow | ResponseTooLarge | requests.exceptions.ContentDecodingError):
        return _error_for_unusable_response(where, kind, error, host)
    if isinstance(error, requests.exceptions.InvalidHeader):
        if any(isinstance(cause, Urllib3InvalidHeader) for cause in causes):  # of the response
            return _error_for_unusable_response(where, kind, error, host)
        return AuthFailed(
            f"{where}: the credentials contain a character that is not allowed in a header; check for line breaks"
        )
    if isinstance(error, UnusableCaBundle):
        return Unreachable(f"{where}: {error}")
    if (proxy := proxy_for(url)) and (found := _error_of_proxy(where, proxy, causes, host)):
        return found
    return _error_of_tracker(where, kind, error, causes, host)


def _error_for_unusable_response(
    where: str, kind: RequestKind, error: requests.RequestException, host: str
) -> ConnectorError | RetryableFailure:
    """Return the error for a response that takes too long, is too large, cannot be unpacked or contradicts itself."""
    failure: ConnectorError
    if isinstance(error, ResponseTooSlow):
        text = f"the answer of {host} was not complete after {error.seconds:.0f} s"
        failure = TooSlow(f"{where}: {text}; try again later, or with a longer --max-duration if it is set")
    elif isinstance(error, ResponseTooLarge):
        text = f"the answer of {host} is larger than {error.max_bytes >> 20} MB"
        failure = BadPayload(f"{where}: {text}, so nothing of it is used; check what answers there")
    elif isinstance(error, requests.exceptions.InvalidHeader):
        text = f"the answer of {host} names several lengths"
        failure = BadPayload(f"{where}: {text}; check what answers there, and the proxy if there is one")
    else:
        text = f"the answer of {host} is compressed in a way that cannot be unpacked"
        failure = BadPayload(f"{where}: {text}; check what answers there, and the proxy if there is one")
    if kind == "create":
        return OutcomeUnknown(f"{where}: {text}; the request may have taken effect")
    is_damaged = not isinstance(error, ResponseTooSlow | ResponseTooLarge)
    return RetryableFailure(failure, reason="a whole answer", repeat=is_damaged)


def _error_of_proxy(
    where: str, proxy: Proxy, causes: list[BaseException], host: str
) -> ConnectorError | RetryableFailure | None:
    """Return the error for a request that did not get beyond the proxy, so that the tracker never saw it."""
    if proxy.fault or any(isinstance(cause, requests.exceptions.InvalidProxyURL) for cause in causes):
        return Unreachable(f"{where}: {proxy.variable} {proxy.fault or NO_ADDRESS}")
    if not any(isinstance(cause, Urllib3ProxyError | requests.exceptions.ProxyError) for cause in causes):
        return None
    name = f"the proxy {proxy.address} ({proxy.variable})"
    if _is_unknown_host(causes):
        return Unreachable(f"{where}: {name} is an unknown host; correct {proxy.variable}")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        bundle = (
            unusable_bundle_content() or f"correct {proxy.variable}, mostly to http://, or REQUESTS_CA_BUNDLE"
        )
        return Unreachable(f"{where}: {name} accepts no encrypted connection that can be verified; {bundle}")
    status = _tunnel_status(causes)
    if status is not None and status not in _TEMPORARY_PROXY_STATUSES:
        return Unreachable(f"{where}: {name} {_refusal_of_proxy(status, host, proxy.variable)}")
    loss = "gives no connection" if status is None else f"has no connection to {host} (HTTP {status})"
    failure = Unreachable(f"{where}: {name} {loss}; try again later, or ask its administrator")
    return RetryableFailure(failure, reason=f"a connection through {proxy.address}")


def _refusal_of_proxy(status: int, host: str, variable: str) -> str:
    if status == 407:
        return f"wants a user name and password (HTTP 407); write {variable}=http://USER:PASSWORD@HOST:PORT"
    return f"refuses connections to {host} (HTTP {status}); ask its administrator to allow them"


def _tunnel_status(causes: list[BaseException]) -> int | None:
    """Return the status of a proxy's refusal to connect; http.client gives it in a text only."""
    texts = (str(cause) for cause in causes if type(cause) is OSError)
    found = next(
        filter(None, (re.match(r"Tunnel connection failed: (\d{3})\b", text) for text in texts)), None
    )
    return int(found[1]) if found else None


def _error_of_tracker(
    where: str, kind: RequestKind, error: OSError | ValueError, causes: list[BaseException], host: str
) -> ConnectorError | RetryableFailure:
    if isinstance(error, requests.exceptions.SSLError) and not _is_cut_off(causes):
        return Unreachable(f"{where}: {_certificate_fault(causes, host)}")
    if _is_unknown_host(causes):
        return Unreachable(f"{where}: unknown host {host}: check url of this tracker in increment-sync.yaml")
    if isinstance(error, ValueError) and not isinstance(error, requests.exceptions.JSONDecodeError):
        return _error_for_invalid_request(where, error)
    if file := next(
        (cause for cause in causes if isinstance(cause, FileNotFoundError | PermissionError)), None
    ):
        return Unreachable(
            f"{where}: this machine cannot open {file.filename!r}, which an environment variable such as "
            "SSLKEYLOGFILE names; correct or remove it"
        )
    never_connected = _is_never_connected(error, causes)
    loss = _describe_loss(error, never_connected)
    if kind == "create" and not never_connected:
        return OutcomeUnknown(f"{where}: {loss} {host} after the request was sent; it may have taken effect")
    failure = (Unreachable if never_connected else Unavailable)(
        f"{where}: {loss} {host}; try again later, or check the network and the tracker's url"
    )
    return RetryableFailure(failure, reason=f"a connection to {host}")


def _error_for_invalid_request(where: str, error: ValueError) -> ConnectorError:
    if isinstance(error, requests.RequestException):
        return Unreachable(f"{where}: not a valid url: check url of this tracker in increment-sync.yaml")
    # From http.client, whose message quotes the header with the token.
    return AuthFailed(
        f"{where}: the credentials or the url contain characters that cannot be sent; check them "
        "for line breaks and quotation marks"
    )


def _certificate_fault(causes: list[BaseException], host: str) -> str:
    """Return what is wrong with an encrypted connection, and who can correct it."""
    if bundle := unusable_bundle_content():
        return bundle
    refusal = next((cause for cause in causes if isinstance(cause, ssl.SSLCertVerificationError)), None)
    reason = getattr(refusal, "verify_message", "")
    if "expired" in reason or "not yet valid" in reason:
        return f"the certificate of {host} is not valid today; check this machine's clock, or ask who runs {host}"
    if "mismatch" in reason:
        return f"the certificate of {host} is made for another name; check url of this tracker"
    if refusal is None and any(getattr(cause, "reason", "") == "WRONG_VERSION_NUMBER" for cause in causes):
        return f"{host} does not answer encrypted; check url of this tracker, its port above all"
    known = f"the authorities in {ca_bundle()}" if ca_bundle() else "any known authority"
    return (
        f"the certificate of {host} cannot be verified by {known}; check the tracker's url, or point "
        "REQUESTS_CA_BUNDLE to a file with your own certificate authority (SSL_CERT_FILE has no effect), also if a "
        "proxy or firewall replaces certificates"
    )


def _is_cut_off(causes: list[BaseException]) -> bool:
    """Return True if an encrypted connection broke, which says nothing about certificates."""
    return any(isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError) for cause in causes)


def _is_unknown_host(causes: list[BaseException]) -> bool:
    """Return True if a name does not exist, and not if the resolver itself is down."""
    is_down = any(isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN for cause in causes)
    return not is_down and any(isinstance(cause, NameResolutionError) for cause in causes)


def _is_never_connected(error: BaseException, causes: list[BaseException]) -> bool:
    """Return True if the request certainly did not leave, because no connection was made."""
    return isinstance(error, requests.exceptions.ConnectTimeout) or any(
        isinstance(cause, NewConnectionError) for cause in causes
    )


def _describe_loss(error: BaseException, never_connected: bool) -> str:
    if never_connected:
        return "no connection to"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time from"
    return "the connection broke before the whole answer came from"


def iter_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all errors wrapped in it: by ``raise from``, as an argument, or as ``reason``."""
    pending: list[Any] = [error]
    visited: set[int] = set()
    while pending:
        current = pending.pop()
        if not isinstance(current, BaseException) or id(current) in visited:
            continue
        visited.add(id(current))
        yield current
        pending += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
