"""Series behind the charts of the report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, kw_only=True, slots=True)
class BurnUp:
    """Scope and done issues by day. An issue is in scope from its creation until it is dropped. Only issues that count
    towards the goal now are included."""

    days: tuple[date, ...]
    scope: tuple[int, ...]
    done: tuple[int, ...]
    baseline: int | None
    baseline_at: date | None
    """Day from which the baseline is known."""
    end: date
    forecast_interval: tuple[int, int, int] | None
    """Issues done at the end: lower bound, median and upper bound of the 85% interval; null without a forecast."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CumulativeFlow:
    """Issues of a team by state at the end of each day since the start of the increment."""

    days: tuple[date, ...]
    todo: tuple[int, ...]
    doing: tuple[int, ...]
    done: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CyclePoint:
    """Finished issue with its cycle time: days from its start, or from its creation if no start is known."""

    finished: date
    days: float
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AdHocWeek:
    """Issues finished in an ISO week, planned and unplanned (ad-hoc) ones."""

    week: str
    planned: int
    unplanned: int
