"""Page tokens of Jira Cloud: opaque texts with an offset, valid for one request only."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from connectors.sandbox.jira.call import JiraApiError


def encode_page_token(offset: int, request: Any) -> str:
    """Return the token of the page from ``offset`` on. ``request``: JSON that has to be the same on all pages."""
    return base64.urlsafe_b64encode(json.dumps([offset, _digest(request)]).encode()).decode()


def decode_page_token(token: object, request: Any) -> int:
    """Return the offset of a page, 0 without a token. JiraApiError 400 for a token of another request."""
    if not token:
        return 0
    try:
        offset, digest = json.loads(base64.urlsafe_b64decode(str(token)))
        start = max(0, int(offset))
    except (ValueError, TypeError) as error:
        raise JiraApiError(400, "The provided next page token is invalid.") from error
    if digest != _digest(request):
        raise JiraApiError(400, "The provided next page token belongs to another query.")
    return start


def _digest(request: Any) -> str:
    return hashlib.sha256(json.dumps(request).encode()).hexdigest()[:16]
