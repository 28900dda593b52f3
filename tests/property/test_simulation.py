"""Whatever goes wrong at whatever request: the same end, no second comment, nothing of people's lost.

`make rehearse-long` plays ten thousand of these and more.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync.simulation.process_kill import simulate_process_kill
from sync.simulation.results import SimulationResults
from sync.simulation.runner import SCHEDULES_PER_SCENARIO, Simulation, random_scenario
from sync.simulation.summary import failure_lines
from sync.simulation.workers import run_over_http

SCHEDULES = 40
"""In each of five worlds; each costs about a quarter of a second."""


@pytest.fixture(scope="module")
def rehearsal() -> Iterator[Simulation]:
    yield Simulation(random_scenario)


def assert_all_held(tally: SimulationResults) -> None:
    assert not tally.failures, "\n".join(failure_lines(tally))


@pytest.mark.parametrize("world", range(5))
def test_a_disturbed_world_ends_like_its_undisturbed_twin(rehearsal: Simulation, world: int) -> None:
    tally = SimulationResults()
    for number in range(SCHEDULES):
        tally.add(rehearsal.run_seed(world * SCHEDULES_PER_SCENARIO + number))
    assert_all_held(tally)
    assert tally.injected.total() >= SCHEDULES


def test_the_same_over_http_with_sources_read_side_by_side() -> None:
    assert_all_held(run_over_http(range(3)))


def test_a_process_killed_at_a_write_leaves_nothing_behind_that_the_next_run_does_not_mend() -> None:
    verdict = simulate_process_kill(3)
    assert verdict.injected, "the process ended before it was killed"
    assert verdict.violations == ()
