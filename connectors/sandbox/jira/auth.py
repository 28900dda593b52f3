"""Authentication of requests to the Jira sandbox.

Cloud: Basic email:token. A scoped token works only below ``/gateway/ex/jira/<cloud id>``, any other only on
the site. As on real sites, unknown or expired credentials make the request anonymous. Data Center: Bearer token; an
unknown one is rejected. Without credentials a request is anonymous on both.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from connectors.sandbox.core.tracker import TrackerRequest
from connectors.sandbox.jira.call import JiraApiError
from connectors.sandbox.jira.model import JiraAccount, JiraCaller
from connectors.sandbox.jira.site import JiraSiteState

_GATEWAY: Final = re.compile(r"/gateway/ex/jira/(?P<cloud_id>[^/]+)(?P<rest>/.*)")
_VERSION: Final = re.compile(r"/rest/api/(?P<version>[23]|latest)/(?P<rest>.*)")


def authenticate(site: JiraSiteState, request: TrackerRequest) -> tuple[JiraCaller, str]:
    """Return the caller and the path below ``/rest/api/N/``. JiraApiError for rejected requests."""
    path, by_gateway = request.path, False
    if site.is_cloud and (found := _GATEWAY.fullmatch(path)):
        by_gateway, path = True, found["rest"]
        if found["cloud_id"] != site.cloud_id:
            raise JiraApiError(404, "No site with this cloud id.")
    api = _VERSION.fullmatch(path)
    if api is None or (api["version"] == "3" and not site.is_cloud):
        raise JiraApiError(404, "null for uri: " + request.path)
    account = (
        _authenticate_cloud(site, request, by_gateway)
        if site.is_cloud
        else _authenticate_data_center(site, request)
    )
    gateway_links = by_gateway and site.switches.self_links == "gateway"
    base_url = f"{request.base_url}/gateway/ex/jira/{site.cloud_id}" if gateway_links else request.base_url
    version = "3" if api["version"] == "3" else "2"
    return JiraCaller(account=account, version=version, base_url=base_url), api["rest"].rstrip("/")


def login_headers(site: JiraSiteState, request: TrackerRequest, caller: JiraCaller | None) -> dict[str, str]:
    """Return the response headers about the authenticated account."""
    account = caller.account if caller else None
    headers = {}
    if request.headers.get("Authorization"):
        headers["X-Seraph-LoginReason"] = "OK" if account else "AUTHENTICATED_FAILED"
    if not site.is_cloud:
        headers["X-AUSERNAME"] = account.id if account else "anonymous"
    elif account:
        headers["X-AACCOUNTID"] = account.id
    return headers


def _authenticate_cloud(site: JiraSiteState, request: TrackerRequest, by_gateway: bool) -> JiraAccount | None:
    email, token = _basic_credentials(request)
    account = _find_account(site, token, email)
    if account is None:
        if by_gateway:
            raise JiraApiError(401, "Unauthorized; scope does not match")
        return None
    if account.scoped != by_gateway:
        raise JiraApiError(401, "Unauthorized; this token does not work on this URL.")
    return account


def _authenticate_data_center(site: JiraSiteState, request: TrackerRequest) -> JiraAccount | None:
    header = str(request.headers.get("Authorization", ""))
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    account = _find_account(site, token.strip()) if scheme.lower() == "bearer" else None
    if account is None:
        raise JiraApiError(401, "Client must be authenticated to access this resource.")
    return account


def _basic_credentials(request: TrackerRequest) -> tuple[str, str]:
    scheme, _, encoded = str(request.headers.get("Authorization", "")).partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        email, _, token = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return email, token


def _find_account(site: JiraSiteState, token: str, email: str | None = None) -> JiraAccount | None:
    """Return the account of a token that has not expired; on Cloud the email has to match, too."""
    for account in site.accounts.values():
        right_email = email is None or account.email.lower() == email.lower()
        if account.token and account.token == token and right_email:
            return None if account.expires and account.expires <= site.clock.now() else account
    return None
