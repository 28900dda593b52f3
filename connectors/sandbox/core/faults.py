"""Faults between a client and a tracker, injected into chosen requests."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

from pydantic import ValidationError

from connectors.sandbox.core.tracker import TrackerRequest, TrackerResponse
from connectors.sandbox.core.validation import InputModel, describe_error

FaultKind = Literal[
    "status",
    "reset_before",
    "reset_after",
    "timeout",
    "truncated",
    "empty_page",
    "repeat_page",
    "redirect",
    "no_effect",
    "twice",
    "latency",
]
_LISTS = ("issues", "comments", "values", "worklogs")


class Fault(InputModel):
    """Kind of error, and the requests that it hits.

    ===============  =======================================================================================
    status           respond with ``status``, ``headers`` and ``body`` (Retry-After by ``retry_after``)
    reset_before     the connection is reset; the request is not carried out
    reset_after      the request is carried out, then the connection is reset
    timeout          the response comes ``seconds`` late, as a 504; see ``carried_out``
    truncated        carried out; the JSON is truncated, with a matching Content-Length
    empty_page       carried out; the list in the response is empty
    repeat_page      the last response to a request of this kind is sent again, page token included
    redirect         respond with ``status`` (301 unless a 3xx) to ``location``: a path below the mount or a URL
    no_effect        the usual response of success, but the request is not carried out
    twice            carried out two times, as by a proxy that repeats it; one response
    latency          every matching request is delayed by ``seconds``, also when another fault hits it
    ===============  =======================================================================================
    """

    kind: FaultKind
    tracker: str | None = None
    method: str | None = None
    path: str | None = None
    """Glob over the path below the tracker's mount; ``*`` matches slashes, too."""
    rows: int | None = None
    """Only requests for at least N rows at once (``maxResults``, ``per_page``, a list of ids)."""
    expand: str | None = None
    """Only requests that expand this (Jira), for example ``changelog``."""
    nth: int = 1
    """Number of the first matching request that is hit, counted from 1 since the fault was added."""
    times: int | None = 1
    """Number of requests that are hit; None: all from ``nth`` on. Latency hits all of them in any case."""
    status: int = 500
    headers: Mapping[str, str] = {}
    body: Any = None
    retry_after: float | None = None
    """Seconds of Retry-After; None: no such header."""
    retry_after_form: Literal["seconds", "decimal", "date"] = "seconds"
    seconds: float = 0.0
    carried_out: bool = False
    """For status and timeout: True when the request takes effect nevertheless."""
    location: str = ""

    def matches(self, tracker: str, request: TrackerRequest) -> bool:
        """Return True if this request matches the filters of the fault, ``nth`` and ``times`` aside."""
        return (
            (self.tracker is None or self.tracker == tracker)
            and (self.method is None or self.method.upper() == request.method)
            and (self.path is None or fnmatch.fnmatchcase(request.path, self.path))
            and (self.rows is None or _requested_rows(request) >= self.rows)
            and (self.expand is None or self.expand in _expand_values(request))
        )

    def build_response(self, now: datetime, base_url: str) -> TrackerResponse:
        """Return the response of a ``status``, ``timeout`` or ``redirect`` fault."""
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers["Retry-After"] = _retry_after(self.retry_after, self.retry_after_form, now)
        if self.kind == "timeout":
            return TrackerResponse(status=504, data=self.body, headers=headers)
        if self.kind == "redirect":
            below = self.location.startswith("/")
            headers["Location"] = f"{base_url}{self.location}" if below else self.location
            return TrackerResponse(status=self.status if 300 <= self.status < 400 else 301, headers=headers)
        return TrackerResponse(status=self.status, data=self.body, headers=headers)


def parse_fault(data: object) -> Fault:
    """Return a fault from JSON values; ValueError with one sentence for invalid data."""
    try:
        return Fault.model_validate(data, strict=True)
    except ValidationError as error:
        raise ValueError(describe_error(error, root="The fault")) from error


def _parameters(request: TrackerRequest) -> Mapping[str, Any]:
    return {**request.query, **(request.json if isinstance(request.json, dict) else {})}


def _requested_rows(request: TrackerRequest) -> int:
    parameters = _parameters(request)
    ids = parameters.get("issueIdsOrKeys")
    number = len(ids) if isinstance(ids, list) else parameters.get("maxResults") or parameters.get("per_page")
    return int(str(number)) if str(number).isdigit() else 0


def _expand_values(request: TrackerRequest) -> list[str]:
    expand = _parameters(request).get("expand") or ()
    return expand.split(",") if isinstance(expand, str) else list(expand)


def _retry_after(seconds: float, form: str, now: datetime) -> str:
    if form == "date":
        return format_datetime(now + timedelta(seconds=seconds), usegmt=True)
    return f"{seconds:.1f}" if form == "decimal" else str(int(seconds))


class Faults:
    """Active faults. Each counts all requests that match it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        """Activate a fault."""
        with self._lock:
            self._faults.append((fault, 0))

    def clear(self) -> None:
        """Deactivate all faults."""
        with self._lock:
            self._faults.clear()

    @property
    def active(self) -> tuple[Fault, ...]:
        with self._lock:
            return tuple(fault for fault, _ in self._faults)

    def pick(self, tracker: str, request: TrackerRequest) -> tuple[Fault | None, float]:
        """Return the fault for this request (the first one added), and the seconds of latency."""
        chosen: Fault | None = None
        latency = 0.0
        with self._lock:
            for position, (fault, count) in enumerate(self._faults):
                if not fault.matches(tracker, request):
                    continue
                self._faults[position] = (fault, count + 1)
                if fault.kind == "latency":
                    latency += fault.seconds
                elif chosen is None and _is_due(fault, count + 1):
                    chosen = fault
        return chosen, latency


def _is_due(fault: Fault, count: int) -> bool:
    return count >= fault.nth and (fault.times is None or count < fault.nth + fault.times)


class PageCache:
    """Last list response by tracker and kind of request, for ``repeat_page``. Thread-safe without a lock."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str, str], TrackerResponse] = {}

    def save(self, tracker: str, request: TrackerRequest, response: TrackerResponse) -> None:
        """Store a list response. GitHub's response to an added label is no page."""
        is_write = isinstance(response.data, list) and request.method != "GET"
        if response.status == 200 and _is_page(response.data) and not is_write:
            self._last[_page_key(tracker, request)] = response

    def last_page(self, tracker: str, request: TrackerRequest) -> TrackerResponse | None:
        """Return the last list response to a request of this kind."""
        return self._last.get(_page_key(tracker, request))

    def clear(self) -> None:
        """Remove all responses."""
        self._last.clear()


def _page_key(tracker: str, request: TrackerRequest) -> tuple[str, str, str]:
    # The next page may have the repository id in place of its name: only the end of the path counts.
    return tracker, request.method, request.path.rsplit("/", 1)[-1]


def _is_page(data: object) -> bool:
    return isinstance(data, list) or (isinstance(data, dict) and any(key in data for key in _LISTS))


def without_rows(response: TrackerResponse) -> TrackerResponse:
    """Return the response without the rows of its list."""
    data = response.data
    if isinstance(data, list):
        data = []
    elif isinstance(data, dict):
        data = {key: [] if key in _LISTS else value for key, value in data.items()}
    headers = {name: value for name, value in response.headers.items() if name.lower() != "etag"}
    return replace(response, data=data, headers=headers)
