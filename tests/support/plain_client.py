"""Client of no vendor over the guarded adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import requests

from connectors.http.guarded_adapter import GuardedAdapter
from connectors.http.response import ApiResponse
from connectors.http.retry import RequestKind
from connectors.http.session import configure_session


class PlainClient:
    """Sends requests by ``session``, as the clients of the vendors do. ``options``: see ``GuardedAdapter``."""

    def __init__(self, session: requests.Session, base_url: str, **options: Any) -> None:
        self.adapter = GuardedAdapter(base_url, **options)
        self.base_url = self.adapter.base_url
        self.session = configure_session(session, self.adapter, uses_proxies=self.adapter.uses_proxies)

    def send(
        self,
        method: str,
        path: str,
        *,
        kind: RequestKind,
        expects: int = 200,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        fallback_bodies: Sequence[Any] = (),
    ) -> ApiResponse:
        url = self.adapter.absolute_url(path)
        return self.adapter.ask(
            lambda: self.session.request(method, url, params=params, json=json, headers=headers),
            kind=kind,
            expects=expects,
            fallback_bodies=fallback_bodies,
        )

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> ApiResponse:
        return self.send("GET", path, kind="read", params=params)
