"""From where in the past a backtest forecasts: pseudo-increments of 13 weeks, begun every 4 weeks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sync.forecast.series import MAX_GROUP_SIZE, MIN_GROUP_SIZE, BacktestSeries, IssueGroup
from sync.forecast.throughput_history import QUARTER_DAYS, HistoryAsOf

STEP_DAYS: Final = 28.0
ELAPSED_SHARES: Final = (0.25, 0.5, 0.75)
"""How much of the increment is over when the forecast is made."""
MIN_OPEN_ISSUES: Final = 5
MIN_CLOSED_ISSUES: Final = 5
"""In the last 13 weeks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cutoff:
    """One moment of forecasting. Days as in ``day_of``."""

    elapsed_share: float
    now: float
    end: float

    @property
    def days_ahead(self) -> float:
        """How far ahead."""
        return self.end - self.now


def backtest_cutoffs(series: BacktestSeries) -> list[Cutoff]:
    """All usable moments: 13 weeks of history before the increment, its end known, something open and moving."""
    found = []
    start = series.first_day + QUARTER_DAYS
    while start + QUARTER_DAYS <= series.known_until:
        for share in ELAPSED_SHARES:
            origin = Cutoff(elapsed_share=share, now=start + share * QUARTER_DAYS, end=start + QUARTER_DAYS)
            if _has_enough_activity(series.history.as_of(origin.now)):
                found.append(origin)
        start += STEP_DAYS
    return found


def _has_enough_activity(past: HistoryAsOf) -> bool:
    return len(past.open_ages) >= MIN_OPEN_ISSUES and past.closed_within(QUARTER_DAYS) >= MIN_CLOSED_ISSUES


def groups_by_cutoff(
    series: BacktestSeries, cutoffs: Sequence[Cutoff], max_cases: int
) -> Iterator[tuple[Cutoff, list[IssueGroup]]]:
    """The groups to forecast at each origin: some of it open, 5 to 20 issues alive in the last 13 weeks.

    At most ``max_cases`` cases, taken evenly over the whole time.
    """
    cases = [(index, group) for group in series.groups for index in _usable_cutoffs(group, cutoffs)]
    cases.sort(key=lambda case: case[0])
    if len(cases) > max_cases:
        cases = [cases[i] for i in np.linspace(0, len(cases) - 1, max_cases).round().astype(int)]
    by_origin: dict[int, list[IssueGroup]] = {}
    for index, group in cases:
        by_origin.setdefault(index, []).append(group)
    for index, groups in by_origin.items():
        yield cutoffs[index], groups


def _usable_cutoffs(group: IssueGroup, cutoffs: Sequence[Cutoff]) -> list[int]:
    now = np.array([origin.now for origin in cutoffs])
    closed = np.sort(group.history.closed)
    known = np.searchsorted(group.history.created, now, side="right")
    alive = known - np.searchsorted(closed, now - QUARTER_DAYS, side="right")
    remaining = known - np.searchsorted(closed, now, side="right")
    fits = (alive >= MIN_GROUP_SIZE) & (alive <= MAX_GROUP_SIZE) & (remaining > 0)
    return [int(index) for index in np.flatnonzero(fits)]
