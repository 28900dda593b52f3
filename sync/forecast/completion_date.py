"""By which day the rest of a group is done, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sync.forecast.joint_model import Part, all_of, chances_of
from sync.forecast.throughput_history import Floats

LONGEST: Final = 730.0
"""Days beyond which nothing is said."""
_GRID: Final = np.array([0.0, 7, 14, 28, 42, 63, 91, 126, 182, 273, 399, 547, LONGEST])


def reach_of(parts: Sequence[Part]) -> Floats:
    """Probability that a group is done after each time of the grid, by candidate and luck. Groups that have to be done
    together: the product of theirs."""
    return all_of(chances_of(parts, _GRID))


def finish_days(reach: Floats, beliefs: Floats, probabilities: Sequence[float]) -> list[float | None]:
    """Days after which all open issues are closed with each probability; None beyond two years.

    Of the issues that are open now: new ones are not counted. ``reach``: as of ``reach_of``.
    """
    reached: Floats = reach.mean(axis=-1) @ beliefs
    return [_first(reached, probability) for probability in probabilities]


def _first(reached: Floats, probability: float) -> float | None:
    beyond = np.flatnonzero(reached >= probability)
    if not len(beyond):
        return None
    index = int(beyond[0])
    low, high = reached[index - 1], reached[index]
    share = (probability - low) / (high - low)
    return float(_GRID[index - 1] + share * (_GRID[index] - _GRID[index - 1]))
