"""Errors for failed responses and redirects. Pure functions; ``guarded_adapter.py`` acts on them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from connectors.errors import (
    AuthFailed,
    ConnectorError,
    Gone,
    Rejected,
    SourceMissing,
    Unavailable,
    Unreachable,
    WriteRedirected,
)
from connectors.http.retry import RequestKind
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
        gone = quote if status == 410 else ""
        return Gone(f"{where}: not found, or not visible to this account (HTTP {status}){gone}")
    if status == 407:
        return Unreachable(
            f"{where}: a proxy wants a user name and password (HTTP 407); write them into HTTPS_PROXY, "
            "http://USER:PASSWORD@HOST:PORT"
        )
    if 400 <= status < 500:
        return Rejected(describe_refusal(where, status, headers, data))
    return Unavailable(f"{where}: answered HTTP {status}{quote}; try again later")


def is_temporary(status: int) -> bool:
    """Return True for an error that says nothing about the request: of a server in trouble, or of a proxy.

    Proxies invent statuses for lost answers (499, 524), so a write may have taken effect.
    """
    return status in _TEMPORARY_STATUSES or status not in _STANDARD_STATUSES


def describe_refusal(where: str, status: int, headers: Mapping[str, str], data: Any) -> str:
    """Return the message for a refused request, with the tracker's own one and a hint."""
    quote = quote_server_message(data)
    hint = _hint_at_permission(headers, quote) if status == 403 else ""
    return f"{where}: refused with HTTP {status}{quote}{hint}"


def _hint_at_permission(headers: Mapping[str, str], quote: str) -> str:
    """Return who can lift a refusal of GitHub, if it says so."""
    if headers.get("X-GitHub-SSO", "").startswith("required"):
        return (
            "; the organization demands single sign-on: authorize the token for it in GitHub's settings "
            "(Developer settings, Configure SSO)"
        )
    if "ip allow list" in quote.casefold():
        return "; ask an owner of the organization to add this machine's address to the list"
    needed = headers.get("X-Accepted-GitHub-Permissions")
    return f"; the token needs {printable_line(needed)}" if needed else ""


def error_for_redirect(where: str, status: int, kind: RequestKind, location: str) -> ConnectorError:
    """Return the error for a redirect. A redirected write had no effect if the tracker redirects, not a proxy."""
    target = printable_line(describe_url(location)) or "an address that it does not name"
    if kind == "read":
        return ReadRedirected(f"{where}: was renamed or moved to {target} (HTTP {status})", location)
    return WriteRedirected(
        f"{where}: redirected to {target} (HTTP {status}), and the next run checks that nothing was written; "
        "the repository or site was renamed or moved: write its new name or url in the settings"
    )


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
