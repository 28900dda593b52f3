"""The WSGI app of the sandbox: finds the tracker, applies faults, keeps the log, serves the admin paths."""

from __future__ import annotations

import html
import json
import os
import socket
import struct
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Protocol

from werkzeug.wrappers import Request as HttpRequest
from werkzeug.wrappers import Response as HttpResponse

from connectors.sandbox.core.faults import Fault, Faults, Pages, emptied
from connectors.sandbox.core.tracker import Clock, Headers, Request, RequestLog, Response, Tracker

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


MAX_ADVANCE = 10 * 365 * 86_400


class Box(Protocol):
    """What the door needs of the sandbox."""

    trackers: dict[str, Tracker]
    log: RequestLog
    faults: Faults
    clock: Clock

    def reset(self) -> None: ...


class Door:
    """A WSGI app. ``closing`` ends every wait when the server stops."""

    def __init__(self, box: Box, closing: threading.Event) -> None:
        self._box = box
        self._closing = closing
        self.pages = Pages()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        http = HttpRequest(environ)
        http.get_data(cache=True)  # all of it, or closing the connection would look like a reset
        first, _, rest = http.path.lstrip("/").partition("/")
        if first in self._box.trackers:
            answer = self._serve(environ, self._box.trackers[first], _request(http, first, f"/{rest}"))
        elif first == "_sandbox":
            answer = self._encode(self._admin(http, rest))
        elif not first:
            answer = HttpResponse(self._page(http.host_url.rstrip("/")), content_type="text/html")
        else:
            answer = self._encode(_problem(404, f"The sandbox serves no tracker named '{first}'."))
        answer.headers["Server"] = "increment-sync sandbox"
        answer.headers["Date"] = format_datetime(self._box.clock.now(), usegmt=True)
        return answer(environ, start_response)

    # ---- trackers and their faults

    def _serve(self, environ: WSGIEnvironment, tracker: Tracker, request: Request) -> HttpResponse:
        fault, latency = self._box.faults.pick(tracker.name, request)
        if latency:
            self._closing.wait(latency)
        response = self._respond(tracker, request, fault)
        kind = fault.kind if fault else None
        cut = kind in ("reset_before", "reset_after")
        self._box.log.add(
            tracker.name,
            request,
            0 if cut else response.status,
            authenticated_as=response.authenticated_as,
            fault=kind,
        )
        if cut:
            _reset(environ)
        return self._encode(response, truncate=kind == "truncated", head=request.method == "HEAD")

    def _respond(self, tracker: Tracker, request: Request, fault: Fault | None) -> Response:
        if fault is None:
            return self._handle(tracker, request)
        own = fault.answer(self._box.clock.now(), request.base_url)
        if fault.kind in ("status", "timeout"):
            if fault.carried_out:
                carried_out = self._handle(tracker, request)
                own = replace(own, authenticated_as=carried_out.authenticated_as)
            if fault.kind == "timeout":
                self._closing.wait(fault.seconds)
            return own
        if fault.kind == "repeat_page":
            return self.pages.last(tracker.name, request) or self._handle(tracker, request)
        if fault.kind in ("reset_before", "redirect"):
            return own
        response = self._handle(tracker, request)
        return emptied(response) if fault.kind == "empty_page" else response

    def _handle(self, tracker: Tracker, request: Request) -> Response:
        response = tracker.handle(request)
        self.pages.remember(tracker.name, request, response)
        return response

    def _encode(self, response: Response, *, truncate: bool = False, head: bool = False) -> HttpResponse:
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

    # ---- for people

    def _admin(self, http: HttpRequest, rest: str) -> Response:
        box = self._box
        match http.method, rest.split("/"):
            case "GET", ["log"]:
                return Response(data=[asdict(entry) for entry in box.log.entries])
            case "GET", ["faults"]:
                return Response(data=[_as_json(fault) for fault in box.faults.active])
            case "POST", ["faults"]:
                return self._add_faults(_json(http.get_data()))
            case "DELETE", ["faults"]:
                box.faults.clear()
                return Response(status=204)
            case "POST", ["reset"]:
                box.reset()
                return Response(status=204)
            case "POST", ["clock"]:
                return self._advance(_json(http.get_data()))
            case "GET", ["dump", name] if name in box.trackers:
                return Response(data=box.trackers[name].dump())
        return _problem(404, "There is no such thing here; see GET / for what there is.")

    def _add_faults(self, data: Any) -> Response:
        try:
            faults = [Fault.from_json(item) for item in (data if isinstance(data, list) else [data])]
        except ValueError as error:
            return _problem(400, str(error))
        for fault in faults:
            self._box.faults.add(fault)
        return Response(status=201, data=[_as_json(fault) for fault in faults])

    def _advance(self, data: Any) -> Response:
        seconds = data.get("advance_seconds") if isinstance(data, dict) else None
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            return _problem(400, 'Send {"advance_seconds": n} with a number.')
        if abs(seconds) > MAX_ADVANCE:
            return _problem(400, "The clock can be put ahead by ten years at a time.")
        self._box.clock.advance(timedelta(seconds=seconds))
        return Response(data={"now": self._box.clock.now().isoformat()})

    def _page(self, base_url: str) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{tracker.kind}</td>"
            f"<td><code>{html.escape(f'{base_url}/{name}{tracker.url}')}</code></td></tr>"
            for name, tracker in self._box.trackers.items()
        )
        return _PAGE.format(rows=rows, base=html.escape(base_url), now=self._box.clock.now().isoformat())


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>increment-sync sandbox</title>
<body><h1>increment-sync sandbox</h1>
<p>Look-alikes of issue trackers. Nothing here is real; it is gone when the server stops. Its clock: {now}</p>
<table border="1" cellpadding="4">
<tr><th>tracker</th><th>kind</th><th>url for the settings</th></tr>{rows}</table>
<h2>How to use</h2><pre>
curl {base}/_sandbox/log                                              requests so far
curl {base}/_sandbox/dump/NAME                                        the state of a tracker
curl -X POST {base}/_sandbox/faults -d '{{"kind": "status", "status": 503, "method": "POST"}}'
curl -X DELETE {base}/_sandbox/faults                                 faults off
curl -X POST {base}/_sandbox/clock -d '{{"advance_seconds": 86400}}'    a day later
curl -X POST {base}/_sandbox/reset                                    back to the seed
</pre></body></html>
"""


def _request(http: HttpRequest, mount: str, path: str) -> Request:
    body = http.get_data()
    return Request(
        method=http.method,
        path=path,
        query=http.args.to_dict(),
        headers=Headers(dict(http.headers)),
        json=_json(body),
        body=body,
        base_url=f"{http.host_url.rstrip('/')}/{mount}",
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None


def _as_json(fault: Fault) -> Mapping[str, Any]:
    return asdict(fault)


def _problem(status: int, sentence: str) -> Response:
    return Response(status=status, data={"message": sentence})


def _reset(environ: WSGIEnvironment) -> None:
    """Cut the connection with a reset, as a crashed peer would; without a socket, just raise."""
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is not None:
        # No time to linger makes the kernel send RST. Detached first: the server would say goodbye politely.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(connection.detach())
    raise ConnectionResetError("the sandbox cut the connection, as it was told")
