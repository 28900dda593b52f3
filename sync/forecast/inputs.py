"""Reads from the store what forecasts are made of, and makes them. Nothing is asked of a tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.model import IssueRef, KnownIssue
from sync.forecast.forecasts import forecasts_of
from sync.forecast.load_history import load_flow, team_of
from sync.forecast.remaining_work import Material
from sync.forecast.team_histories import team_histories
from sync.forecast.team_model import team_past
from sync.forecast.work_item_age import ageing_of
from sync.model.flow import FlowIssue
from sync.model.forecast import Ageing, Forecast
from sync.model.planning import Thought
from sync.pull.recorded_health import Told
from sync.runtime.context import Job


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
    while what counts towards what is as of today. Without ``at`` it is what the last run said, where it said something.
    ``flow``: what ``load_flow`` gave, when the caller has it already."""
    moment = at or job.now()
    workspace = job.workspace
    if flow is None:
        flow = load_flow(job.store, workspace, thought.matched, known=known)
    owners = team_of(known, workspace, thought.matched)
    histories = team_histories(thought.matched, known, flow, owners)
    material = Material(
        at=moment,
        flow=flow,
        teams={team: team_past(team, issues, moment) for team, issues in histories.items()},
    )
    plans = {each.id: each for each in workspace.increments}
    told = Told(job)
    still_open = [ref for ref, issue in flow.items() if _open_at(issue, moment)]
    return Ahead(
        at=moment,
        forecasts={
            rollup.id: tuple(
                told.instead_of(each) if at is None else each
                for each in forecasts_of(rollup, plans[rollup.id], material)
            )
            for rollup in thought.rollup.increments
            if plans[rollup.id].phase(moment) != "closed"
        },
        ageing=ageing_of(flow, owners, still_open, moment),
    )


def _open_at(issue: FlowIssue, at: datetime) -> bool:
    return issue.created <= at and (issue.closed is None or issue.closed > at)
