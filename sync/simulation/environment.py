"""A world in which runs happen: embedded trackers, a store in memory, people, and one clock for all."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from requests.adapters import BaseAdapter

from connectors.errors import ConnectorError
from connectors.sandbox.core.faults import Faults
from connectors.sandbox.core.tracker import Clock, LogEntry, RequestLog, Tracker
from connectors.sandbox.core.wsgi_app import SandboxWsgiApp
from connectors.sandbox.server import Sandbox
from sync.model.anchors import list_anchors
from sync.model.run import RunOptions, RunResult
from sync.pipeline.run import run_once
from sync.runtime.bootstrap import ClientOptions
from sync.runtime.context import NoProgress
from sync.runtime.session import tracker_context
from sync.simulation.fault_injection import FaultInjector, FaultyDatabase, Killed, is_write
from sync.simulation.fault_schedule import RunSchedule
from sync.simulation.scenarios import Scenario
from sync.simulation.user_actions import TrackerUI, tracker_ui_for
from sync.simulation.users import SimulatedUsers
from sync.simulation.wsgi_adapter import WsgiAdapter
from sync.store import LeaseHeld, LeaseLost, Store, StoreError, open_store


class InProcessSandbox:
    """What the sandbox's door needs, and nothing that listens."""

    def __init__(self, trackers: dict[str, Tracker], clock: Clock, faults: Faults) -> None:
        self.trackers, self.clock, self.faults = trackers, clock, faults
        self.log = RequestLog()
        self.wsgi_app = SandboxWsgiApp(self, threading.Event())

    def reset(self) -> None:
        """A rehearsal never goes back: it is made anew."""
        raise NotImplementedError


class StorePool:
    """One store in memory for one scene after the other: making a new engine costs more than a run."""

    def __init__(self) -> None:
        self.injector: FaultInjector | None = None
        self.now: Callable[[], datetime] = Clock()
        made: list[FaultyDatabase] = []

        def database(engine: Any, label: str) -> FaultyDatabase:
            made.append(FaultyDatabase(engine, label, lambda: self.injector))
            return made[0]

        open_store("sqlite://", now=lambda: self.now(), database=database)
        self._database = made[0]
        self._empty_image = self.dump()

    def dump(self) -> bytes:
        """The whole store as bytes."""
        with self._raw() as connection:
            return bytes(connection.serialize())

    def load(self, image: bytes | None, now: Callable[[], datetime]) -> Store:
        """A store that holds what the image holds; None: nothing yet. ``now`` gives its time (aware)."""
        self.injector, self.now = None, now
        with self._raw() as connection:
            connection.deserialize(image or self._empty_image)
        return Store(self._database, lambda: self.now())

    @contextmanager
    def _raw(self) -> Iterator[Any]:
        connection = self._database.engine.raw_connection()
        try:
            yield connection.driver_connection
        finally:
            connection.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulatedRun:
    """One run and how it ended."""

    result: RunResult | None
    """None when the run did not come to its end."""
    stop_reason: str | None
    """Why it did not: ``killed``, or what it told the person."""
    unexpected_error: str | None
    """Set when it ended in a way that is a bug."""
    failed_sources: frozenset[str]
    """Names of the sources that were not read whole, also when the run did not come to its end."""
    log: tuple[LogEntry, ...]
    """Requests that reached the trackers."""

    @property
    def has_remaining_writes(self) -> bool:
        """Whether it did what one run may do and left the rest to the next."""
        return bool(self.result and self.result.applied and self.result.applied.skipped)

    @property
    def writes(self) -> tuple[LogEntry, ...]:
        """The requests that change something."""
        return tuple(entry for entry in self.log if is_write(entry.method, entry.path))


@dataclass(kw_only=True)
class EnvironmentState:
    """Where a world stands at some moment, to go on from more than once."""

    trackers: Mapping[str, Tracker]
    store_image: bytes | None
    at: datetime


