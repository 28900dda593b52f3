"""From forecasts to what readers are told: health, probability and range of every capability and goal. Pure."""

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
from sync.forecast.probability import describe_probability, round_probability
from sync.model.forecast import Forecast
from sync.model.health import DisplayedHealth, Expectation, ForecastStatement, TeamBacktest
from sync.model.rollup import CapabilityRollup, GoalRollup, IncrementRollup

LOW_QUANTILE, HIGH_QUANTILE = 0.075, 0.925
"""The bounds of the central 85 % interval, the one that a team's past is held against."""
_HEALTH_WORST_FIRST: Final = ("off-track", "at-risk", "on-track")


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthEvidence:
    """What there is to judge by."""

    backtests: Mapping[str, TeamBacktest]
    """By team; one without is not checked yet."""
    displayed_health: Mapping[str, DisplayedHealth]
    """By subject, as the last run left them."""
    earlier: Sequence[ForecastStatement] = ()
    """Statements whose end is known."""
    aging: Collection[IssueRef] = field(default_factory=frozenset)
    """Open issues that are older than 85 % of what their team finished."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HealthEvaluation:
    """By subject."""

    expectations: dict[str, Expectation]
    forecasts: dict[str, Forecast]
    """As they were given, less the probabilities that a team's own past contradicts."""
    displayed_health: dict[str, DisplayedHealth]


def evaluate_health(
    rollup: IncrementRollup, increment: Increment, forecasts: Sequence[Forecast], evidence: HealthEvidence
) -> HealthEvaluation:
    """What is said of an increment's goals and capabilities; those that are cancelled are left out."""
    judging = _Evaluator(increment, {each.subject: each for each in forecasts}, evidence)
    for goal in rollup.goals:
        for capability in goal.capabilities:
            judging.evaluate_capability(capability)
        judging.evaluate_goal(goal)
    return HealthEvaluation(
        expectations=judging.expectations,
        forecasts=judging.forecasts | judging.adjusted_forecasts,
        displayed_health=judging.displayed_health,
    )


class _Evaluator:
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
        why = None if forecast.probability is not None else forecast.reason
        why = why or next((text for team in teams if (text := self._why_no_health(team))), None)
        standing = self._next_displayed_health(capability, forecast, why)
        if standing.shown is None and why is None and not capability.finished:
            why = "the word of a forecast is shown once runs of two days agree on it"
        self.adjusted_forecasts[capability.subject] = forecast
        self.displayed_health[capability.subject] = standing
        self.expectations[capability.subject] = replace(
            self._expectation(capability, forecast, capability.team),
            health=standing.shown,
            why_no_health=None if standing.shown or capability.finished else why,
            health_before=standing.before,
            health_since=standing.since,
            ageing=tuple(
                issue.ref
                for issue in capability.issues
                if _is_open(issue.state.state) and issue.ref in self.evidence.aging
            ),
        )

    def evaluate_goal(self, goal: GoalRollup) -> None:
        """As its worst required capability that is not finished."""
        forecast = self.forecasts.get(goal.subject)
        if forecast is None:
            return
        open_ones = [
            each for each in goal.capabilities if each.required and not each.cancelled and not each.finished
        ]
        teams = {team for each in open_ones for team in open_teams(each)}
        forecast = self._without_contradicted(forecast, sorted(teams))
        words = {
            each.id: self.expectations[each.subject]
            for each in open_ones
            if each.subject in self.expectations
        }
        health = worst_health([each.health for each in words.values()])
        unknown = "; ".join(
            f"{name}: {each.why_no_health}" for name, each in words.items() if each.why_no_health
        )
        self.adjusted_forecasts[goal.subject] = forecast
        self.expectations[goal.subject] = replace(
            self._expectation(goal, forecast, ""),
            health=health,
            why_no_health=None if health or not words else unknown or None,
        )

    def _why_no_health(self, team: str) -> str | None:
        backtest = self.evidence.backtests.get(team)
        if backtest is None:
            return f"{team}'s own past has not been checked yet; one of the next runs does it"
        return backtest.why_no_health

    def _without_contradicted(self, forecast: Forecast, teams: Sequence[str]) -> Forecast:
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
        word = None if no_health_reason or forecast.probability is None else health_of(forecast.probability)
        return next_displayed_health(before, word, forecast.at.astimezone(self.zone).date())

    def _expectation(
        self, rollup: CapabilityRollup | GoalRollup, forecast: Forecast, team: str
    ) -> Expectation:
        counts, done = dict(forecast.counts), rollup.counts.done
        probability, words = _probability_and_phrase(forecast)
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


def _probability_and_phrase(forecast: Forecast) -> tuple[float | None, str]:
    if forecast.probability is None:
        return None, forecast.reason or "no forecast yet"
    if not forecast.remaining:
        return 1.0, "nothing is left to do"
    probability = round_probability(forecast.probability)
    return probability, describe_probability(probability)


def worst_health(values: Sequence[str | None]) -> str | None:
    """Of the required capabilities that are not finished. One that is off track decides; beside it, one without a word
    leaves the goal without."""
    if "off-track" in values:
        return "off-track"
    if not values or None in values:
        return None
    return next(word for word in _HEALTH_WORST_FIRST if word in values)


def open_teams(capability: CapabilityRollup) -> list[str]:
    """Those with open issues in it."""
    return sorted({issue.team for issue in capability.issues if _is_open(issue.state.state)})


def _is_open(state: str) -> bool:
    return state in ("todo", "doing")
