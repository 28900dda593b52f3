"""Age of each open issue as a percentile of the durations of its team's finished issues (aging WIP)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from connectors.model import IssueRef
from sync.model.flow import IssueFlow
from sync.model.forecast import AgeBand, AgingIssue
from sync.model.rollup import Rollup

AGING_PERCENTILE: Final = 85.0
OLD_PERCENTILE: Final = 95.0
MIN_FINISHED_ISSUES: Final = 5
"""Finished issues of a team that are needed for a percentile."""
_WINDOW: Final = timedelta(weeks=104)


def open_work(rollup: Rollup, flow: Mapping[IssueRef, IssueFlow], moment: datetime) -> tuple[IssueRef, ...]:
    """Return the issues whose age every reader shows: those that count or wait as ad-hoc work, open at ``moment``.

    Parents that are replaced by their children are not among them, nor is a backlog that counts nowhere.
    """
    counted = (issue.ref for capability in rollup.capabilities for issue in capability.issues)
    refs = dict.fromkeys((*counted, *(each.ref for each in rollup.unplanned)))
    return tuple(ref for ref in refs if ref in flow and flow[ref].is_open_at(moment))


def find_aging_issues(
    flow: Mapping[IssueRef, IssueFlow],
    teams: Mapping[IssueRef, str],
    open_now: Iterable[IssueRef],
    now: datetime,
) -> tuple[AgingIssue, ...]:
    """Return the age of each open issue, highest percentile first.

    An issue in progress is compared with the time that others were in progress, an issue without a known start with
    the time of others since creation. Issues of teams with too few finished issues are left out.
    """
    durations = {started: _durations_by_team(flow, teams, now, started=started) for started in (True, False)}
    found = []
    for ref in open_now:
        issue, team = flow.get(ref), teams.get(ref)
        if issue is None or team is None:
            continue
        started_at = issue.started if issue.started and issue.started <= now else None
        others = durations[started_at is not None].get(team, [])
        if len(others) >= MIN_FINISHED_ISSUES:
            age = _days(now - (started_at or issue.created))
            percentile = 100 * bisect_left(others, age) / len(others)
            band = _age_band(percentile)
            found.append(AgingIssue(ref=ref, team=team, age_days=age, percentile=percentile, band=band))
    return tuple(sorted(found, key=lambda each: (-each.percentile, -each.age_days, each.ref)))


def _durations_by_team(
    flow: Mapping[IssueRef, IssueFlow], teams: Mapping[IssueRef, str], now: datetime, *, started: bool
) -> dict[str, list[float]]:
    """Return team -> days from start (or creation) to the end of issues finished in the last two years, ascending."""
    found: dict[str, list[float]] = {}
    for ref, issue in flow.items():
        end, team = issue.finished, teams.get(ref)
        begin = issue.started if started else issue.created
        if team and end and begin and begin <= end and now - _WINDOW < end <= now:
            found.setdefault(team, []).append(_days(end - begin))
    return {team: sorted(days) for team, days in found.items()}


def _age_band(percentile: float) -> AgeBand:
    if percentile >= OLD_PERCENTILE:
        return "old"
    return "aging" if percentile >= AGING_PERCENTILE else "normal"


def _days(duration: timedelta) -> float:
    return duration.total_seconds() / 86_400
