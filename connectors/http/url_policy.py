"""Which addresses requests may go to: the one that the settings name, encrypted wherever others could listen."""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote, urlsplit


def is_unencrypted(url: str) -> bool:
    """Whether a URL is plain ``http://`` to anything but this machine: the token would be readable on the way."""
    parts = urlsplit(url)
    return parts.scheme.lower() == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_inside_base(url: str, base_url: str) -> bool:
    """Whether a URL is on the same host as ``base_url`` and its path inside that of ``base_url``, also once servers and
    clients have decoded ``%2e`` and resolved dots."""
    asked, allowed = urlsplit(url), urlsplit(base_url)
    inside = asked.path == allowed.path or asked.path.startswith(allowed.path.rstrip("/") + "/")
    climbs = {".", ".."} & set(unquote(asked.path).replace("\\", "/").split("/"))
    return (asked.scheme, asked.netloc) == (allowed.scheme, allowed.netloc) and inside and not climbs
