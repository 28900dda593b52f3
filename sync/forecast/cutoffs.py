"""From where in the past a backtest forecasts: pseudo-increments of 13 weeks, begun every 4 weeks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sync.forecast.series import LEAST, MOST, Group, Series
from sync.forecast.throughput_history import QUARTER, Past

STEP: Final = 28.0
SHARES: Final = (0.25, 0.5, 0.75)
"""How much of the increment is over when the forecast is made."""
LEAST_OPEN: Final = 5
LEAST_CLOSED: Final = 5
"""In the last 13 weeks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """One moment of forecasting. Days as in ``day_of``."""

    share: float
    now: float
    end: float

    @property
    def days(self) -> float:
        """How far ahead."""
        return self.end - self.now


def origins_of(series: Series) -> list[Origin]:
    """All usable moments: 13 weeks of history before the increment, its end known, something open and moving."""
    found = []
    start = series.first + QUARTER
    while start + QUARTER <= series.last:
        for share in SHARES:
            origin = Origin(share=share, now=start + share * QUARTER, end=start + QUARTER)
            if _usable(series.history.until(origin.now)):
                found.append(origin)
        start += STEP
    return found


def _usable(past: Past) -> bool:
    return len(past.open_ages) >= LEAST_OPEN and past.closes_within(QUARTER) >= LEAST_CLOSED


def group_cases(series: Series, origins: Sequence[Origin], most: int) -> Iterator[tuple[Origin, list[Group]]]:
    """The groups to forecast at each origin: some of it open, 5 to 20 issues alive in the last 13 weeks.

    At most ``most`` cases, taken evenly over the whole time.
    """
    cases = [(index, group) for group in series.groups for index in _alive_at(group, origins)]
    cases.sort(key=lambda case: case[0])
    if len(cases) > most:
        cases = [cases[i] for i in np.linspace(0, len(cases) - 1, most).round().astype(int)]
    by_origin: dict[int, list[Group]] = {}
    for index, group in cases:
        by_origin.setdefault(index, []).append(group)
    for index, groups in by_origin.items():
        yield origins[index], groups


def _alive_at(group: Group, origins: Sequence[Origin]) -> list[int]:
    now = np.array([origin.now for origin in origins])
    closed = np.sort(group.history.closed)
    known = np.searchsorted(group.history.created, now, side="right")
    alive = known - np.searchsorted(closed, now - QUARTER, side="right")
    remaining = known - np.searchsorted(closed, now, side="right")
    fits = (alive >= LEAST) & (alive <= MOST) & (remaining > 0)
    return [int(index) for index in np.flatnonzero(fits)]
