"""Carries a plan out: counts requests and store writes, and lets things go wrong when their number comes."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from connectors.sandbox.core.faults import Fault, Faults
from connectors.sandbox.core.tracker import TrackerRequest
from sync.simulation.fault_schedule import FAULTS, RunSchedule, UserAction, write_counter
from sync.store.database import Database, translate_errors


class Killed(BaseException):
    """The process was killed here: nothing that would run afterwards has any effect."""


class FaultInjector(Faults):
    """What the embedded trackers ask about every request, and the store about every write transaction."""

    def __init__(self, perform: Callable[[UserAction], None], expire_token: Callable[[str], None]) -> None:
        """``perform`` lets a person do something; ``expire_token`` makes the token of a tracker worthless."""
        super().__init__()
        self._perform, self._expire_token = perform, expire_token
        self._plan = RunSchedule()
        self._lock_requests = threading.RLock()
        self.request_counts: Counter[str] = Counter()
        """Requests of this run by tracker, those that write also apart; store writes under ''."""
        self.injected: Counter[str] = Counter()
        """What went wrong since the beginning, by kind."""
        self.killed = False
        self.last_fault: str | None = None
        """The kind of fault of the last request."""
        self._kill_after_response = False

    def begin(self, plan: RunSchedule) -> None:
        """A new process, with this to happen to it."""
        self._plan, self.killed, self._kill_after_response = plan, False, False
        self.request_counts.clear()

    def pick(self, tracker: str, request: TrackerRequest) -> tuple[Fault | None, float]:
        with self._lock_requests:
            if self.killed:  # over HTTP: a thread of the dead process was about to ask
                return Fault(kind="reset_before"), 0.0
            self.request_counts[tracker] += 1
            self.request_counts[write_counter(tracker)] += (writes := is_write(request.method, request.path))
            number, self.last_fault = self.request_counts[tracker], None
            for each in self._plan.during:
                if (each.tracker, each.nth) == (tracker, number):
                    self._perform(each.action)
            for kind in self._due_faults(tracker, number, writes=writes):
                if kind == "killed before a request":
                    self._kill_with(kind)
                if kind == "killed after a request":
                    self._kill_after_response = True
                elif kind == "token expired":
                    self._expire_token(tracker)
                    self.injected[kind] += 1
                else:
                    self.injected[kind] += 1
                    self.last_fault = kind
                    return replace(FAULTS[kind], tracker=tracker), 0.0
            return super().pick(tracker, request)

    def after_request(self) -> None:
        """The request had its effect, and nobody has heard the answer yet."""
        if self._kill_after_response:
            self._kill_with("killed after a request")
        self.check_alive()

    def before_store_write(self) -> str | None:
        """What goes wrong with this write transaction."""
        self.check_alive()
        self.request_counts[""] += 1
        kind = next(iter(self._due_faults("", self.request_counts[""])), None)
        if kind == "killed before a commit":
            self._kill_with(kind)
        if kind:
            self.injected[kind] += 1
        return kind

    def check_alive(self) -> None:
        """Killed when the process is dead already."""
        if self.killed:
            raise Killed

    def kill(self) -> None:
        """Here it ends."""
        self.killed = True
        raise Killed

    def _kill_with(self, kind: str) -> None:
        self.injected[kind] += 1
        self.kill()

    def _due_faults(self, tracker: str, number: int, *, writes: bool = False) -> list[str]:
        return [
            each.kind
            for each in self._plan.troubles
            if each.tracker == tracker
            and (writes or not each.writes)
            and each.nth
            <= (self.request_counts[write_counter(tracker)] if each.writes else number)
            < each.nth + each.times
        ]


def is_write(method: str, path: str) -> bool:
    """Whether a request changes something. Jira's searches are POST, too."""
    reading = (
        "/search",
        "/search/jql",
        "/comment/list",
        "/changelog/bulkfetch",
        "/access_tokens",
        "/approximate-count",
    )
    return method not in ("GET", "HEAD") and not path.endswith(reading)


class FaultyDatabase(Database):
    """A database whose writes fail, and whose process dies, when the script says so."""

    def __init__(self, engine: Engine, label: str, injector: Callable[[], FaultInjector | None]) -> None:
        super().__init__(engine, label)
        self._injector = injector

    @contextmanager
    def read(self) -> Iterator[Connection]:
        if script := self._injector():
            script.check_alive()
        with super().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        script = self._injector()
        kind = script.before_store_write() if script else None
        if kind == "store locked":
            with translate_errors(self.label):
                raise _operational_error("database is locked")
        with super().write() as connection:
            yield connection
            if kind == "disk full":
                raise _operational_error("database or disk is full")
        if script and kind == "killed after a commit":
            script.kill()


def _operational_error(text: str) -> OperationalError:
    return OperationalError("", {}, sqlite3.OperationalError(text))
