"""Reads from the store what forecasts are made of, and makes them. Nothing is asked of a tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.model import IssueRef, KnownIssue
from sync.flow.model import FlowIssue
from sync.flow.stored import load_flow, team_of
from sync.forecast.ageing import ageing_of
from sync.forecast.model import Ageing, Forecast, PastIssue
from sync.forecast.rests import Material
from sync.forecast.subjects import forecasts_of
from sync.forecast.teams import team_past
from sync.job import Job
from sync.think import Thought


@dataclass(frozen=True, kw_only=True, slots=True)
class Ahead:
    """What is expected, by increment, and how old the open work is."""

    at: datetime
    forecasts: Mapping[str, tuple[Forecast, ...]]
    ageing: tuple[Ageing, ...]


def look_ahead(
    job: Job,
    thought: Thought,
    known: Mapping[IssueRef, KnownIssue],
    at: datetime | None = None,
    *,
    flow: Mapping[IssueRef, FlowIssue] | None = None,
) -> Ahead:
    """Forecast every increment that is not closed. ``at`` (aware) in the past: only what had happened by then is used,
    while what counts towards what is as of today. ``flow``: what ``load_flow`` gave, when the caller has it already."""
    moment = at or job.now()
    workspace = job.workspace
    if flow is None:
        flow = load_flow(job.store, workspace, thought.matched, known=known)
    owners = team_of(known, workspace, thought.matched)
    histories = team_histories(thought, known, flow, owners)
    material = Material(
        at=moment,
        flow=flow,
        teams={team: team_past(team, issues, moment) for team, issues in histories.items()},
    )
    plans = {each.id: each for each in workspace.increments}
    still_open = [ref for ref, issue in flow.items() if _open_at(issue, moment)]
    return Ahead(
        at=moment,
        forecasts={
            rollup.id: forecasts_of(rollup, plans[rollup.id], material)
            for rollup in thought.rollup.increments
            if plans[rollup.id].phase(moment) != "closed"
        },
        ageing=ageing_of(flow, owners, still_open, moment),
    )


def team_histories(
    thought: Thought,
    known: Mapping[IssueRef, KnownIssue],
    flow: Mapping[IssueRef, FlowIssue],
    owners: Mapping[IssueRef, str],
) -> dict[str, list[PastIssue]]:
    """Each team's issues, whatever they count towards; capabilities and milestones are the groups of its past."""
    capabilities = {each.ref: each.capability for each in thought.matched.assignments}
    found: dict[str, list[PastIssue]] = {}
    for ref, way in flow.items():
        team = owners.get(ref)
        if team is None:
            continue
        issue = known[ref].issue
        milestones = {*issue.fix_versions, *([issue.milestone] if issue.milestone else [])}
        found.setdefault(team, []).append(
            PastIssue(
                created=way.created,
                closed=way.closed,
                labels=(capabilities[ref],) if ref in capabilities else (),
                milestones=tuple(sorted(milestones)),
            )
        )
    return found


def _open_at(issue: FlowIssue, at: datetime) -> bool:
    return issue.created <= at and (issue.closed is None or issue.closed > at)
