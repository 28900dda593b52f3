"""The history of one repository, with the groups that stand for capabilities in a backtest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from sync.forecast.throughput_history import Floats, ThroughputHistory, epoch_days
from sync.model.forecast import PastIssue

GroupKind = Literal["label", "milestone", "chunk"]
MIN_GROUP_SIZE: Final = 5
MAX_GROUP_SIZE: Final = 20
"""Sizes of a group, counted over the issues that were alive in the last 13 weeks."""
_CHUNK_SIZES: Final = (8, 12, 16, 10, 14, 6, 18)
"""Sizes of the runs of consecutively created issues, over and over."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class IssueGroup:
    """Issues that belong together; the history holds them alone."""

    kind: GroupKind
    history: ThroughputHistory


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BacktestSeries:
    """What one repository or team went through."""

    name: str
    history: ThroughputHistory
    groups: tuple[IssueGroup, ...]
    known_until: float
    """Day until which everything is known."""

    @property
    def first_day(self) -> float:
        """Day of the first creation."""
        return float(self.history.created[0])


def build_series(name: str, issues: Iterable[PastIssue], known_until: float | None = None) -> BacktestSeries:
    """Order the issues by creation; group them by label, by milestone, and as they were created one after another.

    ``known_until``: a day as of ``day_of``; without it that of the last thing that happened.
    """
    ordered = sorted(issues, key=lambda issue: issue.created)
    created = np.array([epoch_days(issue.created) for issue in ordered])
    closed = np.array([epoch_days(issue.closed) if issue.closed else np.inf for issue in ordered])
    named: dict[tuple[GroupKind, str], list[int]] = {}
    for index, issue in enumerate(ordered):
        for label in issue.labels:
            named.setdefault(("label", label), []).append(index)
        for milestone in issue.milestones:
            named.setdefault(("milestone", milestone), []).append(index)
    return BacktestSeries(
        name=name,
        history=ThroughputHistory(created=created, closed=closed),
        groups=tuple(_issue_groups(created, closed, {**named, **_chunks(len(ordered))})),
        known_until=_last_event_day(created, closed) if known_until is None else known_until,
    )


def _last_event_day(created: Floats, closed: Floats) -> float:
    ends = closed[np.isfinite(closed)]
    return float(max(created[-1], ends.max() if len(ends) else 0.0))


def _chunks(issues: int) -> dict[tuple[GroupKind, str], list[int]]:
    found: dict[tuple[GroupKind, str], list[int]] = {}
    start = 0
    while start < issues:
        size = _CHUNK_SIZES[len(found) % len(_CHUNK_SIZES)]
        found["chunk", str(start)] = list(range(start, min(start + size, issues)))
        start += size
    return found


def _issue_groups(
    created: Floats, closed: Floats, named: Mapping[tuple[GroupKind, str], list[int]]
) -> Iterable[IssueGroup]:
    for (kind, _), members in named.items():
        if len(members) >= MIN_GROUP_SIZE:
            chosen: npt.NDArray[np.intp] = np.array(members)
            yield IssueGroup(
                kind=kind, history=ThroughputHistory(created=created[chosen], closed=closed[chosen])
            )
