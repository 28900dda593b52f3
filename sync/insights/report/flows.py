"""Day by day: burn-up, cumulative flow, cycle times and ad-hoc work, from the ways of issues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from sync.insights.report.model import AdHocWeek, BurnUp, CumulativeFlow, CyclePoint
from sync.model.flow import IssueFlow

CYCLE_WEEKS: Final = 26
MAX_POINTS: Final = 600
"""Of a scatter: more are no clearer and only make the file larger. The latest ones are kept."""
_PERCENTILES: Final = (50, 85, 95)


def local_day(moment: datetime, zone: tzinfo) -> date:
    """The calendar day in a zone."""
    return moment.astimezone(zone).date()


def days_between(first: date, last: date) -> tuple[date, ...]:
    """All days, both ends included; at least the first."""
    return tuple(first + timedelta(days=n) for n in range(max(0, (last - first).days) + 1))


def _running_totals(days: Sequence[date], events: Iterable[tuple[date, int]]) -> tuple[int, ...]:
    """The sum of all events up to and including each day."""
    changes: Counter[date] = Counter()
    for day, step in events:
        changes[max(day, days[0])] += step
    total, sums = 0, []
    for day in days:
        total += changes[day]
        sums.append(total)
    return tuple(sums)


def burn_up(
    issues: Iterable[IssueFlow],
    first: date,
    last: date,
    end: date,
    zone: tzinfo,
    *,
    baseline: int | None,
    baseline_at: date | None,
    fan: tuple[int, int, int] | None,
) -> BurnUp:
    """From ``first`` to ``last`` (today) of the issues that count now."""
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
        fan=fan,
    )


def cumulative_flow(
    issues: Iterable[IssueFlow], first: date, last: date, zone: tzinfo
) -> CumulativeFlow | None:
    """What was open at the start or came later. None without such an issue."""
    alive = [each for each in issues if each.closed is None or local_day(each.closed, zone) >= first]
    alive = [each for each in alive if local_day(each.created, zone) <= last]
    if not alive:
        return None
    days = days_between(first, last)
    steps: dict[str, list[tuple[date, int]]] = {"todo": [], "doing": [], "done": []}
    for each in alive:
        before: str | None = None
        for at, state in _state_changes(each):
            day = local_day(at, zone)
            if before in steps:
                steps[before].append((day, -1))
            if state in steps:
                steps[state].append((day, 1))
            before = state
    return CumulativeFlow(
        days=days,
        todo=_running_totals(days, steps["todo"]),
        doing=_running_totals(days, steps["doing"]),
        done=_running_totals(days, steps["done"]),
    )


def _state_changes(issue: IssueFlow) -> list[tuple[datetime, str]]:
    if issue.state_changes:
        return [(move.at, move.state) for move in issue.state_changes]
    ways: list[tuple[datetime, str]] = [(issue.created, "todo")]
    if issue.started:
        ways.append((issue.started, "doing"))
    if issue.finished:
        ways.append((issue.finished, "done"))
    elif issue.dropped:
        ways.append((issue.dropped, "dropped"))
    return ways


def cycle_points(issues: Iterable[IssueFlow], now: datetime, zone: tzinfo) -> tuple[CyclePoint, ...]:
    """Finished in the last half year, oldest first."""
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
    """The 50th, 85th and 95th of the cycle times (nearest rank); empty under five points."""
    if len(points) < 5:
        return ()
    days = sorted(point.days for point in points)
    return tuple((rank, days[max(0, -(-rank * len(days) // 100) - 1)]) for rank in _PERCENTILES)


def ad_hoc_weeks(
    planned: Iterable[datetime], unplanned: Iterable[datetime], first: date, last: date, zone: tzinfo
) -> tuple[AdHocWeek, ...]:
    """Finished issues by ISO week, weeks without any included."""

    def week_of(day: date) -> str:
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"

    counts = [
        Counter(week_of(local_day(at, zone)) for at in closes if first <= local_day(at, zone) <= last)
        for closes in (planned, unplanned)
    ]
    weeks = list(dict.fromkeys(week_of(day) for day in days_between(first, last)))
    return tuple(AdHocWeek(week=week, planned=counts[0][week], unplanned=counts[1][week]) for week in weeks)
