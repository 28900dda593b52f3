"""What an answer, or the lack of one, comes to: pure judgements that ``transport.py`` acts on."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError

from connectors.errors import (
    AuthFailed,
    ConnectorError,
    Gone,
    OutcomeUnknown,
    Rejected,
    SourceMissing,
    Unavailable,
    Unreachable,
    WriteRedirected,
)
from connectors.http.retry import RequestKind, RetryableFailure

TEMPORARY_STATUSES = frozenset({500, 502, 503, 504})
_MAX_QUOTE_LENGTH = 200


class ReadRedirected(SourceMissing):
    """A read was answered with a redirect, which is never followed blindly: clients drop the query then."""

    def __init__(self, message: str, location: str) -> None:
        super().__init__(message)
        self.location = location
        """The Location header as it came; may be empty or name another host."""


def error_for_status(where: str, status: int, headers: Mapping[str, str], data: Any) -> ConnectorError:
    """The error for a final status that is no success, no redirect and not worth repeating."""
    said = quote_server_message(data)
    if status == 401:
        return AuthFailed(
            f"{where}: the tracker does not accept the credentials{said}; "
            "check that the token is right and has not expired"
        )
    if status in (404, 410):
        return Gone(f"{where}: not there, or not visible to this account (HTTP {status})")
    if 400 <= status < 500:
        needed = headers.get("X-Accepted-GitHub-Permissions")
        hint = f"; the token needs {printable_line(needed)}" if needed and status == 403 else ""
        return Rejected(f"{where}: refused with HTTP {status}{said}{hint}")
    return Unavailable(f"{where}: answered HTTP {status}{said}; try again later")


def error_for_redirect(where: str, status: int, kind: RequestKind, location: str) -> ConnectorError:
    """The error for any 3xx but 304. On a write nothing has happened: a redirect is never a success."""
    target = _without_query(location) or "an address that it does not name"
    if kind == "read":
        return ReadRedirected(f"{where}: was renamed or moved to {target} (HTTP {status})", location)
    return WriteRedirected(
        f"{where}: nothing was written, the tracker redirects to {target} (HTTP {status}); "
        "the repository or site was renamed or moved: write its new name or url in the settings"
    )


def error_for_lost_response(
    where: str, kind: RequestKind, error: requests.RequestException, host: str
) -> ConnectorError | RetryableFailure:
    """What it means that no whole answer came: TryAgain where a repetition is harmless, else the error."""
    hopeless = _permanent_error(where, error, host)
    if hopeless:
        return hopeless
    what = _describe_loss(error)
    kind_of = Unreachable if _is_never_connected(error) else Unavailable
    failure = kind_of(f"{where}: {what} {host}; try again later, or check the network and the tracker's url")
    if kind == "create" and not _is_never_connected(error):
        return OutcomeUnknown(f"{where}: {what} {host} after the request was sent; it may have taken effect")
    return RetryableFailure(failure, reason=f"a connection to {host}")


def _permanent_error(where: str, error: requests.RequestException, host: str) -> ConnectorError | None:
    """The error that no repetition can mend, in one sentence that never quotes the library (or a header)."""
    if isinstance(error, requests.exceptions.InvalidHeader):
        return AuthFailed(
            f"{where}: the credentials hold a character that a header cannot; check for line breaks"
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
            f"{where}: not a url that can be asked: check url of this tracker in increment-sync.yaml, "
            "and HTTPS_PROXY where there is one"
        )
    return None


def _is_resolver_down(error: BaseException) -> bool:
    return any(
        isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN for cause in iter_causes(error)
    )


def _is_never_connected(error: BaseException) -> bool:
    """True when the request certainly did not leave: no connection came about."""
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
    """The error and everything wrapped in it: by ``raise from``, as an argument, or as ``reason``."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]


def quote_server_message(data: Any) -> str:
    """``: "what the tracker said"``, short and on one line; empty when it said nothing readable."""
    if not isinstance(data, Mapping):
        return ""
    parts = [
        *_message_texts(data.get("message")),
        *_message_texts(data.get("errorMessages")),
        *_message_texts(data.get("errors")),
    ]
    said = printable_line("; ".join(dict.fromkeys(part for part in parts if part)))
    return f': "{said}"' if said else ""


def _message_texts(value: Any) -> Iterator[str]:
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
    """One short printable line."""
    line = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()
    return line if len(line) <= _MAX_QUOTE_LENGTH else line[: _MAX_QUOTE_LENGTH - 1] + "…"


def _without_query(location: str) -> str:
    parts = urlsplit(location)
    host = f"{parts.scheme}://{parts.hostname}" if parts.hostname else ""
    return printable_line(host + parts.path)
