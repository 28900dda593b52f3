"""By which day the rest of a group is done, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sync.forecast.joint_model import TeamShare, all_closed_by_factor, close_probabilities
from sync.forecast.throughput_history import Floats

MAX_DAYS: Final = 730.0
"""Days beyond which nothing is said."""
_GRID_DAYS: Final = np.array([0.0, 7, 14, 28, 42, 63, 91, 126, 182, 273, 399, 547, MAX_DAYS])


def completion_probabilities(shares: Sequence[TeamShare]) -> Floats:
    """Probability that a group is done after each time of the grid, by candidate and luck. Groups that have to be done
    together: the product of theirs."""
    return all_closed_by_factor(close_probabilities(shares, _GRID_DAYS))


def completion_days(
    completion: Floats, weights: Floats, probabilities: Sequence[float]
) -> list[float | None]:
    """Days after which all open issues are closed with each probability; None beyond two years.

    Of the issues that are open now: new ones are not counted. ``completion``: as of ``completion_probabilities``.
    """
    reached: Floats = completion.mean(axis=-1) @ weights
    return [_first_day_reaching(reached, probability) for probability in probabilities]


def _first_day_reaching(reached: Floats, probability: float) -> float | None:
    beyond = np.flatnonzero(reached >= probability)
    if not len(beyond):
        return None
    index = int(beyond[0])
    low, high = reached[index - 1], reached[index]
    share = (probability - low) / (high - low)
    return float(_GRID_DAYS[index - 1] + share * (_GRID_DAYS[index] - _GRID_DAYS[index - 1]))
