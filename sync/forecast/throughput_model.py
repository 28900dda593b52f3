"""How many issues a team will close until a day: a negative binomial, in closed form.

The mean is the recent weekly rate, drawn towards what the ages of the open issues and the rate of new ones promise.
The variance has three parts: bursts (closes come in bunches), not knowing the rate, and drift of the rate.
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
"""Weeks after which a week counts half."""
_LONG_TERM_WEIGHT: Final = 1.0
"""The mean of the whole year counts as so many weeks."""
_MIN_RATE: Final = 0.1
_PRIOR_DISPERSION: Final = 6.0
"""Variance / mean of weekly closes of a team nobody knows yet."""
_PRIOR_DISPERSION_WEEKS: Final = 13.0
"""How many weeks of its own weigh as much."""
_MIN_DISPERSION: Final = 1.02
"""A negative binomial varies more than its mean."""
_DRIFT: Final = 0.10
"""Relative standard deviation of the rate to come, at once and for each week ahead."""
_DRIFT_PER_WEEK: Final = 0.02
_VARIANCE_INFLATION: Final = 1.4
VARIANCE_FACTORS: Final = np.array([0.35, 0.6, 1.0, 1.6, 2.5])
"""Factors on the variance among which a team's own past decides."""
VARIANCE_PRIOR: Final = np.array([0.05, 0.2, 0.5, 0.2, 0.05])
_BACKLOG_WEIGHT: Final = 0.3
"""Share of the open issues' ages in the (geometric) mean; the rest is the rate."""
_ARRIVAL_WEEKS: Final = 13
_ARRIVAL_STEPS: Final = 26
_BULK_CLOSES: Final = 10.0
_BULK_MULTIPLE: Final = 4.0
"""A week counts at most so many closes, or so many times the median of the busy weeks, whichever is more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CountDistribution:
    """The distribution of a count: negative binomial with this mean and variance."""

    mean: float
    variance: float

    def scale_variance(self, factor: float) -> CountDistribution:
        """The same mean, the variance times this."""
        return CountDistribution(
            mean=self.mean, variance=max(self.variance * factor, self.mean * _MIN_DISPERSION)
        )

    def cdf(self, counts: Ints) -> Floats:
        """Probability that the count is at most each of these."""
        shape = self.mean**2 / (self.variance - self.mean)
        chance = self.mean / self.variance
        found: Floats = np.where(counts < 0, 0.0, betainc(shape, np.maximum(counts, 0) + 1.0, chance))
        return found

    def quantiles(self, probabilities: Floats) -> Ints:
        """The smallest counts that are reached with at least these probabilities."""
        low = np.full(len(probabilities), -1, dtype=np.int64)
        reach = self.mean + 12 * np.sqrt(self.variance) + 12
        high = np.full(len(probabilities), int(np.ceil(reach)), dtype=np.int64)
        while np.any(high - low > 1):
            middle = (low + high) // 2
            enough = self.cdf(middle) >= probabilities
            high, low = np.where(enough, middle, high), np.where(enough, low, middle)
        return high


def throughput_distribution(history: HistoryAsOf, hazards: HazardRates, days: float) -> CountDistribution:
    """How many issues the team closes in the next days, new ones included."""
    weeks = days / 7
    closes, _ = cap_bulk_closes(history.weekly_counts(history.closed, RATE_WEEKS))
    rate, information = _weekly_rate(closes)
    burst = _dispersion(closes)
    promised = max(_expected_from_ages(history, hazards, days), 0.5)
    mean = (rate * weeks) ** (1 - _BACKLOG_WEIGHT) * promised**_BACKLOG_WEIGHT
    unknown_rate = mean**2 * burst / (rate * information)
    drift = ((_DRIFT + _DRIFT_PER_WEEK * weeks) * mean) ** 2
    variance = _VARIANCE_INFLATION * (burst * mean + unknown_rate + drift)
    return CountDistribution(mean=mean, variance=max(variance, mean * _MIN_DISPERSION))


def variance_factor(weights: Floats) -> float:
    """The factor on the variance that these weights of SPREADS come to."""
    return float(np.exp(weights @ np.log(VARIANCE_FACTORS)))


def cap_bulk_closes(closes: Floats) -> tuple[Floats, int]:
    """Weekly closes with bulk closes cut down to what a busy week may be, and in how many weeks that was done."""
    busy = closes[closes > 0]
    most = max(_BULK_CLOSES, _BULK_MULTIPLE * float(np.median(busy))) if len(busy) else _BULK_CLOSES
    return np.minimum(closes, most), int(np.count_nonzero(closes > most))


def _weekly_rate(closes: Floats) -> tuple[float, float]:
    """Closes a week now, and how many weeks' worth of information that rests on."""
    if not len(closes):
        return _MIN_RATE, 1.0
    weights = 0.5 ** (np.arange(len(closes)) / _HALF_LIFE_WEEKS) + _LONG_TERM_WEIGHT / len(closes)
    rate = float(weights @ closes / weights.sum()) + _MIN_RATE
    return rate, float(weights.sum() ** 2 / (weights @ weights))


def _dispersion(closes: Floats) -> float:
    count = len(closes)
    mean = float(closes.mean()) if count else 0.0
    own = float(closes.var(ddof=1)) / mean if count > 1 and mean > 0 else 1.0
    return (count * max(1.0, own) + _PRIOR_DISPERSION_WEEKS * _PRIOR_DISPERSION) / (
        count + _PRIOR_DISPERSION_WEEKS
    )


def _expected_from_ages(history: HistoryAsOf, hazards: HazardRates, days: float) -> float:
    """Closes to be expected from the ages of the open issues, and from new ones at the recent rate."""
    ages = history.open_ages
    from_open = -np.expm1(-hazards.cumulative_hazard(ages, ages + days)).sum()
    arrivals = history.weekly_counts(history.created, _ARRIVAL_WEEKS)
    rate = float(arrivals.mean()) if len(arrivals) else 0.0
    time_left = days * (np.arange(_ARRIVAL_STEPS) + 0.5) / _ARRIVAL_STEPS
    from_new = -np.expm1(-hazards.cumulative_hazard(np.zeros(_ARRIVAL_STEPS), time_left)).mean()
    return float(from_open + rate * days / 7 * from_new)
