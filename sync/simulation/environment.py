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
from connectors.sandbox.core.wsgi_app import Door
from connectors.sandbox.server import Sandbox
from sync.model.anchors import anchors_of
from sync.model.run import Options, Outcome
from sync.pipeline.run import run_once
from sync.runtime.bootstrap import Waiting
from sync.runtime.context import Silent
from sync.runtime.session import working
from sync.simulation.fault_injection import Fragile, Killed, Script, is_write
from sync.simulation.fault_schedule import RunPlan
from sync.simulation.scenarios import World
from sync.simulation.user_actions import Site, hands
from sync.simulation.users import People
from sync.simulation.wsgi_adapter import Wire
from sync.store import LeaseHeld, LeaseLost, Store, StoreError, open_store


class Box:
    """What the sandbox's door needs, and nothing that listens."""

    def __init__(self, trackers: dict[str, Tracker], clock: Clock, faults: Faults) -> None:
        self.trackers, self.clock, self.faults = trackers, clock, faults
        self.log = RequestLog()
        self.door = Door(self, threading.Event())

    def reset(self) -> None:
        """A rehearsal never goes back: it is made anew."""
        raise NotImplementedError


class Shelf:
    """One store in memory for one scene after the other: making a new engine costs more than a run."""

    def __init__(self) -> None:
        self.script: Script | None = None
        self.now: Callable[[], datetime] = Clock()
        made: list[Fragile] = []

        def database(engine: Any, label: str) -> Fragile:
            made.append(Fragile(engine, label, lambda: self.script))
            return made[0]

        open_store("sqlite://", now=lambda: self.now(), database=database)
        self._database = made[0]
        self._new = self.image()

    def image(self) -> bytes:
        """The whole store as bytes."""
        with self._raw() as connection:
            return bytes(connection.serialize())

    def load(self, image: bytes | None, now: Callable[[], datetime]) -> Store:
        """A store that holds what the image holds; None: nothing yet. ``now`` gives its time (aware)."""
        self.script, self.now = None, now
        with self._raw() as connection:
            connection.deserialize(image or self._new)
        return Store(self._database, lambda: self.now())

    @contextmanager
    def _raw(self) -> Iterator[Any]:
        connection = self._database.engine.raw_connection()
        try:
            yield connection.driver_connection
        finally:
            connection.close()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """One run and how it ended."""

    outcome: Outcome | None
    """None when the run did not come to its end."""
    stopped: str | None
    """Why it did not: ``killed``, or what it told the person."""
    unexpected: str | None
    """Set when it ended in a way that is a bug."""
    failed: frozenset[str]
    """Names of the sources that were not read whole, also when the run did not come to its end."""
    log: tuple[LogEntry, ...]
    """Requests that reached the trackers."""

    @property
    def left_some(self) -> bool:
        """Whether it did what one run may do and left the rest to the next."""
        return bool(self.outcome and self.outcome.applied and self.outcome.applied.left)

    @property
    def writes(self) -> tuple[LogEntry, ...]:
        """The requests that change something."""
        return tuple(entry for entry in self.log if is_write(entry.method, entry.path))


@dataclass(kw_only=True)
class Scene:
    """Where a world stands at some moment, to go on from more than once."""

    trackers: Mapping[str, Tracker]
    image: bytes | None
    at: datetime


