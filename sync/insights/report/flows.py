"""Daily series from issue flows: burn-up, cumulative flow, cycle times and ad-hoc work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from itertools import accumulate
from typing import Final

from sync.insights.report.chart_data import AdHocWeek, BurnUp, CumulativeFlow, CyclePoint
from sync.model.flow import IssueFlow

CYCLE_WEEKS: Final = 26
MAX_POINTS: Final = 600
"""Maximum points of a scatter plot; the latest ones are shown."""
_PERCENTILES: Final = (50, 85, 95)


def local_day(moment: datetime, zone: tzinfo) -> date:
    """Return the calendar day of a moment in a time zone."""
    return moment.astimezone(zone).date()


def days_between(first: date, last: date) -> tuple[date, ...]:
    """Return all days from ``first`` to ``last`` (inclusive); at least the first."""
    return tuple(first + timedelta(days=n) for n in range(max(0, (last - first).days) + 1))


def _running_totals(days: Sequence[date], events: Iterable[tuple[date, int]]) -> tuple[int, ...]:
    """Return the sum of all events up to and including each day."""
    changes: Counter[date] = Counter()
    for day, step in events:
        changes[max(day, days[0])] += step
    return tuple(accumulate(changes[day] for day in days))


def burn_up(
    issues: Iterable[IssueFlow],
    first: date,
    last: date,
    end: date,
    zone: tzinfo,
    *,
    baseline: int | None,
    baseline_at: date | None,
    forecast_interval: tuple[int, int, int] | None,
) -> BurnUp:
    """Build the burn-up from ``first`` to ``last`` (today) of the issues that count now."""
    found = list(issues)
    days = days_between(first, last)
    entered = [(local_day(each.created, zone), 1) for each in found]
    left = [(local_day(each.dropped, zone), -1) for each in found if each.dropped]
    finished = [(local_day(each.finished, zone), 1) for each in found if each.finished]
    return BurnUp(
        days=days,
        scope=_running_totals(days, [*entered, *left]),
        done=_running_totals(days, finished),
        baseline=baseline,
        baseline_at=baseline_at,
        end=end,
        forecast_interval=forecast_interval,
    )


def cumulative_flow(
    issues: Iterable[IssueFlow], first: date, last: date, zone: tzinfo
) -> CumulativeFlow | None:
    """Build the flow of issues that were open on ``first`` or created later. None without such an issue."""
    included = [
        each
        for each in issues
        if local_day(each.created, zone) <= last
        and (not each.closed or local_day(each.closed, zone) >= first)
    ]
    if not included:
        return None
    days = days_between(first, last)
    steps: dict[str, list[tuple[date, int]]] = {"todo": [], "doing": [], "done": []}
    for each in included:
        before: str | None = None
        for change in each.state_changes:
            day = local_day(change.at, zone)
            if before in steps:
                steps[before].append((day, -1))
            if change.state in steps:
                steps[change.state].append((day, 1))
            before = change.state
    return CumulativeFlow(
        days=days, **{state: _running_totals(days, events) for state, events in steps.items()}
    )


def cycle_points(issues: Iterable[IssueFlow], now: datetime, zone: tzinfo) -> tuple[CyclePoint, ...]:
    """Return the issues finished in the last half year with their cycle times, oldest first."""
    since = now - timedelta(weeks=CYCLE_WEEKS)
    recent = sorted(
        (each for each in issues if each.finished and since <= each.finished <= now),
        key=lambda each: (each.finished, each.ref),
    )
    return tuple(
        CyclePoint(
            finished=local_day(each.finished, zone),
            days=round(
                max(0.0, (each.finished - (each.started or each.created)).total_seconds() / 86_400), 2
            ),
            key=each.ref.key,
        )
        for each in recent[-MAX_POINTS:]
        if each.finished
    )


def cycle_time_percentiles(points: Sequence[CyclePoint]) -> tuple[tuple[int, float], ...]:
    """Return the 50th, 85th and 95th percentile of the cycle times (nearest rank); empty for less than five points."""
    if len(points) < 5:
        return ()
    days = sorted(point.days for point in points)
    return tuple((rank, days[max(0, -(-rank * len(days) // 100) - 1)]) for rank in _PERCENTILES)


def ad_hoc_weeks(
    planned: Iterable[datetime], unplanned: Iterable[datetime], first: date, last: date, zone: tzinfo
) -> tuple[AdHocWeek, ...]:
    """Count finished issues by ISO week, including weeks without any."""

    def week_of(day: date) -> str:
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"

    counts = [
        Counter(week_of(local_day(at, zone)) for at in closes if first <= local_day(at, zone) <= last)
        for closes in (planned, unplanned)
    ]
    weeks = list(dict.fromkeys(week_of(day) for day in days_between(first, last)))
    return tuple(AdHocWeek(week=week, planned=counts[0][week], unplanned=counts[1][week]) for week in weeks)
