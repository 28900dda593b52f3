"""Derive expectations and health of capabilities and goals from their forecasts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from connectors.model import IssueRef
from mappings.model import Increment
from sync.forecast.health.hysteresis import health_of, next_displayed_health
from sync.forecast.health.track_record import describe_track_record
from sync.forecast.probability import describe_forecast
from sync.model.forecast import Forecast
from sync.model.health import DisplayedHealth, Expectation, ForecastStatement, TeamBacktest
from sync.model.rollup import CapabilityRollup, GoalRollup, IncrementRollup

LOW_QUANTILE, HIGH_QUANTILE = 0.075, 0.925
"""Bounds of the central 85% interval, which the backtests check."""
_HEALTH_WORST_FIRST: Final = ("off-track", "at-risk", "on-track")


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthEvidence:
    """Everything besides the forecasts that health depends on."""

    backtests: Mapping[str, TeamBacktest]
    """By team; a missing team has not been backtested yet."""
    displayed_health: Mapping[str, DisplayedHealth]
    """By subject, as of the last run."""
    earlier: Sequence[ForecastStatement] = ()
    aging: Collection[IssueRef] = field(default_factory=frozenset)
    """Open issues that are older than 85% of what their team finished."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthEvaluation:
    """Result, by subject."""

    expectations: dict[str, Expectation]
    forecasts: dict[str, Forecast]
    """The given forecasts, without the probabilities that a backtest contradicts."""
    displayed_health: dict[str, DisplayedHealth]


def evaluate_health(
    rollup: IncrementRollup, increment: Increment, forecasts: Sequence[Forecast], evidence: HealthEvidence
) -> HealthEvaluation:
    """Evaluate the goals and capabilities of an increment. Cancelled ones are left out."""
    evaluator = _Evaluator(increment, {each.subject: each for each in forecasts}, evidence)
    for goal in rollup.goals:
        for capability in goal.capabilities:
            evaluator.evaluate_capability(capability)
        evaluator.evaluate_goal(goal)
    return HealthEvaluation(
        expectations=evaluator.expectations,
        forecasts=evaluator.forecasts | evaluator.adjusted_forecasts,
        displayed_health=evaluator.displayed_health,
    )


class _Evaluator:
    """Evaluates one increment. A goal needs the results of its capabilities, so they come first."""

    def __init__(
        self, increment: Increment, forecasts: dict[str, Forecast], evidence: HealthEvidence
    ) -> None:
        self.zone = ZoneInfo(increment.timezone)
        self.forecasts, self.evidence = forecasts, evidence
        self.expectations: dict[str, Expectation] = {}
        self.adjusted_forecasts: dict[str, Forecast] = {}
        self.displayed_health: dict[str, DisplayedHealth] = {}

    def evaluate_capability(self, capability: CapabilityRollup) -> None:
        forecast = self.forecasts.get(capability.subject)
        if forecast is None or capability.cancelled:
            return
        teams = open_teams(capability)
        forecast = self._without_contradicted(forecast, teams)
        reason = None if forecast.probability is not None else forecast.reason
        reason = reason or next((text for team in teams if (text := self._why_no_health(team))), None)
        displayed = self._next_displayed_health(capability, forecast, reason)
        if displayed.shown is None and reason is None and not capability.finished:
            reason = "health is shown once runs on two days agree on it"
        self.adjusted_forecasts[capability.subject] = forecast
        self.displayed_health[capability.subject] = displayed
        self.expectations[capability.subject] = replace(
            self._expectation(capability, forecast, capability.team),
            health=displayed.shown,
            why_no_health=None if displayed.shown or capability.finished else reason,
            health_before=displayed.before,
            health_since=displayed.since,
            ageing=tuple(
                issue.ref
                for issue in capability.issues
                if _is_open(issue.state.state) and issue.ref in self.evidence.aging
            ),
        )

    def evaluate_goal(self, goal: GoalRollup) -> None:
        """Give the goal the health of its worst required capability that is not finished."""
        forecast = self.forecasts.get(goal.subject)
        if forecast is None:
            return
        unfinished = [
            each for each in goal.capabilities if each.required and not each.cancelled and not each.finished
        ]
        teams = {team for each in unfinished for team in open_teams(each)}
        forecast = self._without_contradicted(forecast, sorted(teams))
        parts = {
            each.id: self.expectations[each.subject]
            for each in unfinished
            if each.subject in self.expectations
        }
        health = worst_health([each.health for each in parts.values()])
        reasons = "; ".join(
            f"{name}: {each.why_no_health}" for name, each in parts.items() if each.why_no_health
        )
        self.adjusted_forecasts[goal.subject] = forecast
        self.expectations[goal.subject] = replace(
            self._expectation(goal, forecast, ""),
            health=health,
            why_no_health=None if health or not parts else reasons or None,
        )

    def _why_no_health(self, team: str) -> str | None:
        backtest = self.evidence.backtests.get(team)
        if backtest is None:
            return f"{team}'s history has not been backtested yet; one of the next runs does it"
        return backtest.why_no_health

    def _without_contradicted(self, forecast: Forecast, teams: Sequence[str]) -> Forecast:
        """Remove the probability if the backtest of one of the teams contradicts our forecasts."""
        found = [self.evidence.backtests[team] for team in teams if team in self.evidence.backtests]
        against = next((each.why_no_health for each in found if each.contradicts_forecasts), None)
        if against is None or forecast.probability is None or not forecast.remaining:
            return forecast
        return replace(forecast, probability=None, reason=against)

    def _next_displayed_health(
        self, capability: CapabilityRollup, forecast: Forecast, no_health_reason: str | None
    ) -> DisplayedHealth:
        before = self.evidence.displayed_health.get(capability.subject, DisplayedHealth())
        if capability.uncertain:
            return before
        if capability.finished or not capability.issues or forecast.until <= forecast.at:
            return DisplayedHealth()
        probability = forecast.probability
        health = None if no_health_reason or probability is None else health_of(probability)
        return next_displayed_health(before, health, forecast.at.astimezone(self.zone).date())

    def _expectation(
        self, rollup: CapabilityRollup | GoalRollup, forecast: Forecast, team: str
    ) -> Expectation:
        counts, done = dict(forecast.counts), rollup.counts.done
        probability, words = describe_forecast(forecast)
        return Expectation(
            at=forecast.at,
            until=self._last_day(forecast),
            probability=probability,
            words=words,
            likely=(done + counts[LOW_QUANTILE], done + counts[HIGH_QUANTILE]) if counts else None,
            most=done + forecast.remaining if counts else None,
            health=None,
            why_no_health=None,
            track_record=describe_track_record(self.evidence.earlier, team, forecast.probability)
            if forecast.remaining
            else None,
        )

    def _last_day(self, forecast: Forecast) -> date:
        return (forecast.until.astimezone(self.zone) - timedelta(seconds=1)).date()


def worst_health(values: Sequence[str | None]) -> str | None:
    """Return the health of a goal from those of its required, unfinished capabilities.

    One that is off track decides. Otherwise a capability without health leaves the goal without.
    """
    if "off-track" in values:
        return "off-track"
    if not values or None in values:
        return None
    return next(health for health in _HEALTH_WORST_FIRST if health in values)


def open_teams(capability: CapabilityRollup) -> list[str]:
    """Return the teams with open issues in a capability."""
    return sorted({issue.team for issue in capability.issues if _is_open(issue.state.state)})


def _is_open(state: str) -> bool:
    return state in ("todo", "doing")
