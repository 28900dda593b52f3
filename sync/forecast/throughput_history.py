"""What a team opened and closed, and what of that was known at some moment in the past."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

QUARTER_DAYS: Final = 91.0
"""Days of the 13 weeks that count as the recent past."""
_SECONDS_PER_DAY: Final = 86_400.0


def epoch_days(moment: datetime) -> float:
    """Days since 1970-01-01 00:00 UTC; the moment has to be aware."""
    return moment.timestamp() / _SECONDS_PER_DAY


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ThroughputHistory:
    """When each issue was created and when it left the open work, done or dropped. Days as in ``epoch_days``."""

    created: Floats
    """Ascending."""
    closed: Floats
    """The last close; infinite while the issue is open."""

    @classmethod
    def from_times(cls, times: Iterable[tuple[datetime, datetime | None]]) -> ThroughputHistory:
        """From (created, closed or None) in any order, all aware."""
        days = sorted((epoch_days(a), np.inf if b is None else epoch_days(b)) for a, b in times)
        both = np.array(days, dtype=np.float64).reshape(-1, 2)
        return cls(created=both[:, 0].copy(), closed=both[:, 1].copy())

    def as_of(self, now: float) -> HistoryAsOf:
        """What was known on that day: later issues are not there, what was closed later is open."""
        known = int(np.searchsorted(self.created, now, side="right"))
        closed = self.closed[:known]
        return HistoryAsOf(
            created=self.created[:known], closed=np.where(closed <= now, closed, np.inf), now=now
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HistoryAsOf:
    """A history as it was known on the day ``now``: forecasts see nothing else."""

    created: Floats
    closed: Floats
    now: float

    @property
    def length_days(self) -> float:
        """How long the history is."""
        return float(self.now - self.created[0]) if len(self.created) else 0.0

    @property
    def open_ages(self) -> Floats:
        """Days since the creation of each open issue."""
        return self.now - self.created[np.isinf(self.closed)]

    def closed_within(self, days: float) -> int:
        """How many were closed in the last so many days."""
        return int(np.count_nonzero((self.closed > self.now - days) & (self.closed <= self.now)))

    def weekly_counts(self, days: Floats, weeks: int) -> Floats:
        """How many of these moments (``created`` or ``closed``) fall into each of the last weeks, newest first.

        Weeks end now, never at the last close, so that a stall is seen. No more weeks than the history has.
        """
        count = min(weeks, int(self.length_days // 7))
        ago = (self.now - days[(days <= self.now) & (days > self.now - 7 * count)]) / 7
        return np.bincount(ago.astype(np.int64), minlength=count)[:count].astype(np.float64)
