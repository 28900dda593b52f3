"""Errors for failed responses, redirects and lost connections. Pure functions; ``client.py`` acts on them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from connectors.errors import (
    AuthFailed,
    BadPayload,
    ConnectorError,
    Gone,
    OutcomeUnknown,
    Rejected,
    SourceMissing,
    TooSlow,
    Unavailable,
    Unreachable,
    WriteRedirected,
)
from connectors.http.bounded_adapter import ResponseTooLarge, ResponseTooSlow
from connectors.http.retry import RequestKind, RetryableFailure
from connectors.http.url_policy import describe_url

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TEMPORARY_STATUSES = frozenset({408, 500, 502, 503, 504})
_STANDARD_STATUSES = frozenset(map(int, HTTPStatus))
_MAX_QUOTE_LENGTH = 200


class ReadRedirected(SourceMissing):
    """A read was answered with a redirect. Redirects are not followed automatically: clients drop the query then."""

    def __init__(self, message: str, location: str) -> None:
        super().__init__(message)
        self.location = location
        """The Location header as received; may be empty or name another host."""


def error_for_status(where: str, status: int, headers: Mapping[str, str], data: Any) -> ConnectorError:
    """Return the error for a status that is no success, no redirect and not worth a retry.

    ``where`` names the request in the message, here and below: ``tracker: METHOD path``.
    """
    quote = quote_server_message(data)
    if status == 401:
        return AuthFailed(
            f"{where}: the tracker does not accept the credentials{quote}; "
            "check that the token is right and has not expired"
        )
    if status in (404, 410):
        return Gone(f"{where}: not found, or not visible to this account (HTTP {status})")
    if 400 <= status < 500:
        needed = headers.get("X-Accepted-GitHub-Permissions")
        hint = f"; the token needs {printable_line(needed)}" if needed and status == 403 else ""
        return Rejected(f"{where}: refused with HTTP {status}{quote}{hint}")
    return Unavailable(f"{where}: answered HTTP {status}{quote}; try again later")


def is_temporary(status: int) -> bool:
    """Return True for an error that says nothing about the request: of a server in trouble, or of a proxy.

    Proxies invent statuses for lost answers (499, 524), so a write may have taken effect.
    """
    return status in _TEMPORARY_STATUSES or status not in _STANDARD_STATUSES


def error_for_redirect(where: str, status: int, kind: RequestKind, location: str) -> ConnectorError:
    """Return the error for a redirect. A redirected write had no effect if the tracker redirects, not a proxy."""
    target = printable_line(describe_url(location)) or "an address that it does not name"
    if kind == "read":
        return ReadRedirected(f"{where}: was renamed or moved to {target} (HTTP {status})", location)
    return WriteRedirected(
        f"{where}: redirected to {target} (HTTP {status}), and the next run checks that nothing was written; "
        "the repository or site was renamed or moved: write its new name or url in the settings"
    )


def error_for_lost_response(
    where: str, kind: RequestKind, error: requests.RequestException, host: str
) -> ConnectorError | RetryableFailure:
    """Return the error for a request without a whole response: RetryableFailure if a retry is harmless."""
    permanent = _permanent_error(where, error, host)
    if permanent:
        return permanent
    if isinstance(error, ResponseTooSlow | ResponseTooLarge | requests.exceptions.ContentDecodingError):
        return _error_for_unusable_response(where, kind, error, host)
    loss = _describe_loss(error)
    error_class = Unreachable if _is_never_connected(error) else Unavailable
    failure = error_class(
        f"{where}: {loss} {host}; try again later, or check the network and the tracker's url"
    )
    if kind == "create" and not _is_never_connected(error):
        return OutcomeUnknown(f"{where}: {loss} {host} after the request was sent; it may have taken effect")
    return RetryableFailure(failure, reason=f"a connection to {host}")


def _error_for_unusable_response(
    where: str, kind: RequestKind, error: requests.RequestException, host: str
) -> ConnectorError | RetryableFailure:
    """Return the error for a response that takes too long, is too large or cannot be unpacked."""
    failure: ConnectorError
    if isinstance(error, ResponseTooSlow):
        text = f"the answer of {host} was not complete after {error.seconds:.0f} s"
        failure = TooSlow(f"{where}: {text}; try again later, or with a longer --max-duration if it is set")
    elif isinstance(error, ResponseTooLarge):
        text = f"the answer of {host} is larger than {error.max_bytes >> 20} MB"
        failure = BadPayload(f"{where}: {text}, so nothing of it is used; check what answers there")
    else:
        text = f"the answer of {host} is compressed in a way that cannot be unpacked"
        failure = BadPayload(f"{where}: {text}; check what answers there, and the proxy if there is one")
    if kind == "create":
        return OutcomeUnknown(f"{where}: {text}; the request may have taken effect")
    is_damaged = isinstance(error, requests.exceptions.ContentDecodingError)
    return RetryableFailure(failure, reason="a whole answer", repeat=is_damaged)


def _permanent_error(where: str, error: requests.RequestException, host: str) -> ConnectorError | None:
    """Return the error that no retry can fix, if it is one. Messages never quote the library (or a header)."""
    if isinstance(error, requests.exceptions.InvalidHeader):
        return AuthFailed(
            f"{where}: the credentials contain a character that is not allowed in a header; check for line breaks"
        )
    if isinstance(error, requests.exceptions.SSLError):
        return Unreachable(
            f"{where}: the certificate of {host} cannot be verified; check the tracker's url, "
            "or point REQUESTS_CA_BUNDLE to your own certificate authority"
        )
    unresolved = next((cause for cause in iter_causes(error) if isinstance(cause, NameResolutionError)), None)
    if unresolved and not _is_resolver_down(unresolved):
        return Unreachable(f"{where}: unknown host {host}: check url of this tracker in increment-sync.yaml")
    if isinstance(error, ValueError) and not isinstance(error, requests.exceptions.JSONDecodeError):
        return Unreachable(
            f"{where}: not a valid url: check url of this tracker in increment-sync.yaml, "
            "and HTTPS_PROXY if it is set"
        )
    return None


def _is_resolver_down(error: BaseException) -> bool:
    return any(
        isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN for cause in iter_causes(error)
    )


def _is_never_connected(error: BaseException) -> bool:
    """Return True if the request certainly did not leave, because no connection was made."""
    return isinstance(error, requests.exceptions.ConnectTimeout) or any(
        isinstance(cause, NewConnectionError) for cause in iter_causes(error)
    )


def _describe_loss(error: BaseException) -> str:
    if _is_never_connected(error):
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


def quote_server_message(data: Any) -> str:
    """Return ``: "message of the tracker"``, short and on one line; empty if the body has no message."""
    if not isinstance(data, Mapping):
        return ""
    values = [data.get(key) for key in ("message", "errorMessages", "errors")]
    try:
        message = printable_line("; ".join(dict.fromkeys(filter(None, _message_texts(values)))))
    except RecursionError:
        return ""
    return f': "{message}"' if message else ""


def _message_texts(value: Any) -> Iterator[str]:
    """Yield the messages in an error body of GitHub (objects with code and field) or Jira (field -> text)."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and "code" in value and "field" in value:
        yield str(value.get("message") or f"{value['field']} {value['code']}")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from (text if name == "message" else f"{name}: {text}" for text in _message_texts(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _message_texts(inner)


def printable_line(text: str) -> str:
    """Return the text as one short line of printable characters."""
    line = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()
    return line if len(line) <= _MAX_QUOTE_LENGTH else line[: _MAX_QUOTE_LENGTH - 1] + "…"
