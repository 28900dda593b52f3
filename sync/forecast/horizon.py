"""From when to when work is forecast, and how much of that time people are there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from mappings.model import Increment

_SATURDAY: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastHorizon:
    """The time that is left for some work."""

    at: datetime
    """Aware, UTC, as ``until``."""
    until: datetime
    days_until_start: float
    """Days until the increment begins."""
    days: float
    """Days of work from then on, without the plan's holidays; 0 when the end has passed."""
    notes: tuple[str, ...]

    @property
    def has_ended(self) -> bool:
        return self.until <= self.at


def forecast_horizon(increment: Increment, at: datetime, target: date | None = None) -> ForecastHorizon:
    """Until the end of the target day, or of the increment if there is none or it has passed. ``at`` is aware."""
    zone = ZoneInfo(increment.timezone)
    until, notes = increment.ends_at, []
    if target is not None and target < increment.end:
        end_of_target = _start_of_day(target + timedelta(days=1), zone)
        if end_of_target > at:
            until = end_of_target
        elif at < until:
            notes.append(f"the target day {target} has passed, so this is for the end of the increment")
    begin = max(at, increment.starts_at)
    wait = (begin - at).total_seconds() / 86_400
    if wait:
        notes.append(f"the increment begins on {increment.start}; work on it is counted from then")
    away, there = _count_holidays_and_weekdays(
        begin.astimezone(zone).date(), until.astimezone(zone).date(), increment.holidays
    )
    if away:
        days = "1 holiday" if away == 1 else f"{away} holidays"
        notes.append(f"the plan has {days} until then, on which nobody works")
    left = max((until - begin).total_seconds() / 86_400, 0.0)
    share = 1 - away / there if there else 1.0
    return ForecastHorizon(
        at=at, until=until, days_until_start=max(wait, 0.0), days=left * share, notes=tuple(notes)
    )


def _count_holidays_and_weekdays(begin: date, end: date, holidays: Collection[date]) -> tuple[int, int]:
    """Holidays that are weekdays, and weekdays, in [begin, end)."""
    days = (begin + timedelta(days=number) for number in range(max((end - begin).days, 0)))
    weekdays = [day for day in days if day.weekday() < _SATURDAY]
    return sum(day in holidays for day in weekdays), len(weekdays)


def _start_of_day(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
