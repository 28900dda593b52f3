"""Proxies and certificate authorities, which requests take from environment variables and not from the settings."""

from __future__ import annotations

import os
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

_BUNDLE_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that ``requests`` reads, the first one first. It ignores ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``."""
NO_ADDRESS: Final = "is no valid address: write http://HOST:PORT"


class UnusableCaBundle(requests.RequestException):
    """The file or folder of certificate authorities cannot be used. The text names the variable, path and reason."""


def check_ca_bundle(path: object) -> None:
    """Raise UnusableCaBundle if ``path`` is no file or folder to read certificates from.

    ``path`` is the ``verify`` of ``requests``: anything but a text is accepted. The contents are not read.
    """
    if not isinstance(path, str):
        return
    try:
        facts = Path(path).stat()
    except OSError as error:
        raise UnusableCaBundle(_describe_bundle(path, error.strerror or "it cannot be read")) from None
    if stat.S_ISREG(facts.st_mode) and not facts.st_size:
        raise UnusableCaBundle(_describe_bundle(path, "the file is empty"))
    if not stat.S_ISREG(facts.st_mode) and not stat.S_ISDIR(facts.st_mode):
        # Reading a pipe or a device may never end.
        raise UnusableCaBundle(_describe_bundle(path, "it is no file"))


def unusable_bundle_content() -> str | None:
    """Return why the file of certificate authorities cannot be used, after a connection failed; None if it can.

    The sentence names variable and path. A folder without certificates is found as well.
    """
    path = ca_bundle()
    if path is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        check_ca_bundle(path)
        if Path(path).is_dir():
            # OpenSSL finds certificates by the hash in their names, HASH.0, and reports nothing if there are none.
            is_empty = not any(_is_hashed(each.name) for each in Path(path).iterdir())
            return _describe_bundle(path, _UNHASHED) if is_empty else None
        context.load_verify_locations(cafile=path)
    except UnusableCaBundle as error:
        return str(error)
    except ssl.SSLError:
        return _describe_bundle(path, "the file holds no certificate in PEM format")
    except OSError as error:
        return _describe_bundle(path, error.strerror or "it cannot be read")
    return None


def ca_bundle() -> str | None:
    """Return the file or folder of certificate authorities that the environment names."""
    return next(filter(None, map(os.environ.get, _BUNDLE_VARIABLES)), None)


_UNHASHED: Final = "the folder holds no certificates prepared by `openssl rehash`"


def _is_hashed(name: str) -> bool:
    stem, _, number = name.partition(".")
    return len(stem) == 8 and number.isdecimal()


def _describe_bundle(path: str, reason: str) -> str:
    variable = next(
        (name for name in _BUNDLE_VARIABLES if os.environ.get(name) == path), _BUNDLE_VARIABLES[0]
    )
    return f"{variable} names {path!r}, which cannot be used: {reason}; correct or remove {variable}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Proxy:
    """Proxy that requests to a URL go through."""

    variable: str
    """Environment variable that names it."""
    address: str
    """Host and port, without credentials; empty if the value has none."""
    fault: str | None
    """What is wrong with its value, completing "HTTPS_PROXY ..."."""


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy that the environment names for a URL, or None."""
    value = select_proxy(url, get_environ_proxies(url))
    if not value:
        return None
    names = (f"{urlsplit(url).scheme}_proxy", "all_proxy")
    variable = next(
        (name for name, text in os.environ.items() if name.lower() in names and text == value),
        names[0].upper(),
    )
    address, fault = _parse_proxy(value)
    return Proxy(variable=variable, address=address, fault=fault)


def _parse_proxy(value: str) -> tuple[str, str | None]:
    """Return the address of a proxy and what is wrong with the value, which may hold a password."""
    try:
        parts = parse_url(value if "://" in value else f"http://{value}")
        host = (parts.host or "").encode("idna").decode()
    except (LocationParseError, UnicodeError):
        return "", NO_ADDRESS
    if (parts.scheme or "").startswith("socks"):
        return parts.netloc or "", (
            "names a SOCKS proxy, which needs the package PySocks: install it, or name an HTTP proxy"
        )
    if not host or parts.scheme not in ("http", "https"):
        return "", NO_ADDRESS
    return parts.netloc or "", None