@dataclass(kw_only=True)
class Stage:
    """A world at work."""

    world: World
    trackers: dict[str, Tracker]
    clock: Clock
    shelf: Shelf
    image: InitVar[bytes | None]
    server: Sandbox | None = None
    """A server on loopback that shows these trackers; None: no sockets, and one request at a time."""
    store: Store = field(init=False)
    script: Script = field(init=False)
    sites: dict[str, Site] = field(init=False)
    people: People = field(init=False)
    skew: timedelta = timedelta()
    runs: int = 0
    adapter: BaseAdapter | None = field(init=False)
    log: RequestLog = field(init=False)

    def __post_init__(self, image: bytes | None) -> None:
        self.store = self.shelf.load(image, self.now)
        self.sites = {name: hands(tracker) for name, tracker in self.trackers.items()}
        workspace = self.world.configured.workspace
        anchors = [(each.tracker, each.key) for each in anchors_of(workspace)]
        self.people = People(
            self.sites,
            [pair for pair in _issues(self.sites) if pair not in anchors],
            anchors,
            scheme=self.world.configured.workspace.labels,
            tags=self.world.tags,
            capabilities=tuple(c.id for i in workspace.increments for c in i.capabilities),
        )
        self.script = Script(self.people.act, lambda name: self.sites[name].expire(self.clock.now()))
        if self.server is None:
            box = Box(self.trackers, self.clock, self.script)
            self.log = box.log
            self.adapter = Wire(box.door, self.script, self.pass_time)
        else:
            self.server.trackers, self.server.clock = self.trackers, self.clock
            self.server.faults, self.log, self.adapter = self.script, self.server.log, None
            self.server.wsgi.pages.clear()

    def now(self) -> datetime:
        """What our own machine takes for the time."""
        return self.clock.now() + self.skew

    def pass_time(self, seconds: float) -> None:
        """Sleeping moves the clock."""
        self.clock.advance(timedelta(seconds=seconds))

    def run(self, plan: RunPlan) -> Ran:
        """One execution, in a process of its own as far as anything can tell."""
        self.clock.advance(plan.gap)
        self.runs += 1
        self.log.clear()
        self.script.begin(plan)
        self.shelf.script = self.script
        outcome, stopped, unexpected, ear = None, None, None, Ear()
        try:
            outcome = self._work(Options(full=plan.full), ear)
        except Killed:
            stopped = "killed"
        except (StoreError, LeaseHeld, LeaseLost, ConnectorError) as error:
            stopped = str(error)
        except Exception as error:  # what a person would be told is a bug is one
            stopped = unexpected = f"{type(error).__name__}: {error}"
        self.shelf.script = None
        for site in self.sites.values():
            site.expire(None)
        for each in plan.during:  # what its request number never came for
            if each.edit not in self.people.done:
                self.people.act(each.edit)
        return Ran(
            outcome=outcome,
            stopped=stopped,
            unexpected=unexpected,
            failed=frozenset(ear.failed),
            log=self.log.entries,
        )

    def _work(self, options: Options, ear: Ear) -> Outcome:
        configured, run_id = self.world.configured, f"{self.now():%Y%m%d-%H%M%S}-{self.runs:04x}"
        waiting = Waiting(
            now=self.now,
            sleep=self.pass_time,
            random=Random(self.runs).random,
            adapter=self.adapter,
            page=self.world.page,
        )
        with working(
            configured,
            self.world.credentials,
            self.store,
            waiting,
            run_id,
            writes=True,
            progress=Silent(),
            log=ear,
            at_once=1 if self.server is None else 8,
        ) as job:
            self.store.start_run(run_id, "run", {}, "rehearsal")
            return run_once(job, options)

    def scene(self) -> Scene:
        """Where this world stands now. The stage may go on; the scene stays."""
        trackers = forked(self.trackers, Clock(self.clock.now()))
        return Scene(trackers=trackers, image=self.shelf.image(), at=self.clock.now())


class Ear:
    """A logger that says nothing and remembers which sources failed."""

    def __init__(self) -> None:
        self.failed: set[str] = set()

    def info(self, event: str, **_: Any) -> None:
        """Nothing that a rehearsal needs to know."""

    def warning(self, event: str, **told: Any) -> None:
        """Keeps ``source.failed``."""
        if event == "source.failed":
            self.failed.add(str(told["source"]))


def first_scene(world: World) -> Scene:
    """A world before anything happened."""
    box = Sandbox.from_seed(world.seed, clock=Clock(world.start))
    return Scene(trackers=box.trackers, image=world.snapshot, at=world.start)


def staged(world: World, scene: Scene, shelf: Shelf, server: Sandbox | None = None) -> Stage:
    """A stage that goes on from a scene. The shelf holds one stage's store at a time."""
    clock = Clock(scene.at)
    trackers = forked(scene.trackers, clock)
    return Stage(world=world, trackers=trackers, clock=clock, shelf=shelf, image=scene.image, server=server)


def forked(trackers: Mapping[str, Tracker], clock: Clock) -> dict[str, Tracker]:
    """Copies that share nothing but what never changes."""
    memo: dict[int, Any] = {}
    for tracker in trackers.values():
        state: Any = tracker.state  # type: ignore[attr-defined]
        memo[id(state.lock)] = threading.RLock()
        memo[id(state.clock)] = clock
        seed: Any = tracker._seed  # type: ignore[attr-defined]
        memo[id(seed)] = seed
    return {name: copy.deepcopy(tracker, memo) for name, tracker in trackers.items()}


def _issues(sites: Mapping[str, Site]) -> list[tuple[str, str]]:
    """The issues that are there now: later ones are not touched again."""
    return sorted((name, key) for name, site in sites.items() for key in site.issues())
