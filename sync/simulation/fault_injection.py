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
from connectors.sandbox.core.tracker import Request
from sync.simulation.fault_schedule import FAULTS, Edit, RunPlan, writes_of
from sync.store.database import Database, told


class Killed(BaseException):
    """The process was killed here: nothing that would run afterwards has any effect."""


class Script(Faults):
    """What the embedded trackers ask about every request, and the store about every write transaction."""

    def __init__(self, act: Callable[[Edit], None], expire: Callable[[str], None]) -> None:
        """``act`` lets a person do something; ``expire`` makes the token of a tracker worthless."""
        super().__init__()
        self._act, self._expire = act, expire
        self._plan = RunPlan()
        self._turn = threading.RLock()
        self.asked: Counter[str] = Counter()
        """Requests of this run by tracker, those that write also apart; store writes under ''."""
        self.injected: Counter[str] = Counter()
        """What went wrong since the beginning, by kind."""
        self.dead = False
        self.last: str | None = None
        """The kind of fault of the last request."""
        self._dies_after = False

    def begin(self, plan: RunPlan) -> None:
        """A new process, with this to happen to it."""
        self._plan, self.dead, self._dies_after = plan, False, False
        self.asked.clear()

    def pick(self, tracker: str, request: Request) -> tuple[Fault | None, float]:
        with self._turn:
            if self.dead:  # over HTTP: a thread of the dead process was about to ask
                return Fault(kind="reset_before"), 0.0
            self.asked[tracker] += 1
            self.asked[writes_of(tracker)] += (writes := is_write(request.method, request.path))
            number, self.last = self.asked[tracker], None
            for each in self._plan.during:
                if (each.tracker, each.nth) == (tracker, number):
                    self._act(each.edit)
            for kind in self._due(tracker, number, writes=writes):
                if kind == "killed before a request":
                    self._die(kind)
                if kind == "killed after a request":
                    self._dies_after = True
                elif kind == "token expired":
                    self._expire(tracker)
                    self.injected[kind] += 1
                else:
                    self.injected[kind] += 1
                    self.last = kind
                    return replace(FAULTS[kind], tracker=tracker), 0.0
            return super().pick(tracker, request)

    def answered(self) -> None:
        """The request had its effect, and nobody has heard the answer yet."""
        if self._dies_after:
            self._die("killed after a request")
        self.alive()

    def store_write(self) -> str | None:
        """What goes wrong with this write transaction."""
        self.alive()
        self.asked[""] += 1
        kind = next(iter(self._due("", self.asked[""])), None)
        if kind == "killed before a commit":
            self._die(kind)
        if kind:
            self.injected[kind] += 1
        return kind

    def alive(self) -> None:
        """Killed when the process is dead already."""
        if self.dead:
            raise Killed

    def die(self) -> None:
        """Here it ends."""
        self.dead = True
        raise Killed

    def _die(self, kind: str) -> None:
        self.injected[kind] += 1
        self.die()

    def _due(self, tracker: str, number: int, *, writes: bool = False) -> list[str]:
        return [
            each.kind
            for each in self._plan.troubles
            if each.tracker == tracker
            and (writes or not each.writes)
            and each.nth
            <= (self.asked[writes_of(tracker)] if each.writes else number)
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


class Fragile(Database):
    """A database whose writes fail, and whose process dies, when the script says so."""

    def __init__(self, engine: Engine, label: str, script: Callable[[], Script | None]) -> None:
        super().__init__(engine, label)
        self._script = script

    @contextmanager
    def read(self) -> Iterator[Connection]:
        if script := self._script():
            script.alive()
        with super().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        script = self._script()
        kind = script.store_write() if script else None
        if kind == "store locked":
            with told(self.label):
                raise _said("database is locked")
        with super().write() as connection:
            yield connection
            if kind == "disk full":
                raise _said("database or disk is full")
        if script and kind == "killed after a commit":
            script.die()


def _said(text: str) -> OperationalError:
    return OperationalError("", {}, sqlite3.OperationalError(text))
