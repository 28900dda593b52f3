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

from connectors.sandbox.core.tracker import Clock, TrackerRequest, TrackerResponse
from connectors.sandbox.server import Sandbox
from sync.model.run import RunOptions
from sync.pipeline.run import run_once
from sync.runtime.bootstrap import load_configuration
from sync.runtime.invocation import Invocation
from sync.runtime.session import online_context, open_workspace_store
from sync.simulation.invariants import FinalState, Violation, check_single_comment, compare_final_states
from sync.simulation.reference_run import RUN_INTERVAL
from sync.simulation.results import ScheduleResult
from sync.simulation.scenarios import TOKENS, VARIANTS, random_scenario_for, write_scenario_workspace
from sync.simulation.user_actions import TrackerUI, VisibleIssue, tracker_ui_for

RUNS_AFTER_KILL = 3
"""After the kill: one puts everything right, the last has nothing to do."""


class _WriteObserver:
    """A tracker that tells of each write before and after it takes effect."""

    def __init__(self, tracker: Any, told: Callable[[bool], None]) -> None:
        self._tracker, self._told = tracker, told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tracker, name)

    def handle(self, request: TrackerRequest) -> TrackerResponse:
        writes = request.method not in ("GET", "HEAD") and "search" not in request.path
        if writes:
            self._told(False)
        response: TrackerResponse = self._tracker.handle(request)
        if writes:
            self._told(True)
        return response


@dataclass(kw_only=True)
class _ProcessKiller:
    """Kills a process at its nth write, before or after that takes effect."""

    nth: int
    after: bool
    process_id: int | None = None
    writes: int = 0
    killed: bool = False

    def __call__(self, done: bool) -> None:
        self.writes += not done
        if self.process_id and not self.killed and self.writes == self.nth and done == self.after:
            os.kill(self.process_id, signal.SIGKILL)
            self.killed = True


@dataclass(kw_only=True)
class _KillEnvironment:
    root: Path
    sandbox: Sandbox
    tracker_uis: dict[str, TrackerUI]
    writes: list[str] = field(default_factory=list)

    def run(self) -> int:
        """``run`` in this process, half an hour later."""
        self.sandbox.clock.advance(RUN_INTERVAL)
        self.sandbox.log.clear()
        ways = Invocation(
            workspace=self.root,
            log_level="error",
            environment=TOKENS,
            now=self.sandbox.clock,
            sleep=lambda seconds: self.sandbox.clock.advance(timedelta(seconds=seconds)),
        )
        with redirect_stderr(io.StringIO()), online_context(ways, "run", {}, writes=True) as job:
            code = run_once(job, RunOptions()).exit_code
        self.writes = [
            entry.path for entry in self.sandbox.log.entries if entry.method not in ("GET", "POST")
        ]
        return code

    def visible_issues(self) -> dict[tuple[str, str], VisibleIssue]:
        return {
            (name, key): site.visible_issue(key)
            for name, site in self.tracker_uis.items()
            for key in site.issue_keys()
        }

    def final_state(self) -> FinalState:
        with open_workspace_store(load_configuration(self.root), self.sandbox.clock) as store:
            pushed = store.pushed_labels().items()
            return FinalState(
                issues=self.visible_issues(),
                pushed=frozenset((ref.tracker, ref.key, label) for ref, labels in pushed for label in labels),
                decided=frozenset(),
                comments={name: each.state for name, each in store.pushed_comments().items()},
            )


def simulate_process_kill(seed: int) -> ScheduleResult:
    """One real kill and what came of it."""
    chance = Random(f"kill {seed}")
    killer = _ProcessKiller(nth=chance.randint(1, 10), after=chance.random() < 0.5)
    with _kill_environment(seed, None) as twin:
        for _ in range(RUNS_AFTER_KILL):
            twin.run()
        wanted = twin.final_state()
    with _kill_environment(seed, killer) as place:
        process = _start(place.root)
        killer.process_id = process.pid
        process.wait()
        killed = process.returncode == -signal.SIGKILL
        codes = [place.run() for _ in range(RUNS_AFTER_KILL)]
        broken = [
            *compare_final_states(wanted, place.final_state()),
            *check_single_comment(place.visible_issues()),
        ]
        if place.writes or codes[-1]:
            text = f"the last run ended with {codes[-1]} and wrote {place.writes[:3]}"
            broken.append(Violation(invariant="second run is empty", text=text))
        mails = sum(len(site.notifications()) for site in place.tracker_uis.values())
    kind = f"SIGKILL {'after' if killer.after else 'before'} the effect"
    return ScheduleResult(
        seed=seed,
        violations=tuple(broken),
        injected=Counter({kind: int(killed)} if killed else {}),
        user_actions=0,
        writes=killer.writes,
        notifications=mails,
        reference_notifications=mails,
        way="SIGKILL",
    )


def _start(root: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sync", "-C", str(root), "--log-level", "error", "run"]
    return subprocess.Popen(  # noqa: S603 - our own program
        command, env={**os.environ, **TOKENS}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@contextmanager
def _kill_environment(seed: int, killer: _ProcessKiller | None) -> Iterator[_KillEnvironment]:
    """A workspace in a folder, and trackers behind HTTP that go by the real clock, as the process does."""
    clock = Clock.real()
    world = random_scenario_for(seed, start=clock.now().replace(hour=12, minute=0, second=0, microsecond=0))
    with (
        tempfile.TemporaryDirectory(prefix="increment-sync-rehearsal-") as folder,
        Sandbox.from_seed(world.seed, clock=clock) as box,
    ):
        sites = {name: tracker_ui_for(tracker) for name, tracker in box.trackers.items()}
        if killer:
            watched: Any = {name: _WriteObserver(tracker, killer) for name, tracker in box.trackers.items()}
            box.trackers = watched
        write_scenario_workspace(Path(folder), seed % VARIANTS, box.base_url, clock.now())
        yield _KillEnvironment(root=Path(folder), sandbox=box, tracker_uis=sites)
