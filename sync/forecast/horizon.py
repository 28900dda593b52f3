"""Time left for some work: from now, or the start of the increment, to the target date, without holidays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from connectors.wording import pluralize
from mappings.model import Increment

_SATURDAY: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastHorizon:
    """Time that is left for some work."""

    at: datetime
    """Aware, UTC, as ``until``."""
    until: datetime
    days_until_start: float
    """Days until the increment begins; 0 after that."""
    days: float
    """Days from then to ``until``, reduced by the share of weekdays that are holidays; 0 after ``until``."""
    notes: tuple[str, ...]

    @property
    def has_ended(self) -> bool:
        return self.until <= self.at


def forecast_horizon(increment: Increment, at: datetime, target: date | None = None) -> ForecastHorizon:
    """Return the time from ``at`` (aware) to the end of the target date.

    Without a target date, or after it, the time reaches to the end of the increment.
    """
    zone = ZoneInfo(increment.timezone)
    until, notes = increment.ends_at, []
    if target is not None and target < increment.end:
        next_day = datetime.combine(target + timedelta(days=1), time(), tzinfo=zone)
        end_of_target = next_day.astimezone(UTC)
        if end_of_target > at:
            until = end_of_target
        elif at < until:
            notes.append(f"the target date {target} has passed, so this is for the end of the increment")
    begin = max(at, increment.starts_at)
    wait = (begin - at).total_seconds() / 86_400
    if wait:
        notes.append(f"the increment begins on {increment.start}; the forecast counts work from then on")
    off, weekdays = _count_holidays_and_weekdays(
        begin.astimezone(zone).date(), until.astimezone(zone).date(), increment.holidays
    )
    if off:
        notes.append(f"the plan has {pluralize(off, 'holiday')} until then, which count as days without work")
    left = max((until - begin).total_seconds() / 86_400, 0.0)
    share = 1 - off / weekdays if weekdays else 1.0
    return ForecastHorizon(
        at=at, until=until, days_until_start=max(wait, 0.0), days=left * share, notes=tuple(notes)
    )


def _count_holidays_and_weekdays(begin: date, end: date, holidays: Collection[date]) -> tuple[int, int]:
    """Return the number of holidays on weekdays, and of all weekdays, in [begin, end)."""
    days = (begin + timedelta(days=number) for number in range(max((end - begin).days, 0)))
    weekdays = [day for day in days if day.weekday() < _SATURDAY]
    return sum(day in holidays for day in weekdays), len(weekdays)
