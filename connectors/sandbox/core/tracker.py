"""Base class of sandbox trackers, with requests, responses, clock and request log.

A tracker is a plain object that turns a ``TrackerRequest`` into a ``TrackerResponse``, without sockets. ``server.py``
puts trackers behind HTTP; ``faults.py`` injects faults.
"""

from __future__ import annotations

import copy
import fnmatch
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal, Self

from requests.structures import CaseInsensitiveDict

TrackerKind = Literal["github", "jira-cloud", "jira-dc"]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackerRequest:
    """One request to a tracker."""

    method: str
    path: str
    """Below the tracker's mount, decoded, starts with ``/``."""
    query: Mapping[str, str] = field(default_factory=dict)
    """First value of each parameter."""
    headers: Mapping[str, str] = field(default_factory=CaseInsensitiveDict)
    """With case-insensitive names."""
    json: Any = None
    """Decoded body; None without a body or for invalid JSON (see ``body``)."""
    body: bytes = b""
    base_url: str = "http://127.0.0.1"
    """URL of the tracker's mount, without a slash at the end."""


@dataclass(kw_only=True, slots=True)
class TrackerResponse:
    """One response. ``data`` is sent as JSON; None is an empty body."""

    status: int = 200
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    authenticated_as: str | None = None
    """Login or account id of the caller, for the request log."""


def as_response(result: Any) -> TrackerResponse:
    """Return the response of an endpoint, which may return just the data of a response with status 200."""
    return result if isinstance(result, TrackerResponse) else TrackerResponse(data=result)


class TrackerState:
    """State of a tracker: its content in subclasses, with clock, lock and ids."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.search_lag = timedelta()
        """Lists and searches do not show changes younger than this; direct reads do."""
        self._last_id = 10_000

    def new_id(self) -> int:
        """Return an unused id."""
        with self.lock:
            self._last_id += 1
            return self._last_id


class Tracker(ABC):
    """A server of the sandbox. Has to handle requests from several threads."""

    url: ClassVar = ""
    """Path below the mount for the client's settings: '', or ``/api/v3`` for GitHub."""
    state: Any
    """A ``TrackerState``. Tests act on it as users do; ``load`` replaces it."""

    def __init__(self, name: str, kind: TrackerKind, clock: Clock) -> None:
        """Create an empty tracker; ``name`` is that of its mount."""
        self.name = name
        self.kind = kind
        self.clock = clock
        self.load({})

    @property
    def search_lag(self) -> timedelta:
        """Lag of lists and searches. Tests may set it."""
        lag: timedelta = self.state.search_lag
        return lag

    @search_lag.setter
    def search_lag(self, lag: timedelta) -> None:
        self.state.search_lag = lag

    @abstractmethod
    def handle(self, request: TrackerRequest) -> TrackerResponse:
        """Carry out one request. Never raises for anything that a client sends."""

    def load(self, seed: Mapping[str, Any]) -> None:
        """Replace the whole state by a seed. After a SeedError (``seed.py``) the old state stays."""
        self._replace_state(seed)
        self.seed = seed

    @abstractmethod
    def _replace_state(self, seed: Mapping[str, Any]) -> None:
        """Build a new state from a seed. SeedError."""

    def copy(self, clock: Clock | None = None) -> Self:
        """Return a tracker with the same content that shares only immutable data; ``clock`` replaces its clock."""
        memo: dict[int, Any] = {
            id(self.state.lock): threading.RLock(),
            id(self.clock): clock or self.clock,
            id(self.seed): self.seed,
        }
        return copy.deepcopy(self, memo)

    def reset(self) -> None:
        """Restore the seed that was loaded last."""
        self.load(self.seed)

    @abstractmethod
    def dump(self) -> Mapping[str, Any]:
        """Return the state as JSON values, for tests and for debugging."""


class Clock:
    """The only source of time in the sandbox: stands still until it is advanced, or follows the real time."""

    def __init__(self, start: datetime = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)) -> None:
        """Create a clock that stands still at ``start`` (aware)."""
        self._lock = threading.Lock()
        self._start = start.astimezone(UTC)
        self._moved = timedelta()
        self._real = False

    @classmethod
    def real(cls) -> Clock:
        """Return a clock that follows the real time; ``advance`` puts it ahead."""
        clock = cls()
        clock._real = True
        return clock

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        with self._lock:
            return (datetime.now(UTC) if self._real else self._start) + self._moved

    def advance(self, by: timedelta) -> None:
        """Put the clock ahead."""
        with self._lock:
            self._moved += by

    def reset(self) -> None:
        """Undo every ``advance``."""
        with self._lock:
            self._moved = timedelta()

    __call__ = now


@dataclass(frozen=True, kw_only=True, slots=True)
class LogEntry:
    """One request that reached the sandbox, and its result."""

    seq: int
    tracker: str
    method: str
    path: str
    query: Mapping[str, str]
    status: int
    """0 when the connection was reset without a response."""
    authenticated_as: str | None
    fault: str | None
    """Kind of the injected fault, if any."""


class RequestLog:
    """All requests in the order of their responses. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[LogEntry] = []
        self._seq = 0

    @property
    def entries(self) -> tuple[LogEntry, ...]:
        with self._lock:
            return tuple(self._entries)

    def record(
        self,
        tracker: str,
        request: TrackerRequest,
        response: TrackerResponse,
        *,
        fault: str | None,
        cut: bool,
    ) -> None:
        """Add one request. ``cut``: the connection was reset without the response."""
        with self._lock:
            self._seq += 1
            entry = LogEntry(
                seq=self._seq,
                tracker=tracker,
                method=request.method,
                path=request.path,
                query=dict(request.query),
                status=0 if cut else response.status,
                authenticated_as=response.authenticated_as,
                fault=fault,
            )
            self._entries.append(entry)

    def clear(self) -> None:
        """Remove all requests; the numbering goes on."""
        with self._lock:
            self._entries.clear()

    def count(
        self, method: str | None = None, path_glob: str | None = None, tracker: str | None = None
    ) -> int:
        """Return the number of requests with this method, path (glob below the mount) and tracker; None: any."""
        return sum(
            (method is None or entry.method == method)
            and (path_glob is None or fnmatch.fnmatchcase(entry.path, path_glob))
            and (tracker is None or entry.tracker == tracker)
            for entry in self.entries
        )
