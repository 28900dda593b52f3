"""The forecasts that ours has to beat: the straight line and the bootstrap of weekly closes."""

from __future__ import annotations

from typing import Final

import numpy as np

from sync.forecast.throughput_history import QUARTER_DAYS, Floats, HistoryAsOf

_BOOTSTRAP_WEEKS: Final = 13
TRIALS: Final = 1000


def linear_projection(history: HistoryAsOf, days: float) -> float:
    """Closes if the last 13 weeks (or the time since the first issue, if shorter) simply went on."""
    seen = min(QUARTER_DAYS, max(history.length_days, 7.0))
    return history.closed_within(QUARTER_DAYS) / seen * days


def weekly_bootstrap(history: HistoryAsOf, days: float, generator: np.random.Generator) -> Floats:
    """Simulated closes: whole weeks drawn from the last 13, and a share of one more; sorted ascending.

    This is what Monte Carlo tools do. Weeks before a group's first issue count as weeks without a close, which makes
    it the stronger rival.
    """
    ago = (history.now - history.closed[history.closed > history.now - QUARTER_DAYS]) / 7
    closes = np.bincount(ago[np.isfinite(ago) & (ago >= 0)].astype(np.int64), minlength=_BOOTSTRAP_WEEKS)
    whole, part = divmod(days / 7, 1)
    drawn = closes[generator.integers(0, _BOOTSTRAP_WEEKS, (TRIALS, int(whole)))].sum(axis=1)
    last = closes[generator.integers(0, _BOOTSTRAP_WEEKS, TRIALS)]
    return np.sort(drawn + generator.binomial(last, part)).astype(np.float64)
