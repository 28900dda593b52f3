"""Load the inputs of all forecasts from the store and compute them. No tracker is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.model import IssueRef, KnownIssue
from sync.forecast.forecasts import build_forecasts
from sync.forecast.load_history import load_issue_flows, owning_teams, team_issue_histories
from sync.forecast.remaining_work import ForecastInputs
from sync.forecast.team_model import build_team_model
from sync.forecast.work_item_age import find_aging_issues, open_work
from sync.model.flow import IssueFlow
from sync.model.forecast import AgingIssue, Forecast
from sync.model.health import Expectation
from sync.model.planning import PlanningResult
from sync.pull.recorded_health import load_expectations, load_last_forecasts
from sync.runtime.context import RunContext


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastSet:
    """Forecasts by increment, and the age of the open issues."""

    at: datetime
    forecasts: Mapping[str, tuple[Forecast, ...]]
    aging: tuple[AgingIssue, ...]


def compute_forecasts(
    context: RunContext,
    plan: PlanningResult,
    known: Mapping[IssueRef, KnownIssue],
    at: datetime | None = None,
    *,
    flow: Mapping[IssueRef, IssueFlow] | None = None,
) -> ForecastSet:
    """Forecast every increment that is not closed.

    ``at`` (aware): a moment in the past; later events are ignored, but assignments are the current ones. Without it
    the forecasts of the last run are returned where they are still valid. ``flow``: result of ``load_issue_flows`` if
    the caller has it already.
    """
    moment = at or context.now()
    workspace = context.workspace
    if flow is None:
        flow = load_issue_flows(context.store, workspace, plan.matched, known=known)
    owners = owning_teams(known, workspace, plan.matched)
    histories = team_issue_histories(plan.matched, known, flow, owners, context.now())
    inputs = ForecastInputs(
        at=moment,
        flow=flow,
        team_models={team: build_team_model(team, issues, moment) for team, issues in histories.items()},
    )
    plans = {each.id: each for each in workspace.increments}
    recorded, expected = load_last_forecasts(context), load_expectations(context)
    return ForecastSet(
        at=moment,
        forecasts={
            rollup.id: tuple(
                _prefer_recorded(each, recorded.get(each.subject), expected.get(each.subject))
                if at is None
                else each
                for each in build_forecasts(rollup, plans[rollup.id], inputs)
            )
            for rollup in plan.rollup.increments
            if plans[rollup.id].phase(moment) != "closed"
        },
        aging=find_aging_issues(flow, owners, open_work(plan.rollup, flow, moment), moment),
    )


def _prefer_recorded(fresh: Forecast, recorded: Forecast | None, expected: Expectation | None) -> Forecast:
    """Return the forecast of the last run with the reason for missing health, or ``fresh`` if the work has changed.

    Commands show it so that all readers see the same numbers. Teams have no recorded expectation: their forecast is
    always the fresh one.
    """
    if recorded is None or expected is None:
        return fresh
    if (recorded.remaining, recorded.until) != (fresh.remaining, fresh.until):
        return fresh
    if not expected.why_no_health:
        return recorded
    return replace(recorded, assumptions=(*recorded.assumptions, f"no health: {expected.why_no_health}"))
