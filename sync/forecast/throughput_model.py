"""Number of issues that a team closes by a day: a negative binomial distribution in closed form.

The mean is the weighted geometric mean of two predictions: the recent weekly rate (exponentially weighted, with the
mean of a year), and the closes that the hazard rates predict for open and arriving issues. The variance adds three
parts: overdispersion (issues are closed in bursts), the uncertainty of the rate, and its drift::

    variance = inflation * (dispersion * mean + mean ** 2 * dispersion / information + (drift * mean) ** 2)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import betainc

from sync.forecast.hazard import HazardRates
from sync.forecast.throughput_history import Floats, HistoryAsOf, Ints

RATE_WEEKS: Final = 52
_HALF_LIFE_WEEKS: Final = 6.0
_LONG_TERM_WEIGHT: Final = 1.0
"""Weight of the year's mean, in weeks."""
_MIN_RATE: Final = 0.1
_PRIOR_DISPERSION: Final = 6.0
"""Variance divided by mean of the weekly closes of a team without history."""
_PRIOR_DISPERSION_WEEKS: Final = 13.0
"""Weeks of a team's own history that weigh as much as the prior."""
_MIN_DISPERSION: Final = 1.02
"""Lower bound: the variance of a negative binomial distribution is greater than its mean."""
_DRIFT: Final = 0.10
"""Relative standard deviation of the future rate."""
_DRIFT_PER_WEEK: Final = 0.02
"""Increase of the drift for each week ahead."""
_VARIANCE_INFLATION: Final = 1.4
VARIANCE_FACTORS: Final = np.array([0.35, 0.6, 1.0, 1.6, 2.5])
"""Factors on the variance that are weighted by a team's own past."""
VARIANCE_PRIOR: Final = np.array([0.05, 0.2, 0.5, 0.2, 0.05])
_BACKLOG_WEIGHT: Final = 0.3
"""Weight of the hazard rates in the geometric mean; the rest is the weekly rate."""
_ARRIVAL_WEEKS: Final = 13
_ARRIVAL_STEPS: Final = 26
_BULK_CLOSES: Final = 10.0
_BULK_MULTIPLE: Final = 4.0
"""Cap of a week's closes: _BULK_CLOSES or this multiple of the median of the weeks with closes, whichever is more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CountDistribution:
    """Negative binomial distribution of a count, by mean and variance."""

    mean: float
    variance: float

    def scale_variance(self, factor: float) -> CountDistribution:
        """Return the distribution with the same mean and ``factor`` times the variance."""
        return CountDistribution(
            mean=self.mean, variance=max(self.variance * factor, self.mean * _MIN_DISPERSION)
        )

    def cdf(self, counts: Ints) -> Floats:
        """Return the probability that the count is at most each of ``counts``.

        By the regularized incomplete beta function: ``P(X <= k) = I_p(r, k + 1)``, with ``p = mean / variance`` and
        ``r = mean ** 2 / (variance - mean)``.
        """
        shape = self.mean**2 / (self.variance - self.mean)
        success = self.mean / self.variance
        found: Floats = np.where(counts < 0, 0.0, betainc(shape, np.maximum(counts, 0) + 1.0, success))
        return found

    def quantiles(self, probabilities: Floats) -> Ints:
        """Return the smallest counts whose cumulative probability is at least each of ``probabilities``."""
        low = np.full(len(probabilities), -1, dtype=np.int64)
        reach = self.mean + 12 * np.sqrt(self.variance) + 12
        high = np.full(len(probabilities), int(np.ceil(reach)), dtype=np.int64)
        while np.any(high - low > 1):  # bisection of all quantiles at once
            middle = (low + high) // 2
            enough = self.cdf(middle) >= probabilities
            high, low = np.where(enough, middle, high), np.where(enough, low, middle)
        return high


def throughput_distribution(history: HistoryAsOf, hazards: HazardRates, days: float) -> CountDistribution:
    """Forecast how many issues a team closes in the next ``days``, including issues that are created later."""
    weeks = days / 7
    closes, _ = cap_bulk_closes(history.weekly_counts(history.closed, RATE_WEEKS))
    rate, information = _weekly_rate(closes)
    dispersion = _dispersion(closes)
    by_age = max(_expected_from_ages(history, hazards, days), 0.5)
    mean = (rate * weeks) ** (1 - _BACKLOG_WEIGHT) * by_age**_BACKLOG_WEIGHT
    unknown_rate = mean**2 * dispersion / (rate * information)
    drift = ((_DRIFT + _DRIFT_PER_WEEK * weeks) * mean) ** 2
    variance = _VARIANCE_INFLATION * (dispersion * mean + unknown_rate + drift)
    return CountDistribution(mean=mean, variance=max(variance, mean * _MIN_DISPERSION))


def variance_factor(weights: Floats) -> float:
    """Return the weighted geometric mean of VARIANCE_FACTORS."""
    return float(np.exp(weights @ np.log(VARIANCE_FACTORS)))


def cap_bulk_closes(closes: Floats) -> tuple[Floats, int]:
    """Cap weeks in which many issues were closed at once; return the weekly closes and the number of capped weeks."""
    busy = closes[closes > 0]
    most = max(_BULK_CLOSES, _BULK_MULTIPLE * float(np.median(busy))) if len(busy) else _BULK_CLOSES
    return np.minimum(closes, most), int(np.count_nonzero(closes > most))


def _weekly_rate(closes: Floats) -> tuple[float, float]:
    """Return the current closes per week and the effective number of weeks behind it (Kish's sample size)."""
    if not len(closes):
        return _MIN_RATE, 1.0
    weights = 0.5 ** (np.arange(len(closes)) / _HALF_LIFE_WEEKS) + _LONG_TERM_WEIGHT / len(closes)
    rate = float(weights @ closes / weights.sum()) + _MIN_RATE
    return rate, float(weights.sum() ** 2 / (weights @ weights))


def _dispersion(closes: Floats) -> float:
    """Return variance divided by mean of the weekly closes, shrunk towards the prior."""
    count = len(closes)
    mean = float(closes.mean()) if count else 0.0
    own = float(closes.var(ddof=1)) / mean if count > 1 and mean > 0 else 1.0
    return (count * max(1.0, own) + _PRIOR_DISPERSION_WEEKS * _PRIOR_DISPERSION) / (
        count + _PRIOR_DISPERSION_WEEKS
    )


def _expected_from_ages(history: HistoryAsOf, hazards: HazardRates, days: float) -> float:
    """Return the closes that the hazard rates predict: of the open issues, and of new ones at the recent rate."""
    ages = history.open_issue_ages
    from_open = -np.expm1(-hazards.cumulative_hazard(ages, ages + days)).sum()
    arrivals = history.weekly_counts(history.created, _ARRIVAL_WEEKS)
    rate = float(arrivals.mean()) if len(arrivals) else 0.0
    # Issues arrive evenly over the time: average over the time that is left to each.
    time_left = days * (np.arange(_ARRIVAL_STEPS) + 0.5) / _ARRIVAL_STEPS
    from_new = -np.expm1(-hazards.cumulative_hazard(np.zeros(_ARRIVAL_STEPS), time_left)).mean()
    return float(from_open + rate * days / 7 * from_new)
