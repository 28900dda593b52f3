"""How old each open issue is, beside how long its team took for the issues that it finished."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from connectors.model import IssueRef
from sync.model.flow import IssueFlow
from sync.model.forecast import AgeBand, AgingIssue

AGING_PERCENTILE: Final = 85.0
OLD_PERCENTILE: Final = 95.0
MIN_FINISHED_ISSUES: Final = 5
"""Finished issues to compare with; with fewer nothing is said."""
_WINDOW: Final = timedelta(weeks=104)


def find_aging_issues(
    flow: Mapping[IssueRef, IssueFlow],
    teams: Mapping[IssueRef, str],
    open_now: Iterable[IssueRef],
    now: datetime,
) -> tuple[AgingIssue, ...]:
    """The open issues, oldest by their team's measure first.

    Like is compared with like: an issue under way with how long others were under way, one that nobody saw begin with
    how long others took since they were created. Issues of teams without enough to compare with are left out.
    """
    took = {
        True: _durations_by_team(flow, teams, now, started=True),
        False: _durations_by_team(flow, teams, now, started=False),
    }
    found = []
    for ref in open_now:
        issue, team = flow.get(ref), teams.get(ref)
        if issue is None or team is None:
            continue
        started = _started_at(issue, now)
        others = took[started is not None].get(team, [])
        if len(others) >= MIN_FINISHED_ISSUES:
            age = _days(now - (started or issue.created))
            percentile = 100 * bisect_left(others, age) / len(others)
            found.append(
                AgingIssue(
                    ref=ref, team=team, age_days=age, percentile=percentile, band=_age_band(percentile)
                )
            )
    return tuple(sorted(found, key=lambda each: (-each.percentile, -each.age_days, each.ref)))


def _durations_by_team(
    flow: Mapping[IssueRef, IssueFlow], teams: Mapping[IssueRef, str], now: datetime, *, started: bool
) -> dict[str, list[float]]:
    """Team -> days that its issues of the last two years took, ascending."""
    found: dict[str, list[float]] = {}
    for ref, issue in flow.items():
        end, team = issue.finished, teams.get(ref)
        begin = issue.started if started else issue.created
        if team and end and begin and begin <= end and now - _WINDOW < end <= now:
            found.setdefault(team, []).append(_days(end - begin))
    return {team: sorted(days) for team, days in found.items()}


def _started_at(issue: IssueFlow, at: datetime) -> datetime | None:
    return issue.started if issue.started and issue.started <= at else None


def _age_band(percentile: float) -> AgeBand:
    if percentile >= OLD_PERCENTILE:
        return "old"
    return "ageing" if percentile >= AGING_PERCENTILE else "normal"


def _days(duration: timedelta) -> float:
    return duration.total_seconds() / 86_400
