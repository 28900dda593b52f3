"""The step of a run between counting and deciding: what is expected, from the store alone and once for all readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from connectors.model import IssueRef, KnownIssue
from mappings.model import Increment
from sync.forecast.data_sufficiency import insufficient_data
from sync.forecast.fallbacks import fallback_forecasts
from sync.forecast.health.backtest import TeamBacktests
from sync.forecast.health.evaluate import HealthEvidence, evaluate_health, open_teams
from sync.forecast.load_history import load_issue_flows, owning_teams
from sync.forecast.optional_deps import ForecastDependenciesMissing, require_forecast_dependencies
from sync.forecast.team_histories import team_issue_histories
from sync.forecast.work_item_age import find_aging_issues
from sync.model.flow import IssueFlow
from sync.model.forecast import Forecast, PastIssue
from sync.model.health import ForecastStatement
from sync.model.health_assessment import HealthAssessment
from sync.model.planning import Assessment
from sync.model.rollup import IncrementRollup
from sync.pull.recorded_health import load_displayed_health
from sync.runtime.context import RunContext


def assess_health(
    job: RunContext, assessment: Assessment, known: Mapping[IssueRef, KnownIssue]
) -> HealthAssessment:
    """Of all increments whose time is not over. Libraries that calculate are loaded only when some team with open work
    has history enough."""
    now, rollup = job.now(), assessment.rollup
    plans = {each.id: each for each in job.workspace.increments}
    going_on = [each for each in rollup.increments if now < plans[each.id].ends_at and _has_goals(each)]
    earlier = job.store.statements()
    due = any(each.closed is None and each.until <= now for each in earlier)
    if not going_on and not due:
        return HealthAssessment(rollup=rollup, expectations={}, forecasts={}, displayed_health={})
    flow = load_issue_flows(job.store, job.workspace, assessment.matched, known=known)
    told = _Forecaster(job, assessment, known, flow, now)
    judged = HealthAssessment(
        rollup=rollup,
        expectations={},
        forecasts={},
        displayed_health={},
        flow=flow,
        earlier=earlier,
        missing_dependencies=told.missing_dependencies,
    )
    evidence = told.gather_evidence(going_on, earlier)
    for each in going_on:
        found = evaluate_health(each, plans[each.id], told.forecasts(each, plans[each.id]), evidence)
        judged = replace(
            judged,
            expectations={**judged.expectations, **found.expectations},
            forecasts={**judged.forecasts, **found.forecasts},
            displayed_health={**judged.displayed_health, **found.displayed_health},
        )
    return replace(judged, backtests=told.backtests.new_results)


def _has_goals(increment: IncrementRollup) -> bool:
    return any(goal.capabilities for goal in increment.goals)


class _Forecaster:
    """Makes forecasts with the libraries where something can be calculated, and without them otherwise."""

    def __init__(
        self,
        job: RunContext,
        counting: Assessment,
        known: Mapping[IssueRef, KnownIssue],
        flow: Mapping[IssueRef, IssueFlow],
        now: datetime,
    ) -> None:
        self._job, self._flow, self._now = job, flow, now
        self._owners = owning_teams(known, job.workspace, counting.matched)
        self.histories = team_issue_histories(counting.matched, known, flow, self._owners)
        names = {team.team for team in job.workspace.teams} | self.histories.keys()
        self.insufficient = {
            name: insufficient_data(name, self.histories.get(name, []), now) for name in names
        }
        self.backtests = TeamBacktests(job.store.backtests(), now)
        self.missing_dependencies = _missing_dependencies()
        self._team_models: dict[str, Any] | None = None

    def gather_evidence(
        self, increments: Sequence[IncrementRollup], earlier: Sequence[ForecastStatement]
    ) -> HealthEvidence:
        at_work = self._working_teams(increments)
        old = find_aging_issues(self._flow, self._owners, self._open_issues(), self._now)
        enough: dict[str, list[PastIssue]] = (
            {}
            if self.missing_dependencies
            else {team: self.histories[team] for team in at_work if not self.insufficient[team]}
        )
        return HealthEvidence(
            backtests=self.backtests.for_teams(enough),
            displayed_health=load_displayed_health(self._job),
            earlier=earlier,
            aging=frozenset(each.ref for each in old if each.band != "normal"),
        )

    def forecasts(self, rollup: IncrementRollup, increment: Increment) -> tuple[Forecast, ...]:
        if self.missing_dependencies or all(
            self.insufficient[team] for team in self._working_teams([rollup])
        ):
            return fallback_forecasts(rollup, increment, self._now, self._reason)
        from sync.forecast.forecasts import build_forecasts
        from sync.forecast.remaining_work import ForecastInputs
        from sync.forecast.team_model import build_team_model

        if self._team_models is None:
            self._team_models = {
                name: build_team_model(name, past, self._now) for name, past in self.histories.items()
            }
        return build_forecasts(
            rollup, increment, ForecastInputs(at=self._now, flow=self._flow, team_models=self._team_models)
        )

    def _reason(self, team: str) -> str:
        return self.missing_dependencies or f"thin history: {self.insufficient[team]}"

    def _working_teams(self, increments: Sequence[IncrementRollup]) -> set[str]:
        capabilities = (
            each for increment in increments for goal in increment.goals for each in goal.capabilities
        )
        return {
            team
            for each in capabilities
            if not each.cancelled and not each.finished
            for team in open_teams(each)
        }

    def _open_issues(self) -> list[IssueRef]:
        return [ref for ref, way in self._flow.items() if way.closed is None]


def _missing_dependencies() -> str | None:
    try:
        require_forecast_dependencies()
    except ForecastDependenciesMissing as missing:
        return str(missing)
    return None
