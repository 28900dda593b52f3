"""People, untrue answers, replaced stores and deleted labels in any order: no decision is lost, none is invented.

`make rehearse-long` plays a thousand longer worlds. ``python -m sync.simulation --worlds 1 --seed N`` repeats one.
"""

from __future__ import annotations

import pytest

from sync.simulation.results import SimulationResults
from sync.simulation.summary import failure_lines
from sync.simulation.worlds.player import RandomWorlds
from sync.simulation.worlds.scenario import VARIANTS

WORLDS, PARTS = 100, 4
"""Each part has other workspaces, as their first runs cost as much as several worlds."""


@pytest.mark.parametrize("part", range(PARTS))
def test_random_worlds_end_as_people_decided(part: int) -> None:
    worlds, results = RandomWorlds(), SimulationResults()
    for seed in (seed for seed in range(WORLDS) if seed % VARIANTS * PARTS // VARIANTS == part):
        results.add(worlds.run_seed(seed, max_steps=2))
    assert not results.failures, "\n".join(failure_lines(results))
    assert results.user_actions > WORLDS / PARTS
    assert results.injected
