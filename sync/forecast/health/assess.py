"""Assess the health of all running increments, between roll-up and planning of the changes. No tracker is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from connectors.model import IssueRef, KnownIssue
from mappings.model import Increment
from sync.forecast.fallbacks import fallback_forecasts
from sync.forecast.health.backtest import TeamBacktests
from sync.forecast.health.evaluate import HealthEvaluation, HealthEvidence, open_teams
from sync.forecast.load_history import load_issue_flows, owning_teams, team_issue_histories
from sync.forecast.prerequisites import (
    ForecastDependenciesMissing,
    insufficient_data,
    require_forecast_dependencies,
)
from sync.forecast.work_item_age import find_aging_issues, open_work
from sync.model.flow import IssueFlow
from sync.model.forecast import Forecast
from sync.model.health import DisplayedHealth, Expectation, ForecastStatement
from sync.model.health_assessment import HealthAssessment
from sync.model.planning import Assessment
from sync.model.rollup import IncrementRollup
from sync.pull.recorded_health import load_displayed_health
from sync.runtime.context import RunContext


def assess_health(
    context: RunContext, assessment: Assessment, known: Mapping[IssueRef, KnownIssue]
) -> HealthAssessment:
    """Forecast all increments that are not over, and evaluate health.

    The numbers libraries are loaded only if a team with open work has enough history.
    """
    now, rollup = context.now(), assessment.rollup
    plans = {each.id: each for each in context.workspace.increments}
    current = [each for each in rollup.increments if now < plans[each.id].ends_at and any(each.capabilities)]
    earlier = context.store.statements()
    due = any(each.closed is None and each.until <= now for each in earlier)
    if not current and not due:
        return HealthAssessment(rollup=rollup)
    flow = load_issue_flows(context.store, context.workspace, assessment.matched, known=known)
    forecaster = _Forecaster(context, assessment, known, flow, now)
    evidence = forecaster.gather_evidence(current, earlier)
    expectations: dict[str, Expectation] = {}
    forecasts: dict[str, Forecast] = {}
    displayed_health: dict[str, DisplayedHealth] = {}
    for each in current:
        increment = plans[each.id]
        found = HealthEvaluation(each, increment, forecaster.forecasts(each, increment), evidence)
        expectations |= found.expectations
        forecasts |= found.forecasts
        displayed_health |= found.displayed_health
    return HealthAssessment(
        rollup=rollup,
        expectations=expectations,
        forecasts=forecasts,
        displayed_health=displayed_health,
        backtests=forecaster.backtests.new_results,
        flow=flow,
        earlier=earlier,
        missing_dependencies=forecaster.missing_dependencies,
    )


class _Forecaster:
    """Makes forecasts with the numbers libraries where they are needed, and fallbacks otherwise."""

    def __init__(
        self,
        context: RunContext,
        assessment: Assessment,
        known: Mapping[IssueRef, KnownIssue],
        flow: Mapping[IssueRef, IssueFlow],
        now: datetime,
    ) -> None:
        self._context, self._flow, self._now = context, flow, now
        self._rollup = assessment.rollup
        self._owners = owning_teams(known, context.workspace, assessment.matched)
        self.histories = team_issue_histories(assessment.matched, known, flow, self._owners, now)
        names = {team.team for team in context.workspace.teams} | self.histories.keys()
        self.insufficient = {
            name: insufficient_data(name, self.histories.get(name, []), now) for name in names
        }
        self.backtests = TeamBacktests(context.store.backtests(), now)
        self.missing_dependencies: str | None = None
        try:
            require_forecast_dependencies()
        except ForecastDependenciesMissing as missing:
            self.missing_dependencies = str(missing)

    def gather_evidence(
        self, increments: Sequence[IncrementRollup], earlier: Sequence[ForecastStatement]
    ) -> HealthEvidence:
        working = self._working_teams(increments)
        aging = find_aging_issues(
            self._flow, self._owners, open_work(self._rollup, self._flow, self._now), self._now
        )
        tested = () if self.missing_dependencies else working
        sufficient = {team: self.histories[team] for team in tested if not self.insufficient[team]}
        return HealthEvidence(
            backtests=self.backtests.for_teams(sufficient),
            displayed_health=load_displayed_health(self._context),
            earlier=earlier,
            aging=frozenset(each.ref for each in aging if each.band != "normal"),
        )

    def forecasts(self, rollup: IncrementRollup, increment: Increment) -> tuple[Forecast, ...]:
        working = self._working_teams([rollup])
        if self.missing_dependencies or all(self.insufficient[team] for team in working):
            return fallback_forecasts(rollup, increment, self._now, self._reason)
        # Imported here: numpy and scipy are optional, and slow to load.
        from sync.forecast.forecasts import build_forecasts
        from sync.forecast.remaining_work import ForecastInputs

        inputs = ForecastInputs(at=self._now, flow=self._flow, team_models=self._team_models)
        return build_forecasts(rollup, increment, inputs)

    @cached_property
    def _team_models(self) -> dict[str, Any]:
        from sync.forecast.team_model import build_team_model

        return {name: build_team_model(name, issues, self._now) for name, issues in self.histories.items()}

    def _reason(self, team: str) -> str:
        return self.missing_dependencies or f"not enough history: {self.insufficient[team]}"

    def _working_teams(self, increments: Sequence[IncrementRollup]) -> set[str]:
        """Return the teams with open issues in unfinished capabilities."""
        capabilities = (each for increment in increments for each in increment.capabilities)
        return {
            team
            for each in capabilities
            if not each.cancelled and not each.finished
            for team in open_teams(each)
        }
