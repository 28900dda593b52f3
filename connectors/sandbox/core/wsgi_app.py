"""WSGI app of the sandbox: dispatches to trackers, injects faults, logs requests, serves the admin paths."""

from __future__ import annotations

import html
import json
import os
import socket
import struct
import threading
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Protocol

from requests.structures import CaseInsensitiveDict
from werkzeug.wrappers import Request as HttpRequest
from werkzeug.wrappers import Response as HttpResponse

from connectors.sandbox.core.faults import Fault, Faults, PageCache, parse_fault, without_rows
from connectors.sandbox.core.tracker import (
    Clock,
    RequestLog,
    Tracker,
    TrackerRequest,
    TrackerResponse,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


MAX_CLOCK_ADVANCE_SECONDS = 10 * 365 * 86_400


class SandboxBackend(Protocol):
    """The parts of a sandbox that the WSGI app uses."""

    trackers: dict[str, Tracker]
    log: RequestLog
    faults: Faults
    clock: Clock

    def reset(self) -> None: ...


class SandboxWsgiApp:
    """The WSGI app. ``closing`` ends every wait when the server stops."""

    def __init__(self, backend: SandboxBackend, closing: threading.Event) -> None:
        self._backend = backend
        self._closing = closing
        self.page_cache = PageCache()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        http = HttpRequest(environ)
        http.get_data(cache=True)  # read all of it: otherwise closing the connection looks like a reset
        first, _, rest = http.path.lstrip("/").partition("/")
        if first in self._backend.trackers:
            answer = self._handle_tracker_request(
                environ, self._backend.trackers[first], _tracker_request(http, first, f"/{rest}")
            )
        elif first == "_sandbox":
            answer = self._encode_response(self._handle_admin(http, rest))
        elif not first:
            answer = HttpResponse(self._render_index(http.host_url.rstrip("/")), content_type="text/html")
        else:
            answer = self._encode_response(
                _error_response(404, f"The sandbox serves no tracker named '{first}'.")
            )
        answer.headers["Server"] = "increment-sync sandbox"
        answer.headers["Date"] = format_datetime(self._backend.clock.now(), usegmt=True)
        return answer(environ, start_response)

    # ---- trackers and faults

    def _handle_tracker_request(
        self, environ: WSGIEnvironment, tracker: Tracker, request: TrackerRequest
    ) -> HttpResponse:
        fault, latency = self._backend.faults.pick(tracker.name, request)
        if latency:
            self._closing.wait(latency)
        response = self._apply_fault(tracker, request, fault)
        kind = fault.kind if fault else None
        cut = kind in ("reset_before", "reset_after")
        self._backend.log.record(tracker.name, request, response, fault=kind, cut=cut)
        if cut:
            _reset_connection(environ)
        return self._encode_response(response, truncate=kind == "truncated", head=request.method == "HEAD")

    def _apply_fault(self, tracker: Tracker, request: TrackerRequest, fault: Fault | None) -> TrackerResponse:
        if fault is None:
            return self._call_tracker(tracker, request)
        response = fault.build_response(self._backend.clock.now(), request.base_url)
        if fault.kind in ("status", "timeout"):
            if fault.carried_out:
                carried_out = self._call_tracker(tracker, request)
                response = replace(response, authenticated_as=carried_out.authenticated_as)
            if fault.kind == "timeout":
                self._closing.wait(fault.seconds)
            return response
        if fault.kind == "repeat_page":
            return self.page_cache.last_page(tracker.name, request) or self._call_tracker(tracker, request)
        if fault.kind in ("reset_before", "redirect"):
            return response
        if fault.kind == "no_effect":
            return self._call_tracker(tracker.copy(), request)
        if fault.kind == "twice":
            self._call_tracker(tracker, request)
        response = self._call_tracker(tracker, request)
        return without_rows(response) if fault.kind == "empty_page" else response

    def _call_tracker(self, tracker: Tracker, request: TrackerRequest) -> TrackerResponse:
        response = tracker.handle(request)
        self.page_cache.save(tracker.name, request, response)
        return response

    def _encode_response(
        self, response: TrackerResponse, *, truncate: bool = False, head: bool = False
    ) -> HttpResponse:
        body = b"" if response.data is None else json.dumps(response.data).encode()
        if truncate:
            body = body[: max(1, len(body) // 2)]
        answer = HttpResponse(b"" if head else body, response.status)
        answer.headers.remove("Content-Type")
        if body:
            answer.headers["Content-Type"] = "application/json; charset=utf-8"
        for name, value in response.headers.items():
            answer.headers[name] = value
        return answer

    # ---- admin paths and index page

    def _handle_admin(self, http: HttpRequest, rest: str) -> TrackerResponse:
        box = self._backend
        match http.method, rest.split("/"):
            case "GET", ["log"]:
                return TrackerResponse(data=[asdict(entry) for entry in box.log.entries])
            case "GET", ["faults"]:
                return TrackerResponse(data=[fault.model_dump() for fault in box.faults.active])
            case "POST", ["faults"]:
                return self._add_faults(_parse_json(http.get_data()))
            case "DELETE", ["faults"]:
                box.faults.clear()
                return TrackerResponse(status=204)
            case "POST", ["reset"]:
                box.reset()
                return TrackerResponse(status=204)
            case "POST", ["clock"]:
                return self._advance(_parse_json(http.get_data()))
            case "GET", ["dump", name] if name in box.trackers:
                return TrackerResponse(data=box.trackers[name].dump())
        return _error_response(404, "Unknown admin path; GET / lists them.")

    def _add_faults(self, data: Any) -> TrackerResponse:
        try:
            faults = [parse_fault(item) for item in (data if isinstance(data, list) else [data])]
        except ValueError as error:
            return _error_response(400, str(error))
        for fault in faults:
            self._backend.faults.add(fault)
        return TrackerResponse(status=201, data=[fault.model_dump() for fault in faults])

    def _advance(self, data: Any) -> TrackerResponse:
        seconds = data.get("advance_seconds") if isinstance(data, dict) else None
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            return _error_response(400, 'Send {"advance_seconds": n} with a number.')
        if abs(seconds) > MAX_CLOCK_ADVANCE_SECONDS:
            return _error_response(400, "The clock can be advanced by ten years at most.")
        self._backend.clock.advance(timedelta(seconds=seconds))
        return TrackerResponse(data={"now": self._backend.clock.now().isoformat()})

    def _render_index(self, base_url: str) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{tracker.kind}</td>"
            f"<td><code>{html.escape(f'{base_url}/{name}{tracker.url}')}</code></td></tr>"
            for name, tracker in self._backend.trackers.items()
        )
        return _INDEX_PAGE.format(
            rows=rows, base=html.escape(base_url), now=self._backend.clock.now().isoformat()
        )


_INDEX_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>increment-sync sandbox</title>
<body><h1>increment-sync sandbox</h1>
<p>Mock servers of issue trackers. All data is fictitious and lost when the server stops. Clock: {now}</p>
<table border="1" cellpadding="4">
<tr><th>tracker</th><th>kind</th><th>URL for the settings</th></tr>{rows}</table>
<h2>How to use</h2><pre>
curl {base}/_sandbox/log                                              requests so far
curl {base}/_sandbox/dump/NAME                                        the state of a tracker
curl -X POST {base}/_sandbox/faults -d '{{"kind": "status", "status": 503, "method": "POST"}}'
curl -X DELETE {base}/_sandbox/faults                                 remove all faults
curl -X POST {base}/_sandbox/clock -d '{{"advance_seconds": 86400}}'    advance the clock by a day
curl -X POST {base}/_sandbox/reset                                    restore the seed
</pre></body></html>
"""


def _tracker_request(http: HttpRequest, mount: str, path: str) -> TrackerRequest:
    body = http.get_data()
    return TrackerRequest(
        method=http.method,
        path=path,
        query=http.args.to_dict(),
        headers=CaseInsensitiveDict(http.headers.items()),
        json=_parse_json(body),
        body=body,
        base_url=f"{http.host_url.rstrip('/')}/{mount}",
    )


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None


def _error_response(status: int, sentence: str) -> TrackerResponse:
    return TrackerResponse(status=status, data={"message": sentence})


def _reset_connection(environ: WSGIEnvironment) -> None:
    """Reset the connection, as a crashed peer would; without a socket, only raise."""
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is not None:
        # SO_LINGER 0 makes the kernel send RST; detached first, as the server would close the socket in good order.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(connection.detach())
    raise ConnectionResetError("the sandbox reset the connection because of a fault")
