"""Derive expectations and health of capabilities and goals from their forecasts. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from connectors.model import IssueRef
from mappings.model import Increment
from sync.forecast.fallbacks import unfinished_required
from sync.forecast.health.track_record import describe_track_record
from sync.forecast.probability import describe_forecast
from sync.model.forecast import Forecast
from sync.model.health import DisplayedHealth, Expectation, ForecastStatement, TeamBacktest, health_of
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


class HealthEvaluation:
    """Expectations and health of the goals and capabilities of an increment. Cancelled ones are left out."""

    def __init__(
        self,
        rollup: IncrementRollup,
        increment: Increment,
        forecasts: Sequence[Forecast],
        evidence: HealthEvidence,
    ) -> None:
        self._zone, self._evidence = ZoneInfo(increment.timezone), evidence
        self.forecasts = {each.subject: each for each in forecasts}
        """The given forecasts by subject, without the probabilities that a backtest contradicts."""
        self.expectations: dict[str, Expectation] = {}
        self.displayed_health: dict[str, DisplayedHealth] = {}
        for goal in rollup.goals:
            # A goal needs the results of its capabilities, so they come first.
            for capability in goal.capabilities:
                self._evaluate_capability(capability)
            self._evaluate_goal(goal)

    def _evaluate_capability(self, capability: CapabilityRollup) -> None:
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
        self.forecasts[capability.subject] = forecast
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
                if issue.is_open and issue.ref in self._evidence.aging
            ),
        )

    def _evaluate_goal(self, goal: GoalRollup) -> None:
        """Give the goal the health of its worst required capability that is not finished."""
        forecast = self.forecasts.get(goal.subject)
        if forecast is None:
            return
        unfinished = unfinished_required(goal)
        teams = {team for each in unfinished for team in open_teams(each)}
        forecast = self._without_contradicted(forecast, sorted(teams))
        parts = {
            each.id: self.expectations[each.subject]
            for each in unfinished
            if each.subject in self.expectations
        }
        health = worst_health([each.health for each in parts.values()])
        reasons = [f"{name}: {each.why_no_health}" for name, each in parts.items() if each.why_no_health]
        self.forecasts[goal.subject] = forecast
        self.expectations[goal.subject] = replace(
            self._expectation(goal, forecast, ""),
            health=health,
            why_no_health=None if health else "; ".join(reasons) or None,
        )

    def _why_no_health(self, team: str) -> str | None:
        backtest = self._evidence.backtests.get(team)
        if backtest is None:
            return f"{team}'s history has not been backtested yet; one of the next runs does it"
        return backtest.why_no_health

    def _without_contradicted(self, forecast: Forecast, teams: Sequence[str]) -> Forecast:
        """Remove the probability if the backtest of one of the teams contradicts our forecasts."""
        backtests = (self._evidence.backtests.get(team) for team in teams)
        against = next(
            (each.why_no_health for each in backtests if each and each.contradicts_forecasts), None
        )
        if against is None or forecast.probability is None or not forecast.remaining:
            return forecast
        return replace(forecast, probability=None, reason=against)

    def _next_displayed_health(
        self, capability: CapabilityRollup, forecast: Forecast, no_health_reason: str | None
    ) -> DisplayedHealth:
        before = self._evidence.displayed_health.get(capability.subject, DisplayedHealth())
        if capability.uncertain:
            return before
        if capability.finished or not capability.issues or forecast.until <= forecast.at:
            return DisplayedHealth()
        probability = forecast.probability
        health = None if no_health_reason or probability is None else health_of(probability)
        return next_displayed_health(before, health, forecast.at.astimezone(self._zone).date())

    def _expectation(
        self, rollup: CapabilityRollup | GoalRollup, forecast: Forecast, team: str
    ) -> Expectation:
        counts, done = dict(forecast.counts), rollup.counts.done
        probability, words = describe_forecast(forecast)
        track_record = None
        if forecast.remaining:
            track_record = describe_track_record(self._evidence.earlier, team, forecast.probability)
        return Expectation(
            at=forecast.at,
            until=(forecast.until.astimezone(self._zone) - timedelta(seconds=1)).date(),
            probability=probability,
            words=words,
            likely=(done + counts[LOW_QUANTILE], done + counts[HIGH_QUANTILE]) if counts else None,
            most=done + forecast.remaining if counts else None,
            health=None,
            why_no_health=None,
            track_record=track_record,
        )


def next_displayed_health(displayed: DisplayedHealth, health: str | None, day: date) -> DisplayedHealth:
    """Return what is displayed after a run that found ``health`` on ``day`` (None: no health can be given).

    A change is displayed after runs on two different days found it and no run in between found anything else.
    """
    if health == displayed.shown:
        return replace(displayed, waiting=None, waits_since=None)
    if displayed.waits_since is None or displayed.waiting != health:
        return replace(displayed, waiting=health, waits_since=day)
    if day > displayed.waits_since:
        return DisplayedHealth(shown=health, before=displayed.shown, since=day)
    return displayed


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
    return sorted({issue.team for issue in capability.issues if issue.is_open})
