"""The context of a run: workspace, store, tracker clients, clock, progress and logger. Built by ``session.py``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from connectors.http.rate_limiter import RateLimiter
from connectors.http.usage import RequestStats
from connectors.model import Issue, IssueRef
from connectors.ports import Cache, IssueReader, IssueWriter
from mappings.rules.conditions import field_selection_for
from sync.config.workspace import LoadedWorkspace
from sync.model.limits import GuardLimits
from sync.model.run import RunOptions
from sync.store import Store


class Progress(Protocol):
    """Shows a person the current step."""

    def step(self, text: str, done: int = 0, total: int = 0) -> None:
        """Show a step in progress; ``total`` is 0 if it is unknown."""
        ...

    def paused(self) -> AbstractContextManager[None]:
        """Hide the display while a person answers a question at the terminal."""
        ...


class NoProgress:
    """Shows nothing."""

    def step(self, text: str, done: int = 0, total: int = 0) -> None:  # noqa: ARG002 - the port's shape
        return

    def paused(self) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext(LoadedWorkspace):
    """Everything that the steps of a run need: the loaded workspace, the store, the trackers and a clock.

    Writers exist only for trackers that may be written.
    """

    run_id: str
    store: Store
    readers: Mapping[str, IssueReader] = field(default_factory=dict)
    writers: Mapping[str, IssueWriter] = field(default_factory=dict)
    rate_limiters: Mapping[str, RateLimiter] = field(default_factory=dict)
    """Tracker -> rate limiter of its writes; writes on other trackers are not delayed."""
    request_stats: RequestStats = field(default_factory=RequestStats)
    """Requests sent and remaining rate limits."""
    now: Callable[[], datetime]
    progress: Progress = field(default_factory=NoProgress)
    log: Any
    """A structlog logger bound to the run id."""
    parallel_reads: int = 8
    """Number of sources that are read concurrently; 1 makes the order of requests deterministic."""

    @property
    def omitted_files(self) -> tuple[str, ...]:
        """Broken mapping files without a last known good version."""
        return tuple(each.file for each in self.broken_files if not each.uses_last_known_good)

    def own_account_ids(self, tracker: str) -> frozenset[str]:
        """Return the ids of our current account on a tracker and of the former ones that the settings name."""
        former = self.settings.trackers[tracker].former_accounts
        return frozenset({self.readers[tracker].whoami().id, *former})

    def read_issue(self, ref: IssueRef) -> Issue:
        """Read an issue by its key, with the fields that the mappings need. Raise Gone if it is not visible."""
        return self.readers[ref.tracker].read(ref.key, field_selection_for(self.workspace.teams))

    def container_of(self, ref: IssueRef) -> str:
        """Return the container (project, repository) that the key of an issue names."""
        return self.settings.spec(ref.tracker).keys.container(ref.key)

    def guard_limits(self, options: RunOptions) -> GuardLimits:
        """Return the limits of the settings with those that the options raise for this run."""
        return GuardLimits(
            **self.settings.limits.model_dump(exclude={"shrink", "shrink_share"}),
            max_removals=options.max_removals,
            max_comments=options.max_comments,
            max_notifications=options.max_notifications,
        )

    def deadline_check(self, options: RunOptions, started: datetime) -> Callable[[], bool]:
        """Return a function that is True once ``--max-duration``, counted from ``started``, has passed."""
        if options.max_duration is None:
            return lambda: False
        until = started + options.max_duration
        return lambda: self.now() >= until


class RunCache:
    """Write-back cache for one run on top of the store's cache. Thread-safe.

    New values reach the store with ``flush``; after a crash before it, the next run asks the trackers again.
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
        """Write new values to the store."""
        with self._lock:
            for key, days in self._new.items():
                self._backing.put(key, self._values[key], days=days)
            self._new.clear()
