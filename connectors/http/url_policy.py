"""Which addresses requests may go to: the one that the settings name, encrypted wherever others could listen."""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote, urlsplit


def is_open_to_listeners(url: str) -> bool:
    """Whether a URL is plain ``http://`` to anything but this machine: the token would be readable on the way."""
    parts = urlsplit(url)
    return parts.scheme.lower() == "http" and not _is_this_machine(parts.hostname or "")


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_below(url: str, base: str) -> bool:
    """Whether a URL is on the same host as ``base`` and its path inside that of ``base``, also once servers and
    clients have decoded ``%2e`` and resolved dots."""
    asked, allowed = urlsplit(url), urlsplit(base)
    inside = asked.path == allowed.path or asked.path.startswith(allowed.path.rstrip("/") + "/")
    climbs = {".", ".."} & set(unquote(asked.path).replace("\\", "/").split("/"))
    return (asked.scheme, asked.netloc) == (allowed.scheme, allowed.netloc) and inside and not climbs
