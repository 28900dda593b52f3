"""``make bench``: 500 runs in a row over a world in which people work and things fail. Prints what grows.

Everything happens in this process, as in a rehearsal (``sync/rehearsal/``), but with a store on the disk that each run
opens and closes. Two hours lie between two runs, so that 500 take six weeks: longer than what expires is kept.
After them come 100 runs in which nobody acts: what still grows then grows with every run of a crontab.
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
    "edits",
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
"""``peak KB``: the most that was held at once for a single run, the trackers' answers included. ``RSS MB``: of this
process, in which the trackers live as well and keep all that ever happened."""
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
"""What is kept for good: it grows with what happens, not with runs."""


class Disk(StorePool):
    """A store in a file, opened anew for each run."""

    def __init__(self, file: Path) -> None:
        self.injector, self._file, self._store = None, file, None
        self.now = datetime.now

    def load(self, image: bytes | None, now: Any) -> Store:
        self.now = now
        return self.opened()

    def opened(self) -> Store:
        if self._store is not None:
            self._store.close()
        self._store = open_store(
            f"sqlite:///{self._file}",
            now=lambda: self.now(),
            database=lambda engine, label: FaultyDatabase(engine, label, lambda: self.injector),
        )
        return self._store


class Soak:
    """Run after run, in one world."""

    def __init__(self, file: Path) -> None:
        world = _world()
        self.file, self.shelf = file, Disk(file)
        self.stage = restore_environment(world, initial_state(world), self.shelf)
        self.chance = Random(4)
        self.number = self.writes = 0
        self.asked: dict[str, int] = {}
        self.curve: list[dict[str, float]] = []

    def run(self, *, quiet: bool) -> None:
        """One run, as a process of its own would work: the store is opened for it."""
        self.number += 1
        plan = RunSchedule(delay=BETWEEN) if quiet else self._eventful()
        measured = self.number % STEP == 0
        self.stage.store = self.shelf.opened()
        if measured:
            gc.collect()
            tracemalloc.start()
        ran = self.stage.run(plan)
        peak = tracemalloc.get_traced_memory()[1] if measured else 0
        tracemalloc.stop()
        if ran.unexpected_error:
            raise SystemExit(f"run {self.number}: {ran.unexpected_error}")
        self.writes += len(ran.writes)
        if not plan.troubles:
            self.asked = dict(self.stage.injector.request_counts)
        if measured:
            self.stage.store.close()
            self.curve.append(self._measured(peak))
            print("".join(f"{self.curve[-1][name]:>{len(name) + 2}.0f}" for name in COLUMNS), flush=True)

    def _eventful(self) -> RunSchedule:
        """People act before most runs and during some; something fails in a third. Nobody opens issues: what grows with
        their number is another question."""
        stage, chance = self.stage, self.chance
        run = build_schedule(self.number, tuple(stage.trackers)).runs[0]
        before = [edit for edit in run.before if edit.kind != "open"]
        for _ in range(chance.choice((0, 1, 1, 2))):
            kind = chance.choice(("close", "reopen", "tag", "untag", "retitle", "talk"))
            before.append(UserAction(kind=kind, issue=chance.randrange(1000), choice=chance.randrange(100)))
        for edit in before:
            stage.users.perform(edit)
        during = tuple(each for each in run.during if each.action.kind != "open")
        troubles = run.troubles if chance.random() < 1 / 3 else ()
        plan = replace(run, before=(), during=during, troubles=troubles, gap=BETWEEN, full=False)
        return resolve_positions(plan, self.asked)

    def _measured(self, peak: int) -> dict[str, float]:
        rows, wal = _rows(self.file), self.file.with_name("state.db-wal")
        figures = {
            "runs": self.number,
            "edits": len(self.stage.users.performed),
            "faults": self.stage.injector.injected.total(),
            "writes": self.writes,
            "peak KB": peak / 1024,
            "RSS MB": _resident() / 2**20,
            "store KB": self.file.stat().st_size / 1024,
            "WAL KB": wal.stat().st_size / 1024 if wal.exists() else 0,
            "history rows": sum(count for name, count in rows.items() if name in HISTORY),
            "idle runs": rows["idle runs"],
            "other rows": sum(count for name, count in rows.items() if name not in (*HISTORY, "idle runs")),
        }
        assert tuple(figures) == COLUMNS
        return figures


def main() -> None:
    started = time.perf_counter()
    print("".join(f"  {name}" for name in COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder) / "state.db")
        for number in range(RUNS + QUIET):
            soak.run(quiet=number >= RUNS)
    half, full, calm, end = (soak.curve[n // STEP - 1] for n in (RUNS // 2, RUNS, RUNS + STEP, RUNS + QUIET))
    print(f"\nruns {RUNS // 2} to {RUNS}: {_slope(half, full)}")
    print(f"runs {RUNS + STEP} to {RUNS + QUIET}, nothing to do any more: {_slope(calm, end)}")
    print(f"{time.perf_counter() - started:.0f} s")
    grown = [name for name in ("history rows", "other rows", "WAL KB") if end[name] > calm[name]]
    grown += ["other rows"] if full["other rows"] > 1.1 * half["other rows"] else []
    grown += (
        ["idle runs"] if max(each["idle runs"] for each in soak.curve) > IDLE_RUN_RETENTION / BETWEEN else []
    )
    if grown:
        raise SystemExit(f"does not level off: {', '.join(grown)}")


def _slope(before: dict[str, float], after: dict[str, float]) -> str:
    runs, edits = (after[name] - before[name] for name in ("runs", "edits"))
    rise = {name: after[name] - before[name] for name in COLUMNS}
    each = f" ({rise['store KB'] / edits:.2f} KB an edit of people)" if edits else ""
    return (
        f"store {rise['store KB'] / runs:+.3f} KB a run{each}, history {rise['history rows'] / runs:+.2f} rows a run, "
        f"idle runs {rise['idle runs'] / runs:+.3f}, other rows {rise['other rows'] / runs:+.3f}, "
        f"RSS with the trackers {rise['RSS MB'] * 1024 / runs:+.1f} KB"
    )


def _world() -> Scenario:
    """Two teams, a Jira of one's own and a GitHub, sixty issues."""
    world = random_scenario_for(1)
    seed: Any = dict(world.seed)
    trackers = dict(seed["trackers"])
    return replace(world, seed={**seed, "trackers": {**trackers, **_filled(trackers)}}, page=None)


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
    """Rows by table; runs that left nothing are told apart."""
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
