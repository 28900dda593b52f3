"""The forecasts that ours has to beat: the straight line and the bootstrap of weekly closes."""

from __future__ import annotations

from typing import Final

import numpy as np

from sync.forecast.throughput_history import QUARTER, Floats, Past

_WEEKS: Final = 13
TRIALS: Final = 1000


def line(past: Past, days: float) -> float:
    """Closes if the last 13 weeks (or the time since the first issue, if shorter) simply went on."""
    seen = min(QUARTER, max(past.days, 7.0))
    return past.closes_within(QUARTER) / seen * days


def weekly_bootstrap(past: Past, days: float, generator: np.random.Generator) -> Floats:
    """Simulated closes: whole weeks drawn from the last 13, and a share of one more; sorted ascending.

    This is what Monte Carlo tools do. Weeks before a group's first issue count as weeks without a close, which makes
    it the stronger rival.
    """
    ago = (past.now - past.closed[past.closed > past.now - QUARTER]) / 7
    closes = np.bincount(ago[np.isfinite(ago) & (ago >= 0)].astype(np.int64), minlength=_WEEKS)
    whole, part = divmod(days / 7, 1)
    drawn = closes[generator.integers(0, _WEEKS, (TRIALS, int(whole)))].sum(axis=1)
    last = closes[generator.integers(0, _WEEKS, TRIALS)]
    return np.sort(drawn + generator.binomial(last, part)).astype(np.float64)
