"""Hazard rates: probability per day that an open issue is closed, by its age.

The model is a piecewise exponential one (a constant rate within each band of age), the estimator closes divided by
exposure (Holford, "The analysis of rates and of survivorship using log-linear models", Biometrics 36, 1980). In real
histories the rate is highest in the first two weeks and falls from there: an old open issue is stuck rather than due.
Therefore each open issue is forecast by its own age, not by its place in a queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sync.forecast.throughput_history import Floats, HistoryAsOf

_AGE_BAND_STARTS: Final = np.array([0.0, 3, 7, 14, 28, 56, 112, 224, 448, 896])
"""First day of each band of age."""
_LAST_BAND_END: Final = 1e6
_WINDOW_DAYS: Final = 104 * 7.0
_PRIOR_CLOSES: Final = 2.0
"""Closes at the team's mean rate that are added to each band, so that a band without closes keeps a rate above 0."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HazardRates:
    """Probability per day of being closed, constant within each band of age."""

    rates: Floats
    _knots: Floats
    _cumulative: Floats

    @classmethod
    def from_rates(cls, rates: Floats) -> HazardRates:
        """Build from one rate for each band, youngest first."""
        knots = np.append(_AGE_BAND_STARTS, _LAST_BAND_END)
        cumulative = np.append(0.0, np.cumsum(rates * np.diff(knots)))
        return cls(rates=rates, _knots=knots, _cumulative=cumulative)

    def cumulative_hazard(self, ages: Floats, later: Floats) -> Floats:
        """Integrate the rates from ``ages`` to ``later`` (days): the closes to expect of issues in that time."""
        at_end: Floats = np.interp(later, self._knots, self._cumulative)
        return at_end - np.interp(ages, self._knots, self._cumulative)


def estimate_hazard_rates(history: HistoryAsOf) -> HazardRates:
    """Estimate the rates from a team's last two years: closes in each band of age by the days that issues spent there.

    ``rate = (closes + prior) / (exposure + prior / mean rate)``
    """
    closed, young, old = _ages_within(history, _WINDOW_DAYS)
    knots = np.append(_AGE_BAND_STARTS, _LAST_BAND_END)
    exposure = np.diff([np.minimum(old, knot).sum() - np.minimum(young, knot).sum() for knot in knots])
    closes = np.histogram(old[closed <= history.now], bins=knots)[0].astype(np.float64)
    mean = max(closes.sum(), 1.0) / max(exposure.sum(), 1.0)
    return HazardRates.from_rates((closes + _PRIOR_CLOSES) / (exposure + _PRIOR_CLOSES / mean))


def expected_closed_count(history: HistoryAsOf, hazards: HazardRates, days: float) -> float:
    """Return how many issues the rates predict to be closed in the last ``days`` days, given when each left."""
    _, young, old = _ages_within(history, days)
    return float(hazards.cumulative_hazard(young, old).sum())


def _ages_within(history: HistoryAsOf, days: float) -> tuple[Floats, Floats, Floats]:
    """Return closing time, first and last age of each issue that was open within the last ``days`` days.

    An issue contributes from its age at the begin of these days to its age at the close, or now.
    """
    begin = history.now - days
    relevant = history.closed > begin
    created, closed = history.created[relevant], history.closed[relevant]
    return closed, np.maximum(begin - created, 0.0), np.minimum(closed, history.now) - created
