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
from sync.simulation.process_kill import kill_and_run_again
from sync.simulation.results import Tally
from sync.simulation.runner import SCHEDULES_A_WORLD, Rehearsal, made_up_world

Way = Callable[[range], Tally]
CHUNK: Final = SCHEDULES_A_WORLD
"""Schedules that a process plays in one go: those of a world, which is then settled in one process alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """How many schedules of each way."""

    schedules: int = 0
    """In process."""
    over_http: int = 0
    sigkill: int = 0


def rehearse_all(parts: Parts, *, seed: int, workers: int, tell: Callable[[str], None]) -> Tally:
    """Play them all, from this seed on, in so many processes. ``tell`` hears how far they are."""
    tally, total = Tally(), parts.schedules + parts.over_http + parts.sigkill
    todo = [*_chunks(parts, seed)]
    # Forking a process that has threads is asking for trouble.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_die_with_the_parent) as pool:
        for done in as_completed([pool.submit(way, numbers) for way, numbers in todo]):
            tally.merge(done.result())
            seeds = ", ".join(f"{each.way} {each.seed}" for each in tally.failures[:5])
            tell(
                f"{tally.schedules} of {total} schedules, {len(tally.failures)} did not hold {seeds}".strip()
            )
    tally.failures.sort(key=lambda verdict: (verdict.way, verdict.seed))
    return tally


def _die_with_the_parent() -> None:
    """A killed rehearsal leaves no process behind that works on its chunk for minutes."""
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_watch, args=(parent.sentinel,), name="parent", daemon=True).start()


def _watch(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


def _chunks(parts: Parts, seed: int) -> Iterator[tuple[Way, range]]:
    ways: tuple[tuple[Way, int, int], ...] = (
        (killed_for_real, parts.sigkill, 10),
        (over_http, parts.over_http, CHUNK),
        (in_process, parts.schedules, CHUNK),
    )
    for way, count, size in ways:
        for start in range(seed, seed + count, size):
            yield way, range(start, min(start + size, seed + count))


def in_process(numbers: range) -> Tally:
    """Without sockets, on a clock that moves only when somebody sleeps."""
    return _played(_rehearsal(), numbers)


def over_http(numbers: range) -> Tally:
    """Through the client libraries' sockets, sources side by side."""
    with Sandbox.from_seed({"trackers": {}}, clock=Clock()) as server:
        return _played(Rehearsal(partial(made_up_world, host=server.base_url), server), numbers)


def killed_for_real(numbers: range) -> Tally:
    """``increment-sync run`` as a process of its own, killed by SIGKILL at one of its writes."""
    tally = Tally()
    for number in numbers:
        tally.add(kill_and_run_again(number))
    return tally


@lru_cache(maxsize=1)
def _rehearsal() -> Rehearsal:
    return Rehearsal(made_up_world)


def _played(rehearsal: Rehearsal, numbers: range) -> Tally:
    tally = Tally()
    for number in numbers:
        tally.add(rehearsal.play(number))
    return tally
