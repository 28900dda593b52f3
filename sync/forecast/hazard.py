"""How likely an open issue is to be closed on a day, by its age.

An old open issue is not due, it is stuck: in real histories the daily chance of being closed is highest in the first
two weeks and falls from there. So each open issue is judged by its own age instead of by a queue that it stands in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sync.forecast.throughput_history import Floats, HistoryAsOf

_AGE_BAND_STARTS: Final = np.array([0.0, 3, 7, 14, 28, 56, 112, 224, 448, 896])
"""Days at which the bands begin."""
_LAST_BAND_END: Final = 1e6
_WINDOW_DAYS: Final = 104 * 7.0
_PRIOR_CLOSES: Final = 2.0
"""Closes at the team's mean rate that each band is given, so that one without closes is not taken for hopeless."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HazardRates:
    """Chance of being closed per day, constant within each band of age."""

    rates: Floats
    _knots: Floats
    _cumulative: Floats

    @classmethod
    def from_rates(cls, rates: Floats) -> HazardRates:
        """From one rate for each band, youngest first."""
        knots = np.append(_AGE_BAND_STARTS, _LAST_BAND_END)
        return cls(rates=rates, _knots=knots, _cumulative=np.append(0.0, np.cumsum(rates * np.diff(knots))))

    def cumulative_hazard(self, ages: Floats, later: Floats) -> Floats:
        """Closes to be expected of issues while they grow from some ages (days) to later ones."""
        at_end: Floats = np.interp(later, self._knots, self._cumulative)
        return at_end - np.interp(ages, self._knots, self._cumulative)


def estimate_hazard_rates(history: HistoryAsOf) -> HazardRates:
    """The hazards of a team's last two years: closes in each band of age, by the days that issues spent in it."""
    begin = history.now - _WINDOW_DAYS
    relevant = history.closed > begin
    created, closed = history.created[relevant], history.closed[relevant]
    young = np.maximum(begin - created, 0.0)
    old = np.minimum(closed, history.now) - created
    knots = np.append(_AGE_BAND_STARTS, _LAST_BAND_END)
    exposure = np.diff([np.minimum(old, knot).sum() - np.minimum(young, knot).sum() for knot in knots])
    events = np.histogram(old[closed <= history.now], bins=knots)[0].astype(np.float64)
    mean = max(events.sum(), 1.0) / max(exposure.sum(), 1.0)
    return HazardRates.from_rates((events + _PRIOR_CLOSES) / (exposure + _PRIOR_CLOSES / mean))


def expected_closed_count(history: HistoryAsOf, hazards: HazardRates, days: float) -> float:
    """How many of the issues would have been closed in the last days at these hazards, given when they really were."""
    begin = history.now - days
    relevant = history.closed > begin
    created = history.created[relevant]
    young = np.maximum(begin - created, 0.0)
    old = np.minimum(history.closed[relevant], history.now) - created
    return float(hazards.cumulative_hazard(young, old).sum())
