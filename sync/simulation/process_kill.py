"""Simulation with a real process: killed by SIGKILL at one of its writes, over HTTP, with its store in a file."""

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
from sync.config.credentials import without_credentials
from sync.model.run import RunOptions
from sync.pipeline.run import run_once
from sync.runtime.bootstrap import load_configuration
from sync.runtime.invocation import Invocation
from sync.runtime.session import online_context, open_workspace_store
from sync.simulation.invariants import FinalState, Violation, check_single_comment, compare_final_states
from sync.simulation.observation import observe_state
from sync.simulation.reference_run import RUN_INTERVAL
from sync.simulation.results import ScheduleResult
from sync.simulation.scenarios import TOKENS, VARIANTS, random_scenario_for, write_scenario_workspace
from sync.simulation.user_actions import TrackerUI, tracker_ui_for

RUNS_AFTER_KILL = 3
"""Runs after the kill: the first ones repair everything, the last one has nothing to do."""


class _WriteObserver:
    """A tracker that reports each write before and after it takes effect."""

    def __init__(self, tracker: Any, observe: Callable[[bool], None]) -> None:
        self._tracker, self._observe = tracker, observe

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tracker, name)

    def handle(self, request: TrackerRequest) -> TrackerResponse:
        writes = request.method not in ("GET", "HEAD") and "search" not in request.path
        if writes:
            self._observe(False)
        response: TrackerResponse = self._tracker.handle(request)
        if writes:
            self._observe(True)
        return response


@dataclass(kw_only=True)
class _ProcessKiller:
    """Kills a process at one of its writes, before or after that takes effect."""

    write_number: int
    """Counted from 1."""
    after: bool
    process_id: int | None = None
    writes: int = 0
    killed: bool = False

    def __call__(self, done: bool) -> None:
        self.writes += not done
        if self.process_id and not self.killed and self.writes == self.write_number and done == self.after:
            os.kill(self.process_id, signal.SIGKILL)
            self.killed = True


@dataclass(kw_only=True)
class _KillEnvironment:
    """A workspace in a folder, and the sandbox with its trackers."""

    root: Path
    sandbox: Sandbox
    tracker_uis: dict[str, TrackerUI]
    writes: list[str] = field(default_factory=list)

    def run(self) -> int:
        """Execute ``run`` in this process, half an hour later; return its exit code."""
        self.sandbox.clock.advance(RUN_INTERVAL)
        self.sandbox.log.clear()
        invocation = Invocation(
            workspace=self.root,
            log_level="error",
            environment=TOKENS,
            now=self.sandbox.clock,
            sleep=lambda seconds: self.sandbox.clock.advance(timedelta(seconds=seconds)),
        )
        with redirect_stderr(io.StringIO()), online_context(invocation, "run", {}, writes=True) as context:
            code = run_once(context, RunOptions()).exit_code
        self.writes = [
            entry.path for entry in self.sandbox.log.entries if entry.method not in ("GET", "POST")
        ]
        return code

    def final_state(self) -> FinalState:
        """Return the current state of trackers and store."""
        with open_workspace_store(load_configuration(self.root), self.sandbox.clock) as store:
            return observe_state(self.tracker_uis, store)


def simulate_process_kill(seed: int) -> ScheduleResult:
    """Kill one process, run again, and return the result."""
    random = Random(f"kill {seed}")
    killer = _ProcessKiller(write_number=random.randint(1, 10), after=random.random() < 0.5)
    with _kill_environment(seed, None) as reference:
        for _ in range(RUNS_AFTER_KILL):
            reference.run()
        expected = reference.final_state()
    with _kill_environment(seed, killer) as environment:
        process = _start(environment.root)
        killer.process_id = process.pid
        process.wait()
        killed = process.returncode == -signal.SIGKILL
        codes = [environment.run() for _ in range(RUNS_AFTER_KILL)]
        actual = environment.final_state()
        violations = [*compare_final_states(expected, actual), *check_single_comment(actual.issues)]
        if environment.writes or codes[-1]:
            text = f"the last run ended with {codes[-1]} and wrote {environment.writes[:3]}"
            violations.append(Violation("second run is empty", text))
        notifications = sum(len(ui.notifications()) for ui in environment.tracker_uis.values())
    kind = f"SIGKILL {'after' if killer.after else 'before'} the effect"
    return ScheduleResult(
        seed=seed,
        violations=tuple(violations),
        injected=Counter({kind: int(killed)} if killed else {}),
        user_actions=0,
        writes=killer.writes,
        notifications=notifications,
        reference_notifications=notifications,
        mode="SIGKILL",
    )


def _start(root: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sync", "-C", str(root), "--log-level", "error", "run"]
    environment = {**without_credentials(os.environ), **TOKENS}
    return subprocess.Popen(  # noqa: S603 - this program itself
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@contextmanager
def _kill_environment(seed: int, killer: _ProcessKiller | None) -> Iterator[_KillEnvironment]:
    """Yield a workspace in a folder, with trackers behind HTTP on the real clock, which the process uses too."""
    clock = Clock.real()
    scenario = random_scenario_for(
        seed, start=clock.now().replace(hour=12, minute=0, second=0, microsecond=0)
    )
    with (
        tempfile.TemporaryDirectory(prefix="increment-sync-simulation-") as folder,
        Sandbox.from_seed(scenario.seed, clock=clock) as sandbox,
    ):
        uis = {name: tracker_ui_for(tracker) for name, tracker in sandbox.trackers.items()}
        if killer:
            watched: Any = {
                name: _WriteObserver(tracker, killer) for name, tracker in sandbox.trackers.items()
            }
            sandbox.trackers = watched
        write_scenario_workspace(Path(folder), seed % VARIANTS, sandbox.base_url, clock.now())
        yield _KillEnvironment(root=Path(folder), sandbox=sandbox, tracker_uis=uis)
