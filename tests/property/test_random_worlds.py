"""People, untrue answers, replaced stores and deleted labels in any order: no decision is lost, none is invented.

`make rehearse-long` plays a thousand longer worlds. ``python -m sync.simulation --worlds 1 --seed N`` repeats one.
"""

from __future__ import annotations

import pytest

from sync.simulation.results import SimulationResults
from sync.simulation.summary import failure_lines
from sync.simulation.worlds.player import RandomWorlds

WORLDS = 25
"""In each of four tests."""


@pytest.mark.parametrize("part", range(4))
def test_random_worlds_end_as_people_decided(part: int) -> None:
    worlds, results = RandomWorlds(), SimulationResults()
    for seed in range(part * WORLDS, (part + 1) * WORLDS):
        results.add(worlds.run_seed(seed, max_steps=2))
    assert not results.failures, "\n".join(failure_lines(results))
    assert results.user_actions > WORLDS
    assert results.injected
