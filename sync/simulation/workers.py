"""Simulation of many schedules in several processes."""

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
from sync.simulation.results import ScheduleResult, SimulationResults
from sync.simulation.runner import SCHEDULES_PER_SCENARIO, Simulation, random_scenario
from sync.simulation.worlds.player import RandomWorlds

MAX_STEPS: Final = 4
"""Runs of the story of a random world, before those at its end."""
SimulationMode = Callable[[range], SimulationResults]
CHUNK_SIZE: Final = SCHEDULES_PER_SCENARIO
"""Schedules of one task: those of one scenario, so that only one process computes its initial state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleCounts:
    """Number of schedules by mode."""

    in_process: int = 0
    over_http: int = 0
    sigkill: int = 0
    worlds: int = 0


def simulate_all(
    counts: ScheduleCounts, *, seed: int, workers: int, report_progress: Callable[[str], None]
) -> SimulationResults:
    """Run all schedules from a seed on in ``workers`` processes; ``report_progress`` is called after each task."""
    results = SimulationResults()
    total = counts.in_process + counts.over_http + counts.sigkill + counts.worlds
    tasks = [*_chunks(counts, seed)]
    # Forking a process that has threads may deadlock.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_exit_with_parent) as pool:
        for done in as_completed([pool.submit(run, seeds) for run, seeds in tasks]):
            results.merge(done.result())
            failed = ", ".join(f"{each.mode} {each.seed}" for each in results.failures[:5])
            report_progress(
                f"{results.schedules} of {total} schedules, {len(results.failures)} failed {failed}".strip()
            )
    results.failures.sort(key=lambda result: (result.mode, result.seed))
    return results


def _exit_with_parent() -> None:
    """End this worker when its parent ends, so that a killed simulation leaves no process behind."""
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_wait_for_parent, args=(parent.sentinel,), name="parent", daemon=True).start()


def _wait_for_parent(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _chunks(counts: ScheduleCounts, seed: int) -> Iterator[tuple[SimulationMode, range]]:
    modes: tuple[tuple[SimulationMode, int, int], ...] = (
        (run_with_process_kills, counts.sigkill, 10),
        (run_over_http, counts.over_http, CHUNK_SIZE),
        (run_random_worlds, counts.worlds, CHUNK_SIZE),
        (run_in_process, counts.in_process, CHUNK_SIZE),
    )
    for run, count, size in modes:
        for start in range(seed, seed + count, size):
            yield run, range(start, min(start + size, seed + count))


def run_in_process(seeds: range) -> SimulationResults:
    """Run schedules without sockets, on a clock that only sleeping advances."""
    return _run_seeds(_in_process_simulation().run_seed, seeds)


def run_over_http(seeds: range) -> SimulationResults:
    """Run schedules over HTTP on loopback, with sources read in parallel."""
    with Sandbox.from_seed({"trackers": {}}, clock=Clock()) as server:
        simulation = Simulation(partial(random_scenario, host=server.base_url), server)
        return _run_seeds(simulation.run_seed, seeds)


def run_with_process_kills(seeds: range) -> SimulationResults:
    """Run ``increment-sync run`` in processes that are killed by SIGKILL at one of their writes."""
    return _run_seeds(simulate_process_kill, seeds)


def run_random_worlds(seeds: range) -> SimulationResults:
    """Play random worlds, see ``sync.simulation.worlds``."""
    return _run_seeds(partial(_random_worlds().run_seed, max_steps=MAX_STEPS), seeds)


@lru_cache(maxsize=1)
def _random_worlds() -> RandomWorlds:
    return RandomWorlds()


@lru_cache(maxsize=1)
def _in_process_simulation() -> Simulation:
    return Simulation(random_scenario)


def _run_seeds(simulate: Callable[[int], ScheduleResult], seeds: range) -> SimulationResults:
    results = SimulationResults()
    for seed in seeds:
        results.add(simulate(seed))
    return results
