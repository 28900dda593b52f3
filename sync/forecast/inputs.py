"""Reads from the store what forecasts are made of, and makes them. Nothing is asked of a tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.model import IssueRef, KnownIssue
from sync.forecast.forecasts import build_forecasts
from sync.forecast.load_history import load_issue_flows, owning_teams
from sync.forecast.remaining_work import ForecastInputs
from sync.forecast.team_histories import team_issue_histories
from sync.forecast.team_model import build_team_model
from sync.forecast.work_item_age import find_aging_issues
from sync.model.flow import IssueFlow
from sync.model.forecast import AgingIssue, Forecast
from sync.model.planning import PlanningResult
from sync.pull.recorded_health import LastRunForecasts
from sync.runtime.context import RunContext


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastSet:
    """What is expected, by increment, and how old the open work is."""

    at: datetime
    forecasts: Mapping[str, tuple[Forecast, ...]]
    aging: tuple[AgingIssue, ...]


def compute_forecasts(
    job: RunContext,
    plan: PlanningResult,
    known: Mapping[IssueRef, KnownIssue],
    at: datetime | None = None,
    *,
    flow: Mapping[IssueRef, IssueFlow] | None = None,
) -> ForecastSet:
    """Forecast every increment that is not closed. ``at`` (aware) in the past: only what had happened by then is used,
    while what counts towards what is as of today. Without ``at`` it is what the last run said, where it said something.
    ``flow``: what ``load_issue_flows`` gave, when the caller has it already."""
    moment = at or job.now()
    workspace = job.workspace
    if flow is None:
        flow = load_issue_flows(job.store, workspace, plan.matched, known=known)
    owners = owning_teams(known, workspace, plan.matched)
    histories = team_issue_histories(plan.matched, known, flow, owners)
    material = ForecastInputs(
        at=moment,
        flow=flow,
        team_models={team: build_team_model(team, issues, moment) for team, issues in histories.items()},
    )
    plans = {each.id: each for each in workspace.increments}
    told = LastRunForecasts(job)
    still_open = [ref for ref, issue in flow.items() if _is_open_at(issue, moment)]
    return ForecastSet(
        at=moment,
        forecasts={
            rollup.id: tuple(
                told.prefer_recorded(each) if at is None else each
                for each in build_forecasts(rollup, plans[rollup.id], material)
            )
            for rollup in plan.rollup.increments
            if plans[rollup.id].phase(moment) != "closed"
        },
        aging=find_aging_issues(flow, owners, still_open, moment),
    )


def _is_open_at(issue: IssueFlow, at: datetime) -> bool:
    return issue.created <= at and (issue.closed is None or issue.closed > at)
