"""The lines of the teams: flow, cycle times, ageing work, ad-hoc work. No figure is about one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Conflict, Increment, TeamMapping, Workspace
from sync.insights.report.flows import (
    ad_hoc_weeks,
    cumulative_flow,
    cycle_points,
    cycle_time_percentiles,
    local_day,
)
from sync.insights.report.model import AdHocWeek, AgingRow, Issue, TeamRow
from sync.insights.report.phrases import build_outlook
from sync.insights.unplanned import AdHocIssue, AdHocMetrics
from sync.model.flow import IssueFlow
from sync.model.forecast import AgingIssue, Forecast
from sync.model.rollup import CapabilityRollup, CountedIssue

MAX_AGING: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamInputs:
    """As in ``build.ReportInputs``; ``capabilities`` are those of the increment."""

    workspace: Workspace
    increment: Increment
    capabilities: Sequence[CapabilityRollup]
    conflicts: Sequence[Conflict]
    known: Mapping[IssueRef, KnownIssue]
    flow: Mapping[IssueRef, IssueFlow]
    owners: Mapping[IssueRef, str]
    forecasts: Mapping[str, Forecast]
    no_forecast: str
    track_records: Mapping[str, str]
    ageing: Sequence[AgingIssue]
    ad_hoc: AdHocMetrics
    zone: tzinfo
    now: datetime


def team_rows(inputs: TeamInputs) -> tuple[TeamRow, ...]:
    """Teams in the order of the mappings, those included that have no issue."""
    counted: defaultdict[str, list[tuple[str, CountedIssue]]] = defaultdict(list)
    for capability in inputs.capabilities:
        for issue in capability.issues:
            counted[issue.team].append((capability.id, issue))
    ways: defaultdict[str, list[IssueFlow]] = defaultdict(list)
    for ref, way in inputs.flow.items():
        if ref in inputs.owners:
            ways[inputs.owners[ref]].append(way)
    return tuple(
        _team_row(team, counted[team.team], ways[team.team], inputs) for team in inputs.workspace.teams
    )


def _team_row(
    team: TeamMapping,
    counted: Sequence[tuple[str, CountedIssue]],
    ways: Sequence[IssueFlow],
    inputs: TeamInputs,
) -> TeamRow:
    subject = f"team:{team.team}"
    today = min(local_day(inputs.now, inputs.zone), inputs.increment.end)
    first = min(inputs.increment.start, today)
    items = [item for item in inputs.ad_hoc.items if team.team in item.teams]
    cycle = cycle_points(ways, inputs.now, inputs.zone)
    ageing = _aging_rows(team.team, counted, inputs)
    share = inputs.ad_hoc.shares.get(team.team)
    return TeamRow(
        name=team.team,
        flow=team.flow,
        cumulative=cumulative_flow(ways, first, today, inputs.zone),
        cycle=cycle,
        percentiles=cycle_time_percentiles(cycle),
        ageing=ageing,
        no_ageing="" if ageing else _no_aging_reason(counted, items),
        unplanned_open=sum(item.is_waiting for item in items),
        unplanned_share=share.share if share else None,
        weeks=_ad_hoc_by_week(counted, items, first, today, inputs.zone),
        outlook=build_outlook(
            inputs.forecasts.get(subject), 0, inputs.no_forecast, inputs.track_records.get(subject)
        ),
        unanswered=_unanswered_experiments(counted),
        conflicts=tuple(
            _known_issue(conflict.ref, inputs)
            for conflict in inputs.conflicts
            if any(claim.team == team.team for claim in conflict.claims)
        ),
    )


def _ad_hoc_by_week(
    counted: Sequence[tuple[str, CountedIssue]],
    items: Sequence[AdHocIssue],
    first: date,
    today: date,
    zone: tzinfo,
) -> tuple[AdHocWeek, ...]:
    planned = [issue.closed for _, issue in counted if issue.closed and issue.state.state == "done"]
    unplanned = [item.closed for item in items if item.closed and item.state == "done"]
    return ad_hoc_weeks(planned, unplanned, first, today, zone)


def _unanswered_experiments(counted: Sequence[tuple[str, CountedIssue]]) -> tuple[Issue, ...]:
    return tuple(
        _counted_issue(issue)
        for _, issue in counted
        if issue.experiment and issue.state.state == "done" and issue.answer is None
    )


def _no_aging_reason(counted: Sequence[tuple[str, CountedIssue]], items: Sequence[AdHocIssue]) -> str:
    is_open = any(issue.in_scope and issue.state.state != "done" for _, issue in counted)
    if is_open or any(item.is_waiting for item in items):
        return "The team has finished too little yet to hold its open issues against."
    return "No issue is open."


def _aging_rows(
    team: str, counted: Sequence[tuple[str, CountedIssue]], inputs: TeamInputs
) -> tuple[AgingRow, ...]:
    homes = {issue.ref: (capability, issue.state.blocked) for capability, issue in counted}
    states = {issue.ref: issue.state.state for _, issue in counted}
    states |= {item.ref: item.state for item in inputs.ad_hoc.items}
    own = [each for each in inputs.ageing if each.team == team and each.ref in states]
    own.sort(key=lambda each: (-each.percentile, -each.age_days, each.ref))
    return tuple(
        AgingRow(
            issue=_known_issue(each.ref, inputs),
            days=round(each.age_days, 1),
            percentile=round(each.percentile, 1),
            band=each.band,
            state=states[each.ref],
            blocked=homes.get(each.ref, ("", False))[1],
            subject=homes.get(each.ref, ("unplanned", False))[0],
        )
        for each in own[:MAX_AGING]
    )


def _counted_issue(issue: CountedIssue) -> Issue:
    return Issue(ref=str(issue.ref), key=issue.ref.key, title=issue.title, url=issue.url)


def _known_issue(ref: IssueRef, inputs: TeamInputs) -> Issue:
    item = inputs.known.get(ref)
    title, url = (item.issue.title, item.issue.url) if item else ("", "")
    return Issue(ref=str(ref), key=ref.key, title=title, url=url)
