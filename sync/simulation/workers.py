"""Many schedules in several processes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing.connection import wait
from typing import Final

from connectors.sandbox.core.tracker import Clock
from connectors.sandbox.server import Sandbox
from sync.simulation.process_kill import simulate_process_kill
from sync.simulation.results import SimulationResults
from sync.simulation.runner import SCHEDULES_PER_SCENARIO, Simulation, random_scenario

SimulationMode = Callable[[range], SimulationResults]
CHUNK_SIZE: Final = SCHEDULES_PER_SCENARIO
"""Schedules that a process plays in one go: those of a world, which is then settled in one process alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleCounts:
    """How many schedules of each way."""

    in_process: int = 0
    """In process."""
    over_http: int = 0
    sigkill: int = 0


def simulate_all(
    counts: ScheduleCounts, *, seed: int, workers: int, report_progress: Callable[[str], None]
) -> SimulationResults:
    """Play them all, from this seed on, in so many processes. ``report_progress`` hears how far they are."""
    tally, total = SimulationResults(), counts.in_process + counts.over_http + counts.sigkill
    todo = [*_chunks(counts, seed)]
    # Forking a process that has threads is asking for trouble.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_exit_with_parent) as pool:
        for done in as_completed([pool.submit(way, numbers) for way, numbers in todo]):
            tally.merge(done.result())
            seeds = ", ".join(f"{each.way} {each.seed}" for each in tally.failures[:5])
            report_progress(
                f"{tally.schedules} of {total} schedules, {len(tally.failures)} did not hold {seeds}".strip()
            )
    tally.failures.sort(key=lambda verdict: (verdict.way, verdict.seed))
    return tally


def _exit_with_parent() -> None:
    """A killed rehearsal leaves no process behind that works on its chunk for minutes."""
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_wait_for_parent, args=(parent.sentinel,), name="parent", daemon=True).start()


def _wait_for_parent(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _chunks(counts: ScheduleCounts, seed: int) -> Iterator[tuple[SimulationMode, range]]:
    ways: tuple[tuple[SimulationMode, int, int], ...] = (
        (run_with_process_kills, counts.sigkill, 10),
        (run_over_http, counts.over_http, CHUNK_SIZE),
        (run_in_process, counts.in_process, CHUNK_SIZE),
    )
    for way, count, size in ways:
        for start in range(seed, seed + count, size):
            yield way, range(start, min(start + size, seed + count))


def run_in_process(numbers: range) -> SimulationResults:
    """Without sockets, on a clock that moves only when somebody sleeps."""
    return _run_seeds(_in_process_simulation(), numbers)


def run_over_http(numbers: range) -> SimulationResults:
    """Through the client libraries' sockets, sources side by side."""
    with Sandbox.from_seed({"trackers": {}}, clock=Clock()) as server:
        return _run_seeds(Simulation(partial(random_scenario, host=server.base_url), server), numbers)


def run_with_process_kills(numbers: range) -> SimulationResults:
    """``increment-sync run`` as a process of its own, killed by SIGKILL at one of its writes."""
    tally = SimulationResults()
    for number in numbers:
        tally.add(simulate_process_kill(number))
    return tally


@lru_cache(maxsize=1)
def _in_process_simulation() -> Simulation:
    return Simulation(random_scenario)


def _run_seeds(simulation: Simulation, numbers: range) -> SimulationResults:
    tally = SimulationResults()
    for number in numbers:
        tally.add(simulation.run_seed(number))
    return tally
