"""``make bench``: 500 runs in a row with user actions and faults. Prints what grows.

Everything happens in this process, as in a simulation (``sync/simulation/``), but with a store on disk that each run
opens and closes. Two hours lie between two runs, so that 500 take six weeks: longer than data that expires is kept.
100 runs without user actions follow: what still grows then grows with every scheduled run.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import tempfile
import time
import tracemalloc
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sync.simulation.environment import StorePool, initial_state, restore_environment
from sync.simulation.fault_injection import FaultyDatabase
from sync.simulation.fault_schedule import RunSchedule, UserAction, build_schedule, resolve_positions
from sync.simulation.scenarios import Scenario, random_scenario_for
from sync.store import Store, open_store
from sync.store.runs import IDLE_RUN_RETENTION

RUNS, QUIET, STEP = 500, 100, 50
BETWEEN = timedelta(hours=2)
COLUMNS = (
    "runs",
    "actions",
    "faults",
    "writes",
    "peak KB",
    "RSS MB",
    "store KB",
    "WAL KB",
    "history rows",
    "idle runs",
    "other rows",
)
"""``peak KB``: the peak memory of a single run, the trackers' responses included. ``RSS MB``: of this process, which
also holds the trackers with everything that ever happened."""
HISTORY = (
    "runs",
    "journal_entries",
    "journal_results",
    "issue_events",
    "issue_changes",
    "assignment_history",
    "rollups",
    "counted",
    "plan_history",
)
"""Tables that are never pruned: they grow with what happens, not with runs."""


class DiskStore(StorePool):
    """A store in a file, opened again for each run."""

    def __init__(self, file: Path) -> None:
        self.injector, self._file, self._store = None, file, None
        self.now = datetime.now

    def load(self, image: bytes | None, now: Any) -> Store:
        self.now = now
        return self.reopen()

    def reopen(self) -> Store:
        if self._store is not None:
            self._store.close()
        self._store = open_store(
            f"sqlite:///{self._file}",
            now=lambda: self.now(),
            database=lambda engine, label: FaultyDatabase(engine, label, lambda: self.injector),
        )
        return self._store


_ACTIONS = ("close", "reopen", "add rule label", "remove rule label", "retitle", "comment")


class Soak:
    """Many runs in one environment, with measurements."""

    def __init__(self, file: Path) -> None:
        scenario = _scenario()
        self.file, self.store_pool = file, DiskStore(file)
        self.environment = restore_environment(scenario, initial_state(scenario), self.store_pool)
        self.random = Random(4)
        self.number = self.writes = 0
        self.request_counts: dict[str, int] = {}
        self.curve: list[dict[str, float]] = []

    def run(self, *, quiet: bool) -> None:
        """Execute one run with a store opened for it, as a new process would."""
        self.number += 1
        schedule = RunSchedule(delay=BETWEEN) if quiet else self._eventful()
        measured = self.number % STEP == 0
        self.environment.store = self.store_pool.reopen()
        if measured:
            gc.collect()
            tracemalloc.start()
        simulated = self.environment.run(schedule)
        peak = tracemalloc.get_traced_memory()[1] if measured else 0
        tracemalloc.stop()
        if simulated.unexpected_error:
            raise SystemExit(f"run {self.number}: {simulated.unexpected_error}")
        self.writes += len(simulated.writes)
        if not schedule.faults:
            self.request_counts = dict(self.environment.injector.request_counts)
        if measured:
            self.environment.store.close()
            self.curve.append(self._measured(peak))
            print("".join(f"{self.curve[-1][name]:>{len(name) + 2}.0f}" for name in COLUMNS), flush=True)

    def _eventful(self) -> RunSchedule:
        """Return a run with user actions before most runs and during some, and faults in a third.

        Nobody opens issues: growth with their number is another question.
        """
        environment, random = self.environment, self.random
        run = build_schedule(self.number, tuple(environment.trackers)).runs[0]
        before = [action for action in run.actions_before if action.kind != "open"]
        for _ in range(random.choice((0, 1, 1, 2))):
            kind = random.choice(_ACTIONS)
            before.append(UserAction(kind=kind, issue=random.randrange(1000), choice=random.randrange(100)))
        for action in before:
            environment.users.perform(action)
        during = tuple(each for each in run.concurrent_actions if each.action.kind != "open")
        faults = run.faults if random.random() < 1 / 3 else ()
        schedule = replace(
            run,
            actions_before=(),
            concurrent_actions=during,
            faults=faults,
            delay=BETWEEN,
            full=False,
        )
        return resolve_positions(schedule, self.request_counts)

    def _measured(self, peak: int) -> dict[str, float]:
        rows, wal = _rows(self.file), self.file.with_name("state.db-wal")
        values = {
            "runs": self.number,
            "actions": len(self.environment.users.performed),
            "faults": self.environment.injector.injected.total(),
            "writes": self.writes,
            "peak KB": peak / 1024,
            "RSS MB": _resident() / 2**20,
            "store KB": self.file.stat().st_size / 1024,
            "WAL KB": wal.stat().st_size / 1024 if wal.exists() else 0,
            "history rows": sum(count for name, count in rows.items() if name in HISTORY),
            "idle runs": rows["idle runs"],
            "other rows": sum(count for name, count in rows.items() if name not in (*HISTORY, "idle runs")),
        }
        assert tuple(values) == COLUMNS
        return values


def main() -> None:
    started = time.perf_counter()
    print("".join(f"  {name}" for name in COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder) / "state.db")
        for number in range(RUNS + QUIET):
            soak.run(quiet=number >= RUNS)
    half, full, calm, end = (soak.curve[n // STEP - 1] for n in (RUNS // 2, RUNS, RUNS + STEP, RUNS + QUIET))
    print(f"\nruns {RUNS // 2} to {RUNS}: {_slope(half, full)}")
    print(f"runs {RUNS + STEP} to {RUNS + QUIET}, nothing left to do: {_slope(calm, end)}")
    print(f"{time.perf_counter() - started:.0f} s")
    grown = [name for name in ("history rows", "other rows", "WAL KB") if end[name] > calm[name]]
    grown += ["other rows"] if full["other rows"] > 1.1 * half["other rows"] else []
    grown += (
        ["idle runs"] if max(each["idle runs"] for each in soak.curve) > IDLE_RUN_RETENTION / BETWEEN else []
    )
    if grown:
        raise SystemExit(f"does not level off: {', '.join(grown)}")


def _slope(before: dict[str, float], after: dict[str, float]) -> str:
    runs, actions = (after[name] - before[name] for name in ("runs", "actions"))
    rise = {name: after[name] - before[name] for name in COLUMNS}
    each = f" ({rise['store KB'] / actions:.2f} KB per user action)" if actions else ""
    return (
        f"store {rise['store KB'] / runs:+.3f} KB per run{each}, "
        f"history {rise['history rows'] / runs:+.2f} rows per run, "
        f"idle runs {rise['idle runs'] / runs:+.3f}, other rows {rise['other rows'] / runs:+.3f}, "
        f"RSS with the trackers {rise['RSS MB'] * 1024 / runs:+.1f} KB"
    )


def _scenario() -> Scenario:
    """Return a scenario of two teams, a Jira Data Center and a GitHub, with sixty issues."""
    scenario = random_scenario_for(1)
    seed: Any = dict(scenario.seed)
    trackers = dict(seed["trackers"])
    return replace(scenario, seed={**seed, "trackers": {**trackers, **_filled(trackers)}}, page_size=None)


def _filled(trackers: Any) -> dict[str, Any]:
    jira, github = dict(trackers["jira"]), dict(trackers["github"])
    issues = jira["projects"]["DS"]["issues"][:2]
    more = [
        {
            "key": f"DS-{n}",
            "summary": "Try something",
            "labels": ["model"],
            "created": "20d ago",
            "status": "To Do",
        }
        for n in range(11, 41)
    ]
    jira["projects"] = {"DS": {"issues": [*issues, *more]}}
    repos = {}
    for name, repo in github["repos"].items():
        tag = "serving" if name == "acme/serve" else "features"
        rows = [
            {"number": n, "title": "Build it", "labels": [tag], "created": "20d ago"} for n in range(11, 26)
        ]
        repos[name] = repo if name == "acme/attic" else {**repo, "issues": [*repo["issues"][:1], *rows]}
    github["repos"] = repos
    return {"jira": jira, "github": github}


def _rows(file: Path) -> dict[str, int]:
    """Return the rows by table; runs without any trace are counted as ``idle runs``."""
    with closing(sqlite3.connect(file)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}
        traces = "SELECT run_id FROM journal_entries UNION SELECT run_id FROM rollups"
        idle = connection.execute(f"SELECT count(*) FROM runs WHERE id NOT IN ({traces})").fetchone()[0]
    return found | {"runs": found["runs"] - idle, "idle runs": idle}


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
