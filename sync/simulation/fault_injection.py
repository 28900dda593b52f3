"""Fault injection: counts requests and store writes, and makes the scheduled ones fail."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from connectors.sandbox.core.faults import Fault, Faults
from connectors.sandbox.core.tracker import TrackerRequest
from sync.simulation.fault_schedule import FAULTS, UNTRUE_RESPONSES, RunSchedule, UserAction, write_counter
from sync.store.database import Database, translate_errors


class Killed(BaseException):
    """Stands for the end of a killed process: nothing that would run afterwards has any effect."""


class FaultInjector(Faults):
    """Decides for each request to a tracker and each write transaction of the store what goes wrong."""

    def __init__(self, perform: Callable[[UserAction], None], expire_token: Callable[[str], None]) -> None:
        """``perform`` carries out a user action; ``expire_token`` expires the program's token of a tracker."""
        super().__init__()
        self._perform, self._expire_token = perform, expire_token
        self._schedule = RunSchedule()
        self._lock_requests = threading.RLock()
        self.request_counts: Counter[str] = Counter()
        """Requests of this run by tracker, writing ones also by ``write_counter``; store writes under ''."""
        self.injected: Counter[str] = Counter()
        """Kind of fault -> how often it was injected, over all runs."""
        self.killed = False
        self.last_fault: str | None = None
        """The kind of fault of the last request."""
        self._kill_after_response = False

    def begin(self, schedule: RunSchedule) -> None:
        """Start a new run with these faults and actions."""
        self._schedule, self.killed, self._kill_after_response = schedule, False, False
        self.request_counts.clear()

    def pick(self, tracker: str, request: TrackerRequest) -> tuple[Fault | None, float]:
        with self._lock_requests:
            if self.killed:  # over HTTP: another thread of the killed process sends one more request
                return Fault(kind="reset_before"), 0.0
            self.request_counts[tracker] += 1
            self.request_counts[write_counter(tracker)] += (writes := is_write(request.method, request.path))
            self.last_fault = None
            for each in self._schedule.concurrent_actions:
                if (each.tracker, each.request_number) == (tracker, self.request_counts[tracker]):
                    self._perform(each.action)
            for kind in self._due_faults(tracker, writes=writes):
                if kind == "killed before a request":
                    self._kill_with(kind)
                if kind == "killed after a request":
                    self._kill_after_response = True
                    continue
                self.injected[kind] += 1
                if kind == "token expired":
                    self._expire_token(tracker)
                else:
                    self.last_fault = kind
                    return {**FAULTS, **UNTRUE_RESPONSES}[kind].model_copy(update={"tracker": tracker}), 0.0
            return super().pick(tracker, request)

    def after_request(self) -> None:
        """Kill the process, where scheduled, between the effect of a request and its response."""
        if self._kill_after_response:
            self._kill_with("killed after a request")
        self.check_alive()

    def before_store_write(self) -> str | None:
        """Return the kind of fault that hits this write transaction, or None."""
        self.check_alive()
        self.request_counts[""] += 1
        kind = next(iter(self._due_faults("")), None)
        if kind == "killed before a commit":
            self._kill_with(kind)
        if kind:
            self.injected[kind] += 1
        return kind

    def check_alive(self) -> None:
        """Raise Killed if the process was killed."""
        if self.killed:
            raise Killed

    def kill(self) -> None:
        """Mark the process as killed and raise Killed."""
        self.killed = True
        raise Killed

    def _kill_with(self, kind: str) -> None:
        self.injected[kind] += 1
        self.kill()

    def _due_faults(self, tracker: str, *, writes: bool = False) -> list[str]:
        return [
            each.kind
            for each in self._schedule.faults
            if each.tracker == tracker
            and (writes or not each.writes)
            and each.first <= self.request_counts[each.counter] < each.first + each.times
        ]


def is_write(method: str, path: str) -> bool:
    """Return True for requests that change something; some of Jira's reads are sent with POST."""
    reads = ("/search", "/jql", "/comment/list", "/bulkfetch", "/access_tokens", "/approximate-count")
    return method not in ("GET", "HEAD") and not path.endswith(reads)


class FaultyDatabase(Database):
    """A database whose transactions fail, or whose process is killed, as the injector decides."""

    def __init__(self, engine: Engine, label: str, injector: Callable[[], FaultInjector | None]) -> None:
        super().__init__(engine, label)
        self._injector = injector

    @contextmanager
    def read(self) -> Iterator[Connection]:
        if injector := self._injector():
            injector.check_alive()
        with super().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        injector = self._injector()
        kind = injector.before_store_write() if injector else None
        if kind == "store locked":
            with translate_errors(self.label):
                raise _operational_error("database is locked")
        with super().write() as connection:
            yield connection
            if kind == "disk full":
                raise _operational_error("database or disk is full")
        if injector and kind == "killed after a commit":
            injector.kill()


def _operational_error(text: str) -> OperationalError:
    return OperationalError("", {}, sqlite3.OperationalError(text))
