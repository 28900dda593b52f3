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

QUARTER: Final = 91.0
"""Days of the 13 weeks that count as the recent past."""
_DAY: Final = 86_400.0


def day_of(moment: datetime) -> float:
    """Days since 1970-01-01 00:00 UTC; the moment has to be aware."""
    return moment.timestamp() / _DAY


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class History:
    """When each issue was created and when it left the open work, done or dropped. Days as in ``day_of``."""

    created: Floats
    """Ascending."""
    closed: Floats
    """The last close; infinite while the issue is open."""

    @classmethod
    def of(cls, lives: Iterable[tuple[datetime, datetime | None]]) -> History:
        """From (created, closed or None) in any order, all aware."""
        days = sorted((day_of(a), np.inf if b is None else day_of(b)) for a, b in lives)
        both = np.array(days, dtype=np.float64).reshape(-1, 2)
        return cls(created=both[:, 0].copy(), closed=both[:, 1].copy())

    def until(self, now: float) -> Past:
        """What was known on that day: later issues are not there, what was closed later is open."""
        known = int(np.searchsorted(self.created, now, side="right"))
        closed = self.closed[:known]
        return Past(created=self.created[:known], closed=np.where(closed <= now, closed, np.inf), now=now)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Past:
    """A history as it was known on the day ``now``: forecasts see nothing else."""

    created: Floats
    closed: Floats
    now: float

    @property
    def days(self) -> float:
        """How long the history is."""
        return float(self.now - self.created[0]) if len(self.created) else 0.0

    @property
    def open_ages(self) -> Floats:
        """Days since the creation of each open issue."""
        return self.now - self.created[np.isinf(self.closed)]

    def closes_within(self, days: float) -> int:
        """How many were closed in the last so many days."""
        return int(np.count_nonzero((self.closed > self.now - days) & (self.closed <= self.now)))

    def weekly(self, moments: Floats, weeks: int) -> Floats:
        """How many of these moments (``created`` or ``closed``) fall into each of the last weeks, newest first.

        Weeks end now, never at the last close, so that a stall is seen. No more weeks than the history has.
        """
        count = min(weeks, int(self.days // 7))
        ago = (self.now - moments[(moments <= self.now) & (moments > self.now - 7 * count)]) / 7
        return np.bincount(ago.astype(np.int64), minlength=count)[:count].astype(np.float64)
