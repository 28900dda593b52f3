"""Client of the ``jira`` library over the guarded adapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jira import JIRA

from connectors.http.guarded_adapter import GuardedAdapter
from connectors.http.response import ApiResponse
from connectors.http.retry import RequestKind
from connectors.http.session import configure_session


class GuardedJira(JIRA):
    """Client of one Jira site, whose requests leave through a ``GuardedAdapter``. Thread-safe.

    The library adds credentials and headers, and knows the plain endpoints: pass its methods to ``ask``. The others
    are left to ``send``: its searches drop the Date header and ask for all fields first, its comments know no
    properties, and its edits go to ``self`` links, which are wrong behind the gateway.
    """

    def __init__(
        self,
        adapter: GuardedAdapter,
        *,
        cloud: bool,
        basic_auth: tuple[str, str] | None = None,
        token_auth: str | None = None,
    ) -> None:
        """Open the site at the base URL of ``adapter``. Sends no request."""
        super().__init__(
            adapter.base_url,
            get_server_info=False,
            max_retries=0,
            logging=False,
            basic_auth=basic_auth,
            token_auth=token_auth,
        )
        self.deploymentType = "Cloud" if cloud else "Server"
        self.tracker, self.now = adapter.tracker, adapter.now
        self._adapter = adapter
        configure_session(self._session, adapter, uses_proxies=adapter.uses_proxies)

    def send(
        self,
        method: str,
        path: str,
        *,
        kind: RequestKind,
        expects: int = 200,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        fallback_bodies: Sequence[Any] = (),
    ) -> ApiResponse:
        """Send a request to a path of the site and return its answer; see ``GuardedAdapter.ask``."""
        url = self._adapter.absolute_url(path)
        return self._adapter.ask(
            lambda: self._session.request(method, url, params=params, json=json),
            kind=kind,
            expects=expects,
            fallback_bodies=fallback_bodies,
        )

    def ask(self, read: Callable[[], object]) -> ApiResponse:
        """Call a method of the library that reads by one request, and return the answer to this request."""
        return self._adapter.ask(read, kind="read")