@dataclass(kw_only=True)
class Environment:
    """A world at work."""

    scenario: Scenario
    trackers: dict[str, Tracker]
    clock: Clock
    store_pool: StorePool
    image: InitVar[bytes | None]
    server: Sandbox | None = None
    """A server on loopback that shows these trackers; None: no sockets, and one request at a time."""
    store: Store = field(init=False)
    injector: FaultInjector = field(init=False)
    tracker_uis: dict[str, TrackerUI] = field(init=False)
    users: SimulatedUsers = field(init=False)
    clock_skew: timedelta = timedelta()
    runs: int = 0
    adapter: BaseAdapter | None = field(init=False)
    log: RequestLog = field(init=False)

    def __post_init__(self, image: bytes | None) -> None:
        self.store = self.store_pool.load(image, self.now)
        self.tracker_uis = {name: tracker_ui_for(tracker) for name, tracker in self.trackers.items()}
        workspace = self.scenario.loaded_workspace.workspace
        anchors = [(each.tracker, each.key) for each in list_anchors(workspace)]
        self.users = SimulatedUsers(
            self.tracker_uis,
            [pair for pair in _issue_keys(self.tracker_uis) if pair not in anchors],
            anchors,
            scheme=self.scenario.loaded_workspace.workspace.labels,
            tags=self.scenario.rule_labels,
            capabilities=tuple(c.id for i in workspace.increments for c in i.capabilities),
        )
        self.injector = FaultInjector(
            self.users.perform, lambda name: self.tracker_uis[name].expire_token(self.clock.now())
        )
        if self.server is None:
            box = InProcessSandbox(self.trackers, self.clock, self.injector)
            self.log = box.log
            self.adapter = WsgiAdapter(box.wsgi_app, self.injector, self.sleep)
        else:
            self.server.trackers, self.server.clock = self.trackers, self.clock
            self.server.faults, self.log, self.adapter = self.injector, self.server.log, None
            self.server.wsgi.page_cache.clear()

    def now(self) -> datetime:
        """What our own machine takes for the time."""
        return self.clock.now() + self.clock_skew

    def sleep(self, seconds: float) -> None:
        """Sleeping moves the clock."""
        self.clock.advance(timedelta(seconds=seconds))

    def run(self, plan: RunSchedule) -> SimulatedRun:
        """One execution, in a process of its own as far as anything can tell."""
        self.clock.advance(plan.delay)
        self.runs += 1
        self.log.clear()
        self.injector.begin(plan)
        self.store_pool.injector = self.injector
        outcome, stopped, unexpected, ear = None, None, None, SourceFailureLog()
        try:
            outcome = self._execute(RunOptions(full=plan.full), ear)
        except Killed:
            stopped = "killed"
        except (StoreError, LeaseHeld, LeaseLost, ConnectorError) as error:
            stopped = str(error)
        except Exception as error:  # what a person would be told is a bug is one
            stopped = unexpected = f"{type(error).__name__}: {error}"
        self.store_pool.injector = None
        for site in self.tracker_uis.values():
            site.expire_token(None)
        for each in plan.during:  # what its request number never came for
            if each.action not in self.users.performed:
                self.users.perform(each.action)
        return SimulatedRun(
            result=outcome,
            stop_reason=stopped,
            unexpected_error=unexpected,
            failed_sources=frozenset(ear.failed_sources),
            log=self.log.entries,
        )

    def _execute(self, options: RunOptions, log: SourceFailureLog) -> RunResult:
        configured, run_id = self.scenario.loaded_workspace, f"{self.now():%Y%m%d-%H%M%S}-{self.runs:04x}"
        waiting = ClientOptions(
            now=self.now,
            sleep=self.sleep,
            random=Random(self.runs).random,
            adapter=self.adapter,
            page_size=self.scenario.page_size,
        )
        with tracker_context(
            configured,
            self.scenario.credentials,
            self.store,
            waiting,
            run_id,
            writes=True,
            progress=NoProgress(),
            log=log,
            parallel_reads=1 if self.server is None else 8,
        ) as job:
            self.store.start_run(run_id, "run", {}, "rehearsal")
            return run_once(job, options)

    def capture_state(self) -> EnvironmentState:
        """Where this world stands now. The stage may go on; the scene stays."""
        trackers = copy_trackers(self.trackers, Clock(self.clock.now()))
        return EnvironmentState(trackers=trackers, store_image=self.store_pool.dump(), at=self.clock.now())


class SourceFailureLog:
    """A logger that says nothing and remembers which sources failed."""

    def __init__(self) -> None:
        self.failed_sources: set[str] = set()

    def info(self, event: str, **_: Any) -> None:
        """Nothing that a rehearsal needs to know."""

    def warning(self, event: str, **fields: Any) -> None:
        """Keeps ``source.failed``."""
        if event == "source.failed":
            self.failed_sources.add(str(fields["source"]))


def initial_state(scenario: Scenario) -> EnvironmentState:
    """A world before anything happened."""
    box = Sandbox.from_seed(scenario.seed, clock=Clock(scenario.start))
    return EnvironmentState(trackers=box.trackers, store_image=scenario.store_image, at=scenario.start)


def restore_environment(
    scenario: Scenario, state: EnvironmentState, store_pool: StorePool, server: Sandbox | None = None
) -> Environment:
    """A stage that goes on from a scene. The shelf holds one stage's store at a time."""
    clock = Clock(state.at)
    trackers = copy_trackers(state.trackers, clock)
    return Environment(
        scenario=scenario,
        trackers=trackers,
        clock=clock,
        store_pool=store_pool,
        image=state.store_image,
        server=server,
    )


def copy_trackers(trackers: Mapping[str, Tracker], clock: Clock) -> dict[str, Tracker]:
    """Copies that share nothing but what never changes."""
    memo: dict[int, Any] = {}
    for tracker in trackers.values():
        state: Any = tracker.state  # type: ignore[attr-defined]
        memo[id(state.lock)] = threading.RLock()
        memo[id(state.clock)] = clock
        seed: Any = tracker._seed  # type: ignore[attr-defined]
        memo[id(seed)] = seed
    return {name: copy.deepcopy(tracker, memo) for name, tracker in trackers.items()}


def _issue_keys(tracker_uis: Mapping[str, TrackerUI]) -> list[tuple[str, str]]:
    """The issues that are there now: later ones are not touched again."""
    return sorted((name, key) for name, site in tracker_uis.items() for key in site.issue_keys())
