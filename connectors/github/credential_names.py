"""Credentials of GitHub, by the variables of its command line tool and of GitHub Actions.

Source: ``gh help environment``. GH_TOKEN and GITHUB_TOKEN are for github.com and the subdomains of ghe.com,
GH_ENTERPRISE_TOKEN and GITHUB_ENTERPRISE_TOKEN for servers. On a server that a URL names, the former two are read as
well: in the workflows of GitHub Enterprise Server they hold a token of that server. ``gh`` never sends them to a host
that GH_HOST names, and neither do we.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from connectors.http.url_policy import is_base_url
from connectors.spec import Address, CredentialPart, CredentialSpec

DEFAULT_URL: Final = "https://api.github.com"

_TOKENS: Final = ("GH_TOKEN", "GITHUB_TOKEN")
_SERVER_TOKENS: Final = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
_TENANTS: Final = ".ghe.com"


def _token_names(address: Address) -> tuple[str, ...]:
    if not _is_server(address.url):
        return _TOKENS
    return _SERVER_TOKENS if address.from_host else (*_SERVER_TOKENS, *_TOKENS)


def _is_server(url: str) -> bool:
    """Return whether a URL is that of GitHub Enterprise Server, not of github.com or of a subdomain of ghe.com."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return True
    return bool(url) and not f".{host.removesuffix('.')}".endswith((".github.com", _TENANTS))


def _url_of_host(host: str) -> str:
    """Return the API of a host: ``https://HOST/api/v3``, for ghe.com ``https://api.SUBDOMAIN.ghe.com``."""
    name = host.lower().removesuffix(".")
    if set("/@\\") & set(host) or not is_base_url(f"https://{name}"):
        raise ValueError("write the host alone, as ghe.example")
    if f".{name}".endswith(".github.com"):
        return DEFAULT_URL
    if name.endswith(_TENANTS):
        tenant = name.removesuffix(_TENANTS).rpartition(".")[2]
        return f"https://api.{tenant}{_TENANTS}"
    return f"https://{name}/api/v3"


def _check_installation(text: str) -> str | None:
    return None if text.isdigit() else f"the installation id of a GitHub App must be a number, not {text!r}"


CREDENTIALS: Final = CredentialSpec(
    parts=(
        CredentialPart(name="url", customary=("GITHUB_API_URL",), is_secret=False),
        CredentialPart(name="host", customary=("GH_HOST",), is_secret=False),
        CredentialPart(name="token", customary_at=_token_names),
        CredentialPart(name="app_id", customary=("GITHUB_APP_ID",), is_secret=False),
        CredentialPart(name="app_private_key", customary=("GITHUB_APP_PRIVATE_KEY",)),
        CredentialPart(
            name="app_installation_id",
            customary=("GITHUB_APP_INSTALLATION_ID",),
            is_secret=False,
            check=_check_installation,
        ),
    ),
    sufficient={"github": (("token",), ("app_id", "app_private_key", "app_installation_id"))},
    alternative="a GitHub App",
    url_of_host=_url_of_host,
)
