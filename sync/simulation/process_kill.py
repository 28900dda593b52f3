"""A real process is killed by SIGKILL at one of its writes, over HTTP, with its store in a file; then the program
runs again."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from connectors.sandbox.core.tracker import Clock, Request, Response
from connectors.sandbox.server import Sandbox
from sync.model.run import Options
from sync.pipeline.run import run_once
from sync.runtime.bootstrap import configure
from sync.runtime.invocation import Ways
from sync.runtime.session import online_job, opened_store
from sync.simulation.invariants import Broken, End, differences, one_comment
from sync.simulation.reference_run import SOON
from sync.simulation.results import Verdict
from sync.simulation.scenarios import TOKENS, VARIANTS, made_up, write_workspace
from sync.simulation.user_actions import Face, Site, hands

RUNS = 3
"""After the kill: one puts everything right, the last has nothing to do."""


class _Watched:
    """A tracker that tells of each write before and after it takes effect."""

    def __init__(self, tracker: Any, told: Callable[[bool], None]) -> None:
        self._tracker, self._told = tracker, told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tracker, name)

    def handle(self, request: Request) -> Response:
        writes = request.method not in ("GET", "HEAD") and "search" not in request.path
        if writes:
            self._told(False)
        response: Response = self._tracker.handle(request)
        if writes:
            self._told(True)
        return response


@dataclass(kw_only=True)
class _Killer:
    """Kills a process at its nth write, before or after that takes effect."""

    nth: int
    after: bool
    victim: int | None = None
    writes: int = 0
    killed: bool = False

    def __call__(self, done: bool) -> None:
        self.writes += not done
        if self.victim and not self.killed and self.writes == self.nth and done == self.after:
            os.kill(self.victim, signal.SIGKILL)
            self.killed = True


@dataclass(kw_only=True)
class _Place:
    root: Path
    box: Sandbox
    sites: dict[str, Site]
    writes: list[str] = field(default_factory=list)

    def run(self) -> int:
        """``run`` in this process, half an hour later."""
        self.box.clock.advance(SOON)
        self.box.log.clear()
        ways = Ways(
            workspace=self.root,
            log_level="error",
            environment=TOKENS,
            now=self.box.clock,
            sleep=lambda seconds: self.box.clock.advance(timedelta(seconds=seconds)),
        )
        with redirect_stderr(io.StringIO()), online_job(ways, "run", {}, writes=True) as job:
            code = run_once(job, Options()).exit_code
        self.writes = [entry.path for entry in self.box.log.entries if entry.method not in ("GET", "POST")]
        return code

    def faces(self) -> dict[tuple[str, str], Face]:
        return {(name, key): site.face(key) for name, site in self.sites.items() for key in site.issues()}

    def end(self) -> End:
        with opened_store(configure(self.root), self.box.clock) as store:
            pushed = store.pushed_labels().items()
            return End(
                faces=self.faces(),
                pushed=frozenset((ref.tracker, ref.key, label) for ref, labels in pushed for label in labels),
                decided=frozenset(),
                comments={name: each.state for name, each in store.pushed_comments().items()},
            )


def kill_and_run_again(seed: int) -> Verdict:
    """One real kill and what came of it."""
    chance = Random(f"kill {seed}")
    killer = _Killer(nth=chance.randint(1, 10), after=chance.random() < 0.5)
    with _place(seed, None) as twin:
        for _ in range(RUNS):
            twin.run()
        wanted = twin.end()
    with _place(seed, killer) as place:
        process = _start(place.root)
        killer.victim = process.pid
        process.wait()
        killed = process.returncode == -signal.SIGKILL
        codes = [place.run() for _ in range(RUNS)]
        broken = [*differences(wanted, place.end()), *one_comment(place.faces())]
        if place.writes or codes[-1]:
            text = f"the last run ended with {codes[-1]} and wrote {place.writes[:3]}"
            broken.append(Broken(rule="second run is empty", text=text))
        mails = sum(len(site.mails()) for site in place.sites.values())
    kind = f"SIGKILL {'after' if killer.after else 'before'} the effect"
    return Verdict(
        seed=seed,
        broken=tuple(broken),
        injected=Counter({kind: int(killed)} if killed else {}),
        edits=0,
        writes=killer.writes,
        mails=mails,
        twin_mails=mails,
        way="SIGKILL",
    )


def _start(root: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sync", "-C", str(root), "--log-level", "error", "run"]
    return subprocess.Popen(  # noqa: S603 - our own program
        command, env={**os.environ, **TOKENS}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@contextmanager
def _place(seed: int, killer: _Killer | None) -> Iterator[_Place]:
    """A workspace in a folder, and trackers behind HTTP that go by the real clock, as the process does."""
    clock = Clock.real()
    world = made_up(seed, start=clock.now().replace(hour=12, minute=0, second=0, microsecond=0))
    with (
        tempfile.TemporaryDirectory(prefix="increment-sync-rehearsal-") as folder,
        Sandbox.from_seed(world.seed, clock=clock) as box,
    ):
        sites = {name: hands(tracker) for name, tracker in box.trackers.items()}
        if killer:
            watched: Any = {name: _Watched(tracker, killer) for name, tracker in box.trackers.items()}
            box.trackers = watched
        write_workspace(Path(folder), seed % VARIANTS, box.base_url, clock.now())
        yield _Place(root=Path(folder), box=box, sites=sites)
