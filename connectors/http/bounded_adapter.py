"""Adapter of ``requests`` that reads every response within a time and a size."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf
from typing import Any, Final, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import DecodeError, HTTPError
from urllib3.exceptions import TimeoutError as Urllib3TimeoutError
from urllib3.response import HTTPResponse

from connectors.http.environment import check_ca_bundle

_CHUNK_BYTES: Final = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponseLimits:
    """Limits of one response."""

    seconds: float = 120.0
    """From the start of the request to the last byte of the response."""
    min_seconds: float = 5.0
    """Time that a response gets even if the run has less left."""
    max_bytes: int = 64 << 20
    """Size of the decoded body."""


class ResponseTooSlow(requests.exceptions.ReadTimeout):
    """The response was not complete in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no complete response in {seconds:g} s")
        self.seconds = seconds


class ResponseTooLarge(requests.RequestException):
    """The decoded response exceeds ``max_bytes``."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"more than {max_bytes} bytes")
        self.max_bytes = max_bytes


class BoundedAdapter(HTTPAdapter):
    """Sends requests and reads their whole responses, within a time and a size. Thread-safe.

    Timeouts of ``requests`` apply to single reads: a server that sends one byte a second never exceeds them.
    """

    def __init__(self, limits: ResponseLimits, *, seconds_left: Callable[[], float] = lambda: inf) -> None:
        """``seconds_left`` returns the rest of the run, which bounds the time of a response as well."""
        self._limits, self._seconds_left = limits, seconds_left
        super().__init__(max_retries=0, pool_maxsize=16)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOL_CLASSES

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOL_CLASSES
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Return the response with its body in memory.

        Raise ResponseTooSlow, ResponseTooLarge, UnusableCaBundle, and the errors of ``requests``.
        """
        del stream
        if (request.url or "").startswith("https:"):
            check_ca_bundle(verify)
        with _Watchdog(self._seconds()) as watchdog:
            response = super().send(request, True, timeout, verify, cert, proxies)
            try:
                body = self._read_body(response)
            except BaseException:
                response.close()
                raise
            watchdog.raise_if_expired()  # a body without length ends at the shutdown, like a complete one
        response.raw = body
        _drop_broken_location(response)
        return response

    def _seconds(self) -> float:
        return min(self._limits.seconds, max(self._seconds_left(), self._limits.min_seconds))

    def _read_body(self, response: requests.Response) -> io.BytesIO:
        body = io.BytesIO()
        try:
            for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=True):
                if body.tell() + len(chunk) > self._limits.max_bytes:
                    raise ResponseTooLarge(self._limits.max_bytes)
                body.write(chunk)
        except DecodeError as error:
            raise requests.exceptions.ContentDecodingError(error) from None
        except Urllib3TimeoutError as error:
            raise requests.exceptions.ReadTimeout(error) from None
        except HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError(error) from None
        body.seek(0)
        return body


def _drop_broken_location(response: requests.Response) -> None:
    """Remove a Location that is no URL: ``requests`` parses it also if redirects are not followed, and fails."""
    try:
        urlsplit(response.headers.get("Location", "").encode("latin-1").decode())
    except ValueError:
        del response.headers["Location"]


class _Watchdog:
    """Shuts down the connection of one request when its time is over, which wakes the thread that reads."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._socket: Callable[[], socket.socket | None] = lambda: None
        self._expired = self._finished = False
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._token = _watchdog.set(self)
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        # From here on the connection may serve another request.
        with self._lock:
            self._finished = True
        self._timer.cancel()
        _watchdog.reset(self._token)
        if isinstance(error, Exception):
            # The library reports the shutdown as one of many errors.
            self.raise_if_expired()

    def watch(self, current_socket: Callable[[], socket.socket | None]) -> None:
        """Note the socket of the request. Raise ResponseTooSlow if the time is already over."""
        with self._lock:
            self._socket = current_socket
        self.raise_if_expired()

    def raise_if_expired(self) -> None:
        """Raise ResponseTooSlow once the time is over."""
        if self._expired:
            raise ResponseTooSlow(self._seconds) from None

    def _expire(self) -> None:
        with self._lock:
            if self._finished:
                return
            self._expired = True
            with suppress(OSError):  # not connected any more
                if sock := self._socket():
                    sock.shutdown(socket.SHUT_RDWR)


_watchdog: ContextVar[_Watchdog] = ContextVar("watchdog")


class _WatchedConnection(HTTPConnection):
    def connect(self) -> None:
        _watchdog.get().watch(lambda: self.sock)
        super().connect()

    def _tunnel(self) -> None:
        # Connecting and the TLS handshake have a timeout as a whole; a proxy's response to CONNECT has none.
        super()._tunnel()
        _watchdog.get().raise_if_expired()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
        # The connection gives up its socket to a response that ends with it.
        sock = self.sock
        _watchdog.get().watch(lambda: sock)
        return super().getresponse()


class _WatchedHTTPSConnection(_WatchedConnection, HTTPSConnection):
    pass


class _WatchedPool(HTTPConnectionPool):
    ConnectionCls = _WatchedConnection


class _WatchedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPSConnection


_POOL_CLASSES: Final = {"http": _WatchedPool, "https": _WatchedHTTPSPool}
