"""Whatever goes wrong at whatever request: the same end, no second comment, nothing of people's lost.

`make rehearse-long` plays ten thousand of these and more.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sync.simulation.process_kill import kill_and_run_again
from sync.simulation.results import Tally
from sync.simulation.runner import SCHEDULES_A_WORLD, Rehearsal, made_up_world
from sync.simulation.summary import failures_text
from sync.simulation.workers import over_http

SCHEDULES = 40
"""In each of five worlds; each costs about a quarter of a second."""


@pytest.fixture(scope="module")
def rehearsal() -> Iterator[Rehearsal]:
    yield Rehearsal(made_up_world)


def assert_all_held(tally: Tally) -> None:
    assert not tally.failures, "\n".join(failures_text(tally))


@pytest.mark.parametrize("world", range(5))
def test_a_disturbed_world_ends_like_its_undisturbed_twin(rehearsal: Rehearsal, world: int) -> None:
    tally = Tally()
    for number in range(SCHEDULES):
        tally.add(rehearsal.play(world * SCHEDULES_A_WORLD + number))
    assert_all_held(tally)
    assert tally.injected.total() >= SCHEDULES


def test_the_same_over_http_with_sources_read_side_by_side() -> None:
    assert_all_held(over_http(range(3)))


def test_a_process_killed_at_a_write_leaves_nothing_behind_that_the_next_run_does_not_mend() -> None:
    verdict = kill_and_run_again(3)
    assert verdict.injected, "the process ended before it was killed"
    assert verdict.broken == ()
