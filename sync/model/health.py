"""Health of capabilities and goals as frozen values. Imports no numbers library."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from connectors.model import IssueRef

HealthWord = Literal["on-track", "at-risk", "off-track"]

ON_TRACK: Final = 0.70
OFF_TRACK: Final = 0.30
"""A probability of at least ON_TRACK is on track, below OFF_TRACK off track (domain rule R7)."""

MIN_CASES: Final = 20
"""Cutoffs of a team's past, and on-track cases among them, that a backtest needs."""
MIN_COVERAGE, MAX_COVERAGE = 0.75, 0.95
"""Accepted coverage of the central 85% interval in a team's backtest."""


def health_of(probability: float) -> HealthWord:
    """Return the health of a probability, without hysteresis."""
    if probability >= ON_TRACK:
        return "on-track"
    return "off-track" if probability < OFF_TRACK else "at-risk"


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamBacktest:
    """Accuracy of our forecasts on a team's own past. Stored under the names of the fields."""

    team: str
    moments: int
    """Cutoffs at which its throughput was forecast."""
    held: float
    """Coverage: share of cutoffs at which the central 85% interval contained the outcome."""
    sure: int
    """Groups of its past with a probability of 70% or more (on track)."""
    sure_done: int
    """Number of these that were done in time."""

    @property
    def contradicts_forecasts(self) -> bool:
        """The past is long enough, and the intervals were wrong too often or too wide: no probability is given."""
        return self.moments >= MIN_CASES and not MIN_COVERAGE <= self.held <= MAX_COVERAGE

    @property
    def why_no_health(self) -> str | None:
        """Reason why this team's work gets no health; None if it gets one."""
        if self.moments < MIN_CASES:
            return (
                f"{self.team}'s history is too short to backtest forecasts "
                f"({_count_of_minimum(self.moments)} cutoffs; about a year is needed)"
            )
        if self.contradicts_forecasts:
            return (
                f"in {self.team}'s history the 85% interval contained the outcome in {self.held:.0%} of "
                f"{self.moments} cases ({MIN_COVERAGE:.0%} to {MAX_COVERAGE:.0%} is accepted)"
            )
        if self.sure < MIN_CASES:
            return (
                f"{self.team}'s history has {_count_of_minimum(self.sure)} cases that were on track, too few to show"
                " that on-track work is done in time"
            )
        if self.sure_done < ON_TRACK * self.sure:
            return f"of {self.sure} on-track cases in {self.team}'s history only {self.sure_done} were done in time"
        return None


def _count_of_minimum(count: int) -> str:
    return f"{count} of at least {MIN_CASES}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DisplayedHealth:
    """Health that is shown for a capability, and the one that waits until runs on two days agree on it.

    A value is None where no health can be given. Stored under the names of the fields.
    """

    shown: str | None = None
    before: str | None = None
    """Health that was shown before."""
    since: date | None = None
    """First day on which ``shown`` is shown."""
    waiting: str | None = None
    waits_since: date | None = None
    """First day of an unbroken row of runs that found ``waiting``; None when nothing waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """Forecast of a capability or goal as labels, comments, ``status`` and the report show it.

    Stored, and written by ``status --json``, under the names of the fields.
    """

    at: datetime
    """Moment of the forecast (aware, UTC)."""
    until: date
    """Last day of the forecast's time, in the increment's time zone."""
    probability: float | None
    """Probability that all required work that is open now is done by then, in steps of 0.05; None without one."""
    words: str
    """The probability as a phrase, or the reason why there is none."""
    likely: tuple[int, int] | None
    """85% interval of the issues done by then, including those that are done now; None without a forecast."""
    most: int | None
    """Total of the interval: issues done now and remaining issues."""
    health: str | None
    why_no_health: str | None
    health_before: str | None = None
    health_since: date | None = None
    """First day of the current health; capabilities only."""
    track_record: str | None = None
    """How often earlier forecasts of this kind came true."""
    ageing: tuple[IssueRef, ...] = ()
    """Aging WIP: open issues that are older than 85% of what their team finished."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastStatement:
    """Forecast that is recorded in order to compare it with the outcome."""

    subject: str
    team: str
    """Owner of the capability; empty for a goal."""
    at: datetime
    until: datetime
    probability: float | None
    low: int
    high: int
    """Bounds of the central 85% interval of the number of ``refs`` that are closed by ``until``."""
    refs: tuple[IssueRef, ...]
    """Issues that were open at ``at``."""
    closed: int | None = None
    """Number of them that were closed by ``until``; None until that is known."""
    known: int | None = None
    """Number of them that are still known."""
    id: int | None = None

    @property
    def came_true(self) -> bool | None:
        """True if all known issues were closed in time; None until that is known."""
        return None if self.closed is None else self.closed == self.known
