"""How likely an open issue is to be closed on a day, by its age.

An old open issue is not due, it is stuck: in real histories the daily chance of being closed is highest in the first
two weeks and falls from there. So each open issue is judged by its own age instead of by a queue that it stands in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sync.forecast.throughput_history import Floats, Past

_AGE_BANDS: Final = np.array([0.0, 3, 7, 14, 28, 56, 112, 224, 448, 896])
"""Days at which the bands begin."""
_FOREVER: Final = 1e6
_WINDOW: Final = 104 * 7.0
_PSEUDO_EVENTS: Final = 2.0
"""Closes at the team's mean rate that each band is given, so that one without closes is not taken for hopeless."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Hazards:
    """Chance of being closed per day, constant within each band of age."""

    rates: Floats
    _knots: Floats
    _sums: Floats

    @classmethod
    def of_rates(cls, rates: Floats) -> Hazards:
        """From one rate for each band, youngest first."""
        knots = np.append(_AGE_BANDS, _FOREVER)
        return cls(rates=rates, _knots=knots, _sums=np.append(0.0, np.cumsum(rates * np.diff(knots))))

    def between(self, ages: Floats, later: Floats) -> Floats:
        """Closes to be expected of issues while they grow from some ages (days) to later ones."""
        at_end: Floats = np.interp(later, self._knots, self._sums)
        return at_end - np.interp(ages, self._knots, self._sums)


def hazards_of(past: Past) -> Hazards:
    """The hazards of a team's last two years: closes in each band of age, by the days that issues spent in it."""
    begin = past.now - _WINDOW
    relevant = past.closed > begin
    created, closed = past.created[relevant], past.closed[relevant]
    young = np.maximum(begin - created, 0.0)
    old = np.minimum(closed, past.now) - created
    knots = np.append(_AGE_BANDS, _FOREVER)
    exposure = np.diff([np.minimum(old, knot).sum() - np.minimum(young, knot).sum() for knot in knots])
    events = np.histogram(old[closed <= past.now], bins=knots)[0].astype(np.float64)
    mean = max(events.sum(), 1.0) / max(exposure.sum(), 1.0)
    return Hazards.of_rates((events + _PSEUDO_EVENTS) / (exposure + _PSEUDO_EVENTS / mean))


def expected_closes(past: Past, hazards: Hazards, days: float) -> float:
    """How many of the issues would have been closed in the last days at these hazards, given when they really were."""
    begin = past.now - days
    relevant = past.closed > begin
    created = past.created[relevant]
    young = np.maximum(begin - created, 0.0)
    old = np.minimum(past.closed[relevant], past.now) - created
    return float(hazards.between(young, old).sum())
