"""From forecasts to what readers are told: health, probability and range of every capability and goal. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from connectors.model import IssueRef
from mappings.model import Increment
from sync.forecast.health.hysteresis import settle, word_of
from sync.forecast.health.track_record import record_words
from sync.forecast.probability import chance_words, rounded
from sync.model.forecast import Forecast
from sync.model.health import Backtest, Expected, Standing, Statement
from sync.model.rollup import CapabilityRollup, GoalRollup, IncrementRollup

LOW, HIGH = 0.075, 0.925
"""The bounds of the central 85 % interval, the one that a team's past is held against."""
_WORST_FIRST: Final = ("off-track", "at-risk", "on-track")


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What there is to judge by."""

    backtests: Mapping[str, Backtest]
    """By team; one without is not checked yet."""
    standings: Mapping[str, Standing]
    """By subject, as the last run left them."""
    earlier: Sequence[Statement] = ()
    """Statements whose end is known."""
    old: Collection[IssueRef] = field(default_factory=frozenset)
    """Open issues that are older than 85 % of what their team finished."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """By subject."""

    expected: dict[str, Expected]
    forecasts: dict[str, Forecast]
    """As they were given, less the probabilities that a team's own past contradicts."""
    standings: dict[str, Standing]


def judge(
    rollup: IncrementRollup, increment: Increment, forecasts: Sequence[Forecast], evidence: Evidence
) -> Judged:
    """What is said of an increment's goals and capabilities; those that are cancelled are left out."""
    judging = _Judging(increment, {each.subject: each for each in forecasts}, evidence)
    for goal in rollup.goals:
        for capability in goal.capabilities:
            judging.capability(capability)
        judging.goal(goal)
    return Judged(
        expected=judging.expected, forecasts=judging.forecasts | judging.told, standings=judging.standings
    )


class _Judging:
    def __init__(self, increment: Increment, forecasts: dict[str, Forecast], evidence: Evidence) -> None:
        self.zone = ZoneInfo(increment.timezone)
        self.forecasts, self.evidence = forecasts, evidence
        self.expected: dict[str, Expected] = {}
        self.told: dict[str, Forecast] = {}
        self.standings: dict[str, Standing] = {}

    def capability(self, capability: CapabilityRollup) -> None:
        forecast = self.forecasts.get(capability.subject)
        if forecast is None or capability.cancelled:
            return
        teams = open_teams(capability)
        forecast = self._less_contradicted(forecast, teams)
        why = None if forecast.probability is not None else forecast.reason
        why = why or next((text for team in teams if (text := self._why_not(team))), None)
        standing = self._standing(capability, forecast, why)
        if standing.shown is None and why is None and not capability.finished:
            why = "the word of a forecast is shown once runs of two days agree on it"
        self.told[capability.subject] = forecast
        self.standings[capability.subject] = standing
        self.expected[capability.subject] = replace(
            self._expected(capability, forecast, capability.team),
            health=standing.shown,
            why_no_health=None if standing.shown or capability.finished else why,
            health_before=standing.before,
            health_since=standing.since,
            ageing=tuple(
                issue.ref
                for issue in capability.issues
                if _is_open(issue.state.state) and issue.ref in self.evidence.old
            ),
        )

    def goal(self, goal: GoalRollup) -> None:
        """As its worst required capability that is not finished."""
        forecast = self.forecasts.get(goal.subject)
        if forecast is None:
            return
        open_ones = [
            each for each in goal.capabilities if each.required and not each.cancelled and not each.finished
        ]
        teams = {team for each in open_ones for team in open_teams(each)}
        forecast = self._less_contradicted(forecast, sorted(teams))
        words = {each.id: self.expected[each.subject] for each in open_ones if each.subject in self.expected}
        health = worst([each.health for each in words.values()])
        unknown = "; ".join(
            f"{name}: {each.why_no_health}" for name, each in words.items() if each.why_no_health
        )
        self.told[goal.subject] = forecast
        self.expected[goal.subject] = replace(
            self._expected(goal, forecast, ""),
            health=health,
            why_no_health=None if health or not words else unknown or None,
        )

    def _why_not(self, team: str) -> str | None:
        backtest = self.evidence.backtests.get(team)
        if backtest is None:
            return f"{team}'s own past has not been checked yet; one of the next runs does it"
        return backtest.why_not

    def _less_contradicted(self, forecast: Forecast, teams: Sequence[str]) -> Forecast:
        found = [self.evidence.backtests[team] for team in teams if team in self.evidence.backtests]
        against = next((each.why_not for each in found if each.contradicts), None)
        if against is None or forecast.probability is None or not forecast.remaining:
            return forecast
        return replace(forecast, probability=None, reason=against)

    def _standing(self, capability: CapabilityRollup, forecast: Forecast, why: str | None) -> Standing:
        before = self.evidence.standings.get(capability.subject, Standing())
        if capability.uncertain:
            return before
        if capability.finished or not capability.issues or forecast.until <= forecast.at:
            return Standing()
        word = None if why or forecast.probability is None else word_of(forecast.probability)
        return settle(before, word, forecast.at.astimezone(self.zone).date())

    def _expected(self, rollup: CapabilityRollup | GoalRollup, forecast: Forecast, team: str) -> Expected:
        counts, done = dict(forecast.counts), rollup.counts.done
        probability, words = _chance(forecast)
        return Expected(
            at=forecast.at,
            until=self._last_day(forecast),
            probability=probability,
            words=words,
            likely=(done + counts[LOW], done + counts[HIGH]) if counts else None,
            most=done + forecast.remaining if counts else None,
            health=None,
            why_no_health=None,
            track_record=record_words(self.evidence.earlier, team, forecast.probability)
            if forecast.remaining
            else None,
        )

    def _last_day(self, forecast: Forecast) -> date:
        return (forecast.until.astimezone(self.zone) - timedelta(seconds=1)).date()


def _chance(forecast: Forecast) -> tuple[float | None, str]:
    if forecast.probability is None:
        return None, forecast.reason or "no forecast yet"
    if not forecast.remaining:
        return 1.0, "nothing is left to do"
    probability = rounded(forecast.probability)
    return probability, chance_words(probability)


def worst(words: Sequence[str | None]) -> str | None:
    """Of the required capabilities that are not finished. One that is off track decides; beside it, one without a word
    leaves the goal without."""
    if "off-track" in words:
        return "off-track"
    if not words or None in words:
        return None
    return next(word for word in _WORST_FIRST if word in words)


def open_teams(capability: CapabilityRollup) -> list[str]:
    """Those with open issues in it."""
    return sorted({issue.team for issue in capability.issues if _is_open(issue.state.state)})


def _is_open(state: str) -> bool:
    return state in ("todo", "doing")
