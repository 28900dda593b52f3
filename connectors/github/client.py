"""PyGithub's client over the guarded adapter."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import requests
from github.Auth import Auth
from github.Issue import Issue
from github.IssueComment import IssueComment
from github.Repository import Repository
from github.Requester import HTTPSRequestsConnectionClass, Requester, RequestsResponse

from connectors.http.guarded_adapter import GuardedAdapter
from connectors.http.response import ApiResponse
from connectors.http.retry import RequestKind
from connectors.http.session import configure_session

API_VERSION: Final = "2022-11-28"
_ACCEPT: Final = "application/vnd.github+json"


class GuardedRequester(threading.local, Requester):
    """PyGithub's ``Requester``, whose requests leave through a ``GuardedAdapter``.

    May be used by all threads: each has attributes of its own, because PyGithub notes facts about its requests in them.

    PyGithub adds credentials and encodes bodies. Its objects know the requests of writes, but the answer is read from
    ``ask``: an object holds less of it, and asks GitHub for what it lacks.
    """

    def __init__(self, adapter: GuardedAdapter, auth: Auth | None) -> None:
        """``auth``: credentials of requests that have no Authorization header of their own."""
        super().__init__(
            auth=auth,
            base_url=adapter.base_url,
            timeout=30,
            user_agent="increment-sync",
            per_page=100,
            verify=True,
            retry=None,
            pool_size=None,
            lazy=True,
            api_version=API_VERSION,
        )
        self.tracker, self.now = adapter.tracker, adapter.now
        self._adapter = adapter
        self._session = configure_session(requests.Session(), adapter, uses_proxies=adapter.uses_proxies)
        self._session.headers["Accept"] = _ACCEPT

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
    ) -> ApiResponse:
        """Send a request and return its answer; see ``GuardedAdapter.ask``.

        ``path`` is relative to the base URL, or a whole URL below it (the next page in a Link header).
        """
        url = self._adapter.absolute_url(path)
        call = partial(self.requestJson, method, url, dict(params or {}), dict(headers or {}), json)
        return self.ask(call, kind=kind, expects=expects)

    def get(
        self, path: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> ApiResponse:
        """Send a GET, as a read."""
        return self.send("GET", path, kind="read", params=params, headers=headers)

    def ask(self, call: Callable[[], object], *, kind: RequestKind, expects: int = 200) -> ApiResponse:
        """Call a method of an object below, and return the answer to its request; see ``GuardedAdapter.ask``."""
        return self._adapter.ask(call, kind=kind, expects=expects)

    def repository(self, path: str) -> Repository:
        """Return a repository without reading it. ``path`` as in ``send``."""
        return Repository(self, url=f"/{path}")

    def issue(self, path: str) -> Issue:
        """Return an issue without reading it."""
        return Issue(self, url=f"/{path}")

    def comment(self, path: str) -> IssueComment:
        """Return a comment without reading it."""
        return IssueComment(self, url=f"/{path}")

    def requestJson(  # noqa: N802 - overridden
        self,
        verb: str,
        url: str,
        parameters: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        input: Any | None = None,  # noqa: A002
        cnx: Any = None,
        follow_302_redirect: bool = False,
    ) -> tuple[int, dict[str, Any], str]:
        """Send a request to the very URL that is given.

        PyGithub's own connections are shared by threads that overwrite each other's request, send the path of a URL of
        another host to ours, and drop empty parameters.
        """
        del cnx, follow_302_redirect
        connection = _Connection(self._session, self._adapter.absolute_url(url), parameters)
        return super().requestJson(verb, url, None, headers, input, connection)


class _Connection(HTTPSRequestsConnectionClass):
    """Connection for one request."""

    def __init__(self, session: requests.Session, url: str, params: Mapping[str, Any] | None) -> None:
        self.session, self._url, self._params = session, url, params

    def getresponse(self) -> RequestsResponse:
        response = self.session.request(
            self.verb,
            self._url,
            params=self._params,
            headers=self.headers,
            data=self.input,
            allow_redirects=False,
        )
        return RequestsResponse(response)


class _NoConnection(HTTPSRequestsConnectionClass):
    """Connection that PyGithub would open by itself, for uploads and streams."""

    def __init__(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("requests leave through GuardedRequester.requestJson")


# At level DEBUG, PyGithub logs whole answers, and one of them is the token of an installation.
_silent = logging.Logger("silent")
_silent.disabled = True

GuardedRequester.injectLogger(_silent)
GuardedRequester.injectConnectionClasses(_NoConnection, _NoConnection)  # type: ignore[arg-type]
