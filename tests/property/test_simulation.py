"""Faults at any request: the same final state, no second comment, no lost edit of a user.

`make rehearse-long` runs more than ten thousand of these schedules.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync.simulation.process_kill import simulate_process_kill
from sync.simulation.results import SimulationResults
from sync.simulation.runner import SCHEDULES_PER_SCENARIO, Simulation, random_scenario
from sync.simulation.summary import failure_lines
from sync.simulation.workers import run_over_http

SCHEDULES = 10
"""In each of five scenarios."""


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    yield Simulation(random_scenario)


def assert_no_failures(results: SimulationResults) -> None:
    assert not results.failures, "\n".join(failure_lines(results))


@pytest.mark.parametrize("scenario", range(5))
def test_a_simulation_with_faults_ends_like_its_reference_run(simulation: Simulation, scenario: int) -> None:
    results = SimulationResults()
    for seed in range(SCHEDULES):
        results.add(simulation.run_seed(scenario * SCHEDULES_PER_SCENARIO + seed))
    assert_no_failures(results)
    assert results.injected.total() >= SCHEDULES


def test_a_simulation_over_http_reads_sources_in_parallel() -> None:
    assert_no_failures(run_over_http(range(3)))


def test_the_next_runs_repair_what_a_process_killed_at_a_write_left_behind() -> None:
    result = simulate_process_kill(3)
    assert result.injected, "the process ended before it was killed"
    assert result.violations == ()
