"""Rules for URLs that requests may go to: below the configured base URL, and encrypted except on this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote, urlsplit


def is_base_url(url: str) -> bool:
    """Return whether requests can be sent below a URL: http(s), a possible host and port, no query or fragment."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    labels = host.removesuffix(".").split(".")
    is_name = all(part and part.replace("-", "").replace("_", "").isalnum() for part in labels)
    is_host = ":" in host or is_name  # brackets around an IPv6 address were checked by urlsplit
    has_blanks = any(char.isspace() or not char.isprintable() for char in url)
    return (
        url.startswith(("https://", "http://"))
        and is_host
        and port != 0
        and not has_blanks
        and not {*"?#"} & {*url}
    )


def describe_bad_url(url: str, example: str) -> str | None:
    """Return why requests with credentials must not go below a URL, and what to write instead; None if they may."""
    if "@" in url:
        # The URL may hold a password, so it is not repeated.
        return "write the URL without user and password (no @); credentials go into the environment"
    if not is_base_url(url):
        return f"write a whole URL such as {example}, not {url!r}"
    if is_unencrypted(url):
        return "use https://: over http:// the token is sent unencrypted"
    return None


def is_unencrypted(url: str) -> bool:
    """Return whether a URL is plain ``http://`` to another machine, so that the token could be read on the way."""
    parts = urlsplit(url)
    return parts.scheme.lower() == "http" and not _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def describe_url(url: str) -> str:
    """Return a URL without its query and credentials, for messages."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that is none"
    host = f"{parts.scheme}://{parts.hostname}" if parts.hostname else ""
    return host + parts.path


def is_inside_base(url: str, base_url: str) -> bool:
    """Return whether a URL has the host of ``base_url`` and a path inside its path.

    Paths with ``.`` or ``..`` segments, encoded or not, are outside: servers and clients resolve them differently.
    """
    try:
        requested, allowed = urlsplit(url), urlsplit(base_url)
    except ValueError:  # for example a bracket that begins no address
        return False
    is_inside = requested.path == allowed.path or requested.path.startswith(allowed.path.rstrip("/") + "/")
    dot_segments = {".", ".."} & set(unquote(requested.path).replace("\\", "/").split("/"))
    same_host = (requested.scheme, requested.netloc) == (allowed.scheme, allowed.netloc)
    return same_host and is_inside and not dot_segments
