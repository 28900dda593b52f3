"""Rows of the teams: flow, cycle times, aging WIP and ad-hoc work. No number is about a single person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from mappings.model import TeamMapping
from sync.insights.report.flows import (
    ad_hoc_weeks,
    cumulative_flow,
    cycle_points,
    cycle_time_percentiles,
    local_day,
)
from sync.insights.report.inputs import ReportInputs
from sync.insights.report.model import AgingRow, IssueLink, TeamRow
from sync.insights.unplanned import AdHocIssue
from sync.model.flow import IssueFlow
from sync.model.forecast import AgingIssue
from sync.model.rollup import CountedIssue, IncrementRollup

MAX_AGING: Final = 100
"""Rows of aging WIP for one team."""


def team_rows(inputs: ReportInputs, rollup: IncrementRollup) -> tuple[TeamRow, ...]:
    """Build the rows of all teams in the order of the mappings, including teams without issues."""
    counted: defaultdict[str, list[tuple[str, CountedIssue]]] = defaultdict(list)
    for capability in rollup.capabilities:
        for issue in capability.issues:
            counted[issue.team].append((capability.id, issue))
    flows: defaultdict[str, list[IssueFlow]] = defaultdict(list)
    for ref, flow in inputs.flow.items():
        if ref in inputs.owners:
            flows[inputs.owners[ref]].append(flow)
    return tuple(
        _team_row(team, counted[team.team], flows[team.team], inputs) for team in inputs.workspace.teams
    )


def _team_row(
    team: TeamMapping,
    counted: Sequence[tuple[str, CountedIssue]],
    flows: Sequence[IssueFlow],
    inputs: ReportInputs,
) -> TeamRow:
    today = min(local_day(inputs.now, inputs.zone), inputs.increment.end)
    first = min(inputs.increment.start, today)
    items = [item for item in inputs.ad_hoc.items if team.team in item.teams]
    cycle_times = cycle_points(flows, inputs.now, inputs.zone)
    aging = _aging_rows(team.team, counted, inputs)
    share = inputs.ad_hoc.shares.get(team.team)
    planned = [issue.closed for _, issue in counted if issue.closed and issue.state.state == "done"]
    unplanned = [item.closed for item in items if item.closed and item.state == "done"]
    return TeamRow(
        name=team.team,
        flow=team.flow,
        cumulative_flow=cumulative_flow(flows, first, today, inputs.zone),
        cycle_times=cycle_times,
        percentiles=cycle_time_percentiles(cycle_times),
        aging_wip=aging,
        no_aging_reason="" if aging else _no_aging_reason(counted, items),
        unplanned_open=sum(item.is_waiting for item in items),
        unplanned_share=share.share if share else None,
        ad_hoc_weeks=ad_hoc_weeks(planned, unplanned, first, today, inputs.zone),
        forecast=inputs.forecast_summary(f"team:{team.team}", 0, inputs.no_forecast),
        unanswered=tuple(
            IssueLink.to(issue.ref, issue.title, issue.url) for _, issue in counted if issue.lacks_result
        ),
        conflicts=tuple(
            inputs.link(conflict.ref)
            for conflict in inputs.rollup.conflicts
            if any(claim.team == team.team for claim in conflict.claims)
        ),
    )


def _no_aging_reason(counted: Sequence[tuple[str, CountedIssue]], items: Sequence[AdHocIssue]) -> str:
    is_open = any(issue.in_scope and issue.state.state != "done" for _, issue in counted)
    if is_open or any(item.is_waiting for item in items):
        return "The team has too few finished issues to compare its open issues with."
    return "No issue is open."


def _aging_rows(
    team: str, counted: Sequence[tuple[str, CountedIssue]], inputs: ReportInputs
) -> tuple[AgingRow, ...]:
    subjects = {issue.ref: (capability, issue.state.blocked) for capability, issue in counted}
    states = {issue.ref: issue.state.state for _, issue in counted}
    states |= {item.ref: item.state for item in inputs.ad_hoc.items}
    # Highest percentile first, as ``find_aging_issues`` returns them.
    own = [each for each in inputs.aging if each.team == team and each.ref in states]

    def aging_row(each: AgingIssue) -> AgingRow:
        subject, blocked = subjects.get(each.ref, ("unplanned", False))
        return AgingRow(
            issue=inputs.link(each.ref),
            days=round(each.age_days, 1),
            percentile=round(each.percentile, 1),
            band=each.band,
            state=states[each.ref],
            blocked=blocked,
            subject=subject,
        )

    return tuple(map(aging_row, own[:MAX_AGING]))
