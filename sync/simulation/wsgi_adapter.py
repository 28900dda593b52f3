"""Transport adapter for ``requests`` that calls the WSGI app of the sandbox without sockets."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from werkzeug.test import create_environ

from sync.simulation.fault_injection import FaultInjector

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WsgiAdapter(BaseAdapter):
    """Adapter for ``requests``; a simulated read timeout takes no real time."""

    def __init__(self, app: WsgiApp, injector: FaultInjector, sleep: Callable[[float], None]) -> None:
        """``sleep`` advances the clock by the seconds of a timeout."""
        super().__init__()
        self._app, self._injector, self._sleep = app, injector, sleep

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - signature of the base class
        timeout: Any = None,  # noqa: ARG002
        verify: Any = True,  # noqa: ARG002
        cert: Any = None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> requests.Response:
        self._injector.check_alive()
        status, headers = "", []

        def start(line: str, fields: list[tuple[str, str]], _: Any = None) -> None:
            nonlocal status, headers
            status, headers = line, fields

        try:
            body = b"".join(self._app(_wsgi_environ(request), start))
        except ConnectionResetError as error:
            self._injector.after_request()
            raise requests.ConnectionError("Connection aborted.", error, request=request) from error
        self._injector.after_request()
        if (self._injector.last_fault or "").startswith("read timeout"):
            self._sleep(30.0)
            raise requests.ReadTimeout("Read timed out.", request=request)
        return _response(request, status, headers, body)

    def close(self) -> None:
        return


def _wsgi_environ(request: requests.PreparedRequest) -> dict[str, Any]:
    url = urlsplit(str(request.url))
    return create_environ(
        url.path,
        f"{url.scheme}://{url.netloc}",
        url.query,
        method=request.method or "GET",
        headers=list(request.headers.items()),
        data=request.body or b"",
    )


def _response(
    request: requests.PreparedRequest, status: str, headers: list[tuple[str, str]], body: bytes
) -> requests.Response:
    response = requests.Response()
    response.status_code = int(status.split()[0])
    response.reason = status.partition(" ")[2]
    response.headers = CaseInsensitiveDict(headers)
    response.url = str(request.url)
    response.request = request
    response.raw = io.BytesIO(body)
    response.encoding = "utf-8"
    return response
