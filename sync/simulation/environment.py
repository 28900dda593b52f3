"""Environment of simulated runs: sandbox trackers, a store in memory, users, and one clock for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from requests.adapters import BaseAdapter
from sqlalchemy import update

from connectors.errors import ConnectorError
from connectors.sandbox.core.tracker import Clock, LogEntry, RequestLog, Tracker
from connectors.sandbox.server import Sandbox
from sync.apply.recover import recover_pending_writes
from sync.apply.undo_current import COMMAND as UNDO
from sync.apply.undo_current import build_undo_request, undo_lineage
from sync.apply.undo_execution import hold_reverted, plan_reversal, write_reversal
from sync.model.run import RunOptions, RunResult
from sync.pipeline.run import run_once
from sync.runtime.bootstrap import ClientOptions
from sync.runtime.context import NoProgress, RunContext
from sync.runtime.run_lock import run_lock
from sync.runtime.session import tracker_context
from sync.simulation.fault_injection import FaultInjector, FaultyDatabase, Killed, is_write
from sync.simulation.fault_schedule import RunSchedule
from sync.simulation.scenarios import Scenario
from sync.simulation.user_actions import TrackerUI, tracker_ui_for
from sync.simulation.users import SimulatedUsers
from sync.simulation.wsgi_adapter import WsgiAdapter
from sync.store import LeaseHeld, LeaseLost, Store, StoreError, open_store
from sync.store.tables import store_facts


class StorePool:
    """One store in memory, reloaded for each environment: a new database engine costs more than a run."""

    def __init__(self) -> None:
        self.injector: FaultInjector | None = None
        self.now: Callable[[], datetime] = Clock()
        databases: list[FaultyDatabase] = []

        def database(engine: Any, label: str) -> FaultyDatabase:
            databases.append(FaultyDatabase(engine, label, lambda: self.injector))
            return databases[0]

        open_store("sqlite://", now=lambda: self.now(), database=database)
        self._database = databases[0]
        self._empty_image = self.dump()

    def dump(self) -> bytes:
        """Return the whole store as an SQLite image."""
        with self._raw() as connection:
            return bytes(connection.serialize())

    def load(self, image: bytes | None, now: Callable[[], datetime]) -> Store:
        """Return a store with the content of an image, a new one for None. ``now`` returns its time (aware)."""
        self.injector, self.now = None, now
        with self._raw() as connection:
            connection.deserialize(image or self._empty_image)
        if image is None:
            with self._database.write() as connection:
                connection.execute(update(store_facts).values(at=now()))
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
    """None when the run did not end by itself."""
    stop_reason: str | None
    """Why the run stopped: ``killed``, or its error message."""
    unexpected_error: str | None
    """An exception that is a bug."""
    failed_sources: frozenset[str]
    """Names of the sources that were not fully synced."""
    log: tuple[LogEntry, ...]
    """Requests that reached the trackers."""

    @property
    def has_remaining_writes(self) -> bool:
        """True when the run reached its write limits and left changes to the next one."""
        return bool(self.result and self.result.applied and self.result.applied.skipped)

    @property
    def writes(self) -> tuple[LogEntry, ...]:
        """Requests that change something."""
        return tuple(entry for entry in self.log if is_write(entry.method, entry.path))


@dataclass(kw_only=True)
class EnvironmentState:
    """A saved state of trackers, store and clock, to restore any number of times."""

    trackers: Mapping[str, Tracker]
    store_image: bytes | None
    at: datetime


@dataclass(kw_only=True)
class Environment:
    """Trackers, store, users and clock of one simulation, in which runs are executed."""

    scenario: Scenario
    trackers: dict[str, Tracker]
    clock: Clock
    store_pool: StorePool
    store_image: InitVar[bytes | None]
    server: Sandbox | None = None
    """A server on loopback for these trackers; None: no sockets, and one request at a time."""
    store: Store = field(init=False)
    injector: FaultInjector = field(init=False)
    tracker_uis: dict[str, TrackerUI] = field(init=False)
    users: SimulatedUsers = field(init=False)
    clock_skew: timedelta = timedelta()
    runs: int = 0
    adapter: BaseAdapter | None = field(init=False, default=None)
    log: RequestLog = field(init=False)

    def __post_init__(self, store_image: bytes | None) -> None:
        self.load_store(store_image)
        self.tracker_uis = {name: tracker_ui_for(tracker) for name, tracker in self.trackers.items()}
        self.users = SimulatedUsers(self.tracker_uis, self.scenario)
        self.injector = FaultInjector(
            self.users.perform, lambda name: self.tracker_uis[name].expire_token(self.clock.now())
        )
        sandbox = self.server or Sandbox.from_seed({"trackers": {}})
        sandbox.trackers, sandbox.clock, sandbox.faults = self.trackers, self.clock, self.injector
        sandbox.wsgi.page_cache.clear()
        self.log = sandbox.log
        if self.server is None:
            self.adapter = WsgiAdapter(sandbox.wsgi, self.injector, self.sleep)

    def now(self) -> datetime:
        """Return the time of the program, which may differ from that of the trackers."""
        return self.clock.now() + self.clock_skew

    def sleep(self, seconds: float) -> None:
        """Advance the clock instead of waiting."""
        self.clock.advance(timedelta(seconds=seconds))

    def load_store(self, image: bytes | None) -> None:
        """Replace the store by an image (``StorePool.dump``), or by an empty store for None."""
        self.store = self.store_pool.load(image, self.now)

    def run(self, schedule: RunSchedule, options: RunOptions | None = None) -> SimulatedRun:
        """Execute one run with the scheduled faults, as a new process would."""
        self.clock.advance(schedule.delay)
        self.runs += 1
        self.log.clear()
        self.injector.begin(schedule)
        self.store_pool.injector = self.injector
        result, stopped, unexpected, log = None, None, None, SourceFailureLog()
        try:
            result = self._execute(options or RunOptions(full=schedule.full), log)
        except Killed:
            stopped = "killed"
        except (StoreError, LeaseHeld, LeaseLost, ConnectorError) as error:
            stopped = str(error)
        except Exception as error:  # the command line would report it as a bug
            stopped = unexpected = f"{type(error).__name__}: {error}"
        self.store_pool.injector = None
        for ui in self.tracker_uis.values():
            ui.expire_token(None)
        for each in schedule.concurrent_actions:  # the run sent fewer requests than planned
            if each.action not in self.users.performed:
                self.users.perform(each.action)
        return SimulatedRun(
            result=result,
            stop_reason=stopped,
            unexpected_error=unexpected,
            failed_sources=frozenset(log.failed_sources),
            log=self.log.entries,
        )

    def _execute(self, options: RunOptions, log: SourceFailureLog) -> RunResult:
        with self._context("run", {}, log) as context:
            return run_once(context, options)

    def undo(self, run_id: str) -> None:
        """Revert the writes of a run, as ``undo`` does, without faults."""
        self.runs += 1
        self.injector.begin(RunSchedule())
        with self._context(UNDO, {"run": run_id}, SourceFailureLog()) as context, run_lock(context, "undo"):
            original_run, reverts = undo_lineage(context, run_id)
            recover_pending_writes(context)
            request = build_undo_request(context, run_id, (), reapplies=not reverts)
            reversal = plan_reversal(context, request)
            hold_reverted(context, request, reversal, original_run)
            write_reversal(context, request, reversal)
            self.store.finish_run(context.run_id, "done", 0, {})

    @contextmanager
    def _context(
        self, command: str, recorded: Mapping[str, Any], log: SourceFailureLog
    ) -> Iterator[RunContext]:
        run_id = f"{self.now():%Y%m%d-%H%M%S}-{self.runs:04x}"
        client_options = ClientOptions(
            now=self.now,
            sleep=self.sleep,
            random=Random(self.runs).random,
            adapter=self.adapter,
            page_size=self.scenario.page_size,
        )
        with tracker_context(
            self.scenario.loaded_workspace,
            self.scenario.credentials,
            self.store,
            client_options,
            run_id,
            writes=True,
            progress=NoProgress(),
            log=log,
            parallel_reads=1 if self.server is None else 8,
        ) as context:
            self.store.start_run(run_id, command, recorded, "simulation")
            yield context

    def capture_state(self) -> EnvironmentState:
        """Return a copy of the current state; the environment may go on."""
        trackers = copy_trackers(self.trackers, Clock(self.clock.now()))
        return EnvironmentState(trackers=trackers, store_image=self.store_pool.dump(), at=self.clock.now())


class SourceFailureLog:
    """Logger that only records which sources failed."""

    def __init__(self) -> None:
        self.failed_sources: set[str] = set()

    def info(self, event: str, **_: Any) -> None:
        """Ignore the event."""

    def warning(self, event: str, **fields: Any) -> None:
        """Record the source of ``source.failed``; ignore other events."""
        if event == "source.failed":
            self.failed_sources.add(str(fields["source"]))


def initial_state(scenario: Scenario) -> EnvironmentState:
    """Return the state of a scenario before the first run."""
    sandbox = Sandbox.from_seed(scenario.seed, clock=Clock(scenario.start))
    return EnvironmentState(trackers=sandbox.trackers, store_image=scenario.store_image, at=scenario.start)


def restore_environment(
    scenario: Scenario, state: EnvironmentState, store_pool: StorePool, server: Sandbox | None = None
) -> Environment:
    """Return an environment that goes on from a state. The pool holds the store of one environment at a time."""
    clock = Clock(state.at)
    return Environment(
        scenario=scenario,
        trackers=copy_trackers(state.trackers, clock),
        clock=clock,
        store_pool=store_pool,
        store_image=state.store_image,
        server=server,
    )


def copy_trackers(trackers: Mapping[str, Tracker], clock: Clock) -> dict[str, Tracker]:
    """Return copies that share only immutable data, on this clock."""
    return {name: tracker.copy(clock) for name, tracker in trackers.items()}
