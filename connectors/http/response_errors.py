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
    MovedAway,
    OutcomeUnknown,
    Rejected,
    SourceMissing,
    Unavailable,
    Unreachable,
)
from connectors.http.retry import Kind, TryAgain

TEMPORARY = frozenset({500, 502, 503, 504})
_LONGEST_QUOTE = 200


class Moved(SourceMissing):
    """A read was answered with a redirect, which is never followed blindly: clients drop the query then."""

    def __init__(self, message: str, location: str) -> None:
        super().__init__(message)
        self.location = location
        """The Location header as it came; may be empty or name another host."""


def refused(where: str, status: int, headers: Mapping[str, str], data: Any) -> ConnectorError:
    """The error for a final status that is no success, no redirect and not worth repeating."""
    said = quoted(data)
    if status == 401:
        return AuthFailed(
            f"{where}: the tracker does not accept the credentials{said}; "
            "check that the token is right and has not expired"
        )
    if status in (404, 410):
        return Gone(f"{where}: not there, or not visible to this account (HTTP {status})")
    if 400 <= status < 500:
        needed = headers.get("X-Accepted-GitHub-Permissions")
        hint = f"; the token needs {clean(needed)}" if needed and status == 403 else ""
        return Rejected(f"{where}: refused with HTTP {status}{said}{hint}")
    return Unavailable(f"{where}: answered HTTP {status}{said}; try again later")


def redirected(where: str, status: int, kind: Kind, location: str) -> ConnectorError:
    """The error for any 3xx but 304. On a write nothing has happened: a redirect is never a success."""
    target = _without_query(location) or "an address that it does not name"
    if kind == "read":
        return Moved(f"{where}: was renamed or moved to {target} (HTTP {status})", location)
    return MovedAway(
        f"{where}: nothing was written, the tracker redirects to {target} (HTTP {status}); "
        "the repository or site was renamed or moved: write its new name or url in the settings"
    )


def lost(where: str, kind: Kind, error: requests.RequestException, host: str) -> ConnectorError | TryAgain:
    """What it means that no whole answer came: TryAgain where a repetition is harmless, else the error."""
    hopeless = _hopeless(where, error, host)
    if hopeless:
        return hopeless
    what = _what_was_lost(error)
    kind_of = Unreachable if _never_connected(error) else Unavailable
    failure = kind_of(f"{where}: {what} {host}; try again later, or check the network and the tracker's url")
    if kind == "create" and not _never_connected(error):
        return OutcomeUnknown(f"{where}: {what} {host} after the request was sent; it may have taken effect")
    return TryAgain(failure, reason=f"a connection to {host}")


def _hopeless(where: str, error: requests.RequestException, host: str) -> ConnectorError | None:
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
    unresolved = next((cause for cause in causes(error) if isinstance(cause, NameResolutionError)), None)
    if unresolved and not _resolver_is_down(unresolved):
        return Unreachable(f"{where}: unknown host {host}: check url of this tracker in increment-sync.yaml")
    if isinstance(error, ValueError) and not isinstance(error, requests.exceptions.JSONDecodeError):
        return Unreachable(
            f"{where}: not a url that can be asked: check url of this tracker in increment-sync.yaml, "
            "and HTTPS_PROXY where there is one"
        )
    return None


def _resolver_is_down(error: BaseException) -> bool:
    return any(
        isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN for cause in causes(error)
    )


def _never_connected(error: BaseException) -> bool:
    """True when the request certainly did not leave: no connection came about."""
    return isinstance(error, requests.exceptions.ConnectTimeout) or any(
        isinstance(cause, NewConnectionError) for cause in causes(error)
    )


def _what_was_lost(error: BaseException) -> str:
    if _never_connected(error):
        return "no connection to"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time from"
    return "the connection broke before the whole answer came from"


def causes(error: BaseException) -> Iterator[BaseException]:
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


def quoted(data: Any) -> str:
    """``: "what the tracker said"``, short and on one line; empty when it said nothing readable."""
    if not isinstance(data, Mapping):
        return ""
    parts = [*_texts(data.get("message")), *_texts(data.get("errorMessages")), *_texts(data.get("errors"))]
    said = clean("; ".join(dict.fromkeys(part for part in parts if part)))
    return f': "{said}"' if said else ""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and "code" in value and "field" in value:
        yield str(value.get("message") or f"{value['field']} {value['code']}")
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from (text if name == "message" else f"{name}: {text}" for text in _texts(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def clean(text: str) -> str:
    """One short printable line."""
    line = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()
    return line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1] + "…"


def _without_query(location: str) -> str:
    parts = urlsplit(location)
    host = f"{parts.scheme}://{parts.hostname}" if parts.hostname else ""
    return clean(host + parts.path)
