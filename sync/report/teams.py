"""The lines of the teams: flow, cycle times, ageing work, ad-hoc work. No figure is about one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Conflict, Increment, TeamMapping, Workspace
from sync.flow.model import FlowIssue
from sync.forecast.model import Ageing, Forecast
from sync.report.data import AgeingLine, Issue, TeamLine
from sync.report.flows import ad_hoc_weeks, cumulative_flow, cycle_points, day_of, percentiles_of
from sync.report.words import outlook_of
from sync.rollup_model import CapabilityRollup, CountedIssue
from sync.unplanned import AdHocFigures

MOST_AGEING: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamInputs:
    """As in ``build.ReportInputs``; ``capabilities`` are those of the increment."""

    workspace: Workspace
    increment: Increment
    capabilities: Sequence[CapabilityRollup]
    conflicts: Sequence[Conflict]
    known: Mapping[IssueRef, KnownIssue]
    flow: Mapping[IssueRef, FlowIssue]
    forecasts: Mapping[str, Forecast]
    no_forecast: str
    track_records: Mapping[str, str]
    ageing: Sequence[Ageing]
    ad_hoc: AdHocFigures
    zone: tzinfo
    now: datetime


def team_lines(inputs: TeamInputs) -> tuple[TeamLine, ...]:
    """Teams in the order of the mappings, those included that have no issue."""
    counted: defaultdict[str, list[tuple[str, CountedIssue]]] = defaultdict(list)
    for capability in inputs.capabilities:
        for issue in capability.issues:
            counted[issue.team].append((capability.id, issue))
    by_source: defaultdict[str, set[IssueRef]] = defaultdict(set)
    for ref, item in inputs.known.items():
        for source in item.sources:
            by_source[source].add(ref)
    return tuple(
        _team(
            team,
            counted[team.team],
            set().union(*(by_source[source.name] for source in team.sources)),
            inputs,
        )
        for team in inputs.workspace.teams
    )


def _team(
    team: TeamMapping, counted: Sequence[tuple[str, CountedIssue]], refs: set[IssueRef], inputs: TeamInputs
) -> TeamLine:
    subject = f"team:{team.team}"
    own = refs | {issue.ref for _, issue in counted}
    ways = [inputs.flow[ref] for ref in sorted(own) if ref in inputs.flow]
    today = min(day_of(inputs.now, inputs.zone), inputs.increment.end)
    first = min(inputs.increment.start, today)
    items = [item for item in inputs.ad_hoc.items if team.team in item.teams]
    cycle = cycle_points(ways, inputs.now, inputs.zone)
    share = inputs.ad_hoc.shares.get(team.team)
    return TeamLine(
        name=team.team,
        flow=team.flow,
        cumulative=cumulative_flow(ways, first, today, inputs.zone),
        cycle=cycle,
        percentiles=percentiles_of(cycle),
        ageing=_ageing(team.team, counted, inputs),
        unplanned_open=sum(item.waits for item in items),
        unplanned_share=share.share if share else None,
        weeks=ad_hoc_weeks(
            [issue.closed for _, issue in counted if issue.closed and issue.state.state == "done"],
            [item.closed for item in items if item.closed and item.state == "done"],
            first,
            today,
            inputs.zone,
        ),
        outlook=outlook_of(
            inputs.forecasts.get(subject), 0, inputs.no_forecast, inputs.track_records.get(subject)
        ),
        unanswered=tuple(
            _named(issue)
            for _, issue in counted
            if issue.experiment and issue.state.state == "done" and issue.answer is None
        ),
        conflicts=tuple(
            _known(conflict.ref, inputs)
            for conflict in inputs.conflicts
            if any(claim.team == team.team for claim in conflict.claims)
        ),
    )


def _ageing(
    team: str, counted: Sequence[tuple[str, CountedIssue]], inputs: TeamInputs
) -> tuple[AgeingLine, ...]:
    homes = {issue.ref: (capability, issue.state.blocked) for capability, issue in counted}
    states = {issue.ref: issue.state.state for _, issue in counted}
    states |= {item.ref: item.state for item in inputs.ad_hoc.items}
    own = [each for each in inputs.ageing if each.team == team and each.ref in states]
    own.sort(key=lambda each: (-each.percentile, -each.age_days, each.ref))
    return tuple(
        AgeingLine(
            issue=_known(each.ref, inputs),
            days=round(each.age_days, 1),
            percentile=round(each.percentile, 1),
            band=each.band,
            state=states[each.ref],
            blocked=homes.get(each.ref, ("", False))[1],
            subject=homes.get(each.ref, ("unplanned", False))[0],
        )
        for each in own[:MOST_AGEING]
    )


def _named(issue: CountedIssue) -> Issue:
    return Issue(ref=str(issue.ref), key=issue.ref.key, title=issue.title, url=issue.url)


def _known(ref: IssueRef, inputs: TeamInputs) -> Issue:
    item = inputs.known.get(ref)
    title, url = (item.issue.title, item.issue.url) if item else ("", "")
    return Issue(ref=str(ref), key=ref.key, title=title, url=url)
