"""Creation and closing times of issues as arrays, what was known of them in the past, and groups for backtests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from sync.model.forecast import PastIssue

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

QUARTER_DAYS: Final = 91.0
"""Length of the recent past: 13 weeks."""
_SECONDS_PER_DAY: Final = 86_400.0

GroupKind = Literal["label", "milestone", "chunk"]
MIN_GROUP_SIZE: Final = 5
MAX_GROUP_SIZE: Final = 20
"""Bounds of a group's size, counted over the issues that were open at some time in the last 13 weeks."""
_CHUNK_SIZES: Final = (8, 12, 16, 10, 14, 6, 18)
"""Sizes of runs of consecutively created issues, repeated in this order."""


def epoch_days(moment: datetime) -> float:
    """Days since 1970-01-01 00:00 UTC of an aware moment."""
    return moment.timestamp() / _SECONDS_PER_DAY


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ThroughputHistory:
    """Creation and closing time of each issue, in days since the epoch. Dropped issues count as closed."""

    created: Floats
    """Ascending."""
    closed: Floats
    """Last closing time; infinite while the issue is open."""

    @classmethod
    def from_times(cls, times: Iterable[tuple[datetime, datetime | None]]) -> ThroughputHistory:
        """Build a history from aware (created, closed or None) pairs in any order."""
        days = sorted((epoch_days(a), np.inf if b is None else epoch_days(b)) for a, b in times)
        both = np.array(days, dtype=np.float64).reshape(-1, 2)
        return cls(created=both[:, 0].copy(), closed=both[:, 1].copy())

    def as_of(self, now: float) -> HistoryAsOf:
        """Return what was known on the day ``now``: no later issues, and issues that were closed later as open."""
        known = int(np.searchsorted(self.created, now, side="right"))
        closed = self.closed[:known]
        return HistoryAsOf(
            created=self.created[:known], closed=np.where(closed <= now, closed, np.inf), now=now
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class HistoryAsOf:
    """A history as it was known on the day ``now``. Forecasts see nothing else."""

    created: Floats
    closed: Floats
    now: float

    @property
    def length_days(self) -> float:
        """Days since the first issue was created; 0 without issues."""
        return float(self.now - self.created[0]) if len(self.created) else 0.0

    @property
    def open_issue_ages(self) -> Floats:
        """Days since the creation of each open issue."""
        return self.now - self.created[np.isinf(self.closed)]

    def closed_within(self, days: float) -> int:
        """Return the number of issues that were closed in the last ``days`` days."""
        return int(np.count_nonzero((self.closed > self.now - days) & (self.closed <= self.now)))

    def weekly_counts(self, days: Floats, weeks: int) -> Floats:
        """Count the events (``created`` or ``closed``) of each of the last weeks, newest first.

        Weeks end at ``now`` and not at the last event, so that a stall shows as zeros. The result has no more weeks
        than the history.
        """
        count = min(weeks, int(self.length_days // 7))
        ago = (self.now - days[(days <= self.now) & (days > self.now - 7 * count)]) / 7
        return np.bincount(ago.astype(np.int64), minlength=count)[:count].astype(np.float64)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class IssueGroup:
    """Issues of the past that stand for a capability, with the history of these issues alone."""

    kind: GroupKind
    history: ThroughputHistory


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BacktestSeries:
    """History of one repository or team, with its groups."""

    name: str
    history: ThroughputHistory
    groups: tuple[IssueGroup, ...]
    known_until: float
    """Day until which the history is complete."""

    @property
    def first_day(self) -> float:
        """Day of the first creation."""
        return float(self.history.created[0])


def build_series(name: str, issues: Iterable[PastIssue], known_until: float | None = None) -> BacktestSeries:
    """Order issues by creation and group them by label, by milestone and in chunks of consecutive creations.

    ``known_until``: day since the epoch; None stands for the day of the last event.
    """
    ordered = sorted(issues, key=lambda issue: issue.created)
    created = np.array([epoch_days(issue.created) for issue in ordered])
    closed = np.array([epoch_days(issue.closed) if issue.closed else np.inf for issue in ordered])
    members: dict[tuple[GroupKind, str], list[int]] = {}
    for index, issue in enumerate(ordered):
        for label in issue.labels:
            members.setdefault(("label", label), []).append(index)
        for milestone in issue.milestones:
            members.setdefault(("milestone", milestone), []).append(index)
    last_close = closed[np.isfinite(closed)].max(initial=0.0)
    return BacktestSeries(
        name=name,
        history=ThroughputHistory(created=created, closed=closed),
        groups=tuple(
            IssueGroup(kind=kind, history=ThroughputHistory(created=created[chosen], closed=closed[chosen]))
            for (kind, _), chosen in {**members, **_chunks(len(ordered))}.items()
            if len(chosen) >= MIN_GROUP_SIZE
        ),
        known_until=float(max(created[-1], last_close)) if known_until is None else known_until,
    )


def _chunks(issues: int) -> dict[tuple[GroupKind, str], list[int]]:
    found: dict[tuple[GroupKind, str], list[int]] = {}
    start = 0
    while start < issues:
        size = _CHUNK_SIZES[len(found) % len(_CHUNK_SIZES)]
        found["chunk", str(start)] = list(range(start, min(start + size, issues)))
        start += size
    return found
