"""What one execution works with: the workspace, the trackers, the store, the clock. Built in ``wiring.py``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from connectors.http.rate_limiter import RateLimiter
from connectors.http.usage import RequestStats
from connectors.ports import Cache, IssueReader, IssueWriter
from mappings.model import Workspace
from sync.config.settings import Settings
from sync.model.broken_file import BrokenFile
from sync.model.rollup import EvidenceResult
from sync.store import Store

Markup = Literal["github", "jira"]


class Progress(Protocol):
    """Tells a person what is going on: a bar on a terminal, a line every ten seconds otherwise."""

    def step(self, text: str, done: int = 0, total: int = 0) -> None:
        """``text`` is under way; ``done`` of ``total`` where that is known."""
        ...

    def paused(self) -> AbstractContextManager[None]:
        """Meanwhile a person is asked something: what moves would paint over the question."""
        ...


class NoProgress:
    """Says nothing."""

    def step(self, text: str, done: int = 0, total: int = 0) -> None:  # noqa: ARG002 - the port's shape
        return

    def paused(self) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """Readers for every tracker; writers only where something may be written."""

    run_id: str
    settings: Settings
    workspace: Workspace
    store: Store
    readers: Mapping[str, IssueReader]
    writers: Mapping[str, IssueWriter] = field(default_factory=dict)
    rate_limiters: Mapping[str, RateLimiter] = field(default_factory=dict)
    """Tracker -> when its next write may leave; at once where there is none."""
    request_stats: RequestStats = field(default_factory=RequestStats)
    """Requests sent, and quotas left."""
    evidence: Mapping[str, EvidenceResult] = field(default_factory=dict)
    """Capability id -> how the evidence stands that it asks for."""
    mapping_files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Mapping file -> its team, and what the file says."""
    broken_files: tuple[BrokenFile, ...] = ()
    """Mapping files with errors, in whose place something else holds."""
    now: Callable[[], datetime]
    progress: Progress = field(default_factory=NoProgress)
    log: Any
    """A structlog logger bound to the run id."""
    parallel_reads: int = 8
    """How many sources are read side by side; 1 makes the order of all requests repeatable."""

    @property
    def omitted_files(self) -> tuple[str, ...]:
        """The mapping files with errors in whose place nothing holds: no run could read them yet."""
        return tuple(each.file for each in self.broken_files if not each.uses_last_known_good)

    def own_account_ids(self, tracker: str) -> frozenset[str]:
        """Ids of the accounts that are ours on a tracker: the one of today, and former ones by the settings."""
        former = self.settings.trackers[tracker].former_accounts
        return frozenset({self.readers[tracker].whoami().id, *former})

    def markup(self, tracker: str) -> Markup:
        """How comments are written on a tracker."""
        return "github" if self.settings.trackers[tracker].kind == "github" else "jira"


class RunCache:
    """The store's cache in memory for one run, safe for the threads that pull sources side by side.

    ``flush`` writes what is new; a run that dies before it only asks the trackers once more.
    """

    def __init__(self, backing: Cache) -> None:
        self._backing = backing
        self._lock = threading.Lock()
        self._values: dict[str, Any] = {}
        self._new: dict[str, float] = {}

    def get(self, key: str) -> Any | None:
        with self._lock:
            if key not in self._values:
                self._values[key] = self._backing.get(key)
            return self._values[key]

    def put(self, key: str, value: Any, *, days: float = 30) -> None:
        with self._lock:
            self._values[key] = value
            self._new[key] = days

    def flush(self) -> None:
        """Keep what this run learned for the next one."""
        with self._lock:
            for key, days in self._new.items():
                self._backing.put(key, self._values[key], days=days)
            self._new.clear()
