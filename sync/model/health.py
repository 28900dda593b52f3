"""What is said about how a subject will end, as frozen values. Imports no numbers library."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from connectors.model import IssueRef

HealthWord = Literal["on-track", "at-risk", "off-track"]

ON_TRACK: Final = 0.70
OFF_TRACK: Final = 0.30
"""On track from the one, off track below the other (domain: R7)."""

MIN_CASES: Final = 20
"""Moments of a team's past, and past statements of 70 % and more, from which on they prove something."""
MIN_COVERAGE, MAX_COVERAGE = 0.75, 0.95
"""How often the truth has to lie within the central 85 % interval of a team's past forecasts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamBacktest:
    """What a team's own past says of our forecasts."""

    team: str
    moments: int
    """Of its past at which its throughput was forecast."""
    held: float
    """Share of them at which the truth lay within the central 85 % interval."""
    sure: int
    """Groups of its past that were said to be done with 70 % or more."""
    sure_done: int
    """Those of them that were done in time."""

    @property
    def contradicts_forecasts(self) -> bool:
        """The past is long enough to judge, and our intervals were wrong too often (or so wide that they said
        nothing): then no probability is told either."""
        return self.moments >= MIN_CASES and not MIN_COVERAGE <= self.held <= MAX_COVERAGE

    @property
    def why_no_health(self) -> str | None:
        """Why no health may be said for this team; None when it may."""
        if self.moments < MIN_CASES:
            return (
                f"{self.team}'s past is too short to check forecasts with "
                f"({_count_of_minimum(self.moments, MIN_CASES)} moments; about a year is needed)"
            )
        if self.contradicts_forecasts:
            return (
                f"in {self.team}'s own past the 85 % range held the truth in {self.held:.0%} of {self.moments} cases"
                f" ({MIN_COVERAGE:.0%} to {MAX_COVERAGE:.0%} would be right)"
            )
        if self.sure < MIN_CASES:
            return (
                f"{self.team}'s own past has {_count_of_minimum(self.sure, MIN_CASES)} cases that were on track, too few to prove"
                " that such a word comes true"
            )
        if self.sure_done < ON_TRACK * self.sure:
            return (
                f"of {self.sure} cases in {self.team}'s own past that were called on track only {self.sure_done} were"
                " done in time"
            )
        return None


def _count_of_minimum(count: int, least: int) -> str:
    return f"{count} of at least {least}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DisplayedHealth:
    """The word that is shown for a capability, and the one that waits until it has held on two days.

    A word is None where none may be said.
    """

    shown: str | None = None
    before: str | None = None
    """The word that was shown before."""
    since: date | None = None
    """The day from which on ``shown`` is shown."""
    waiting: str | None = None
    waits_since: date | None = None
    """The day on which ``waiting`` was seen first, all runs since having seen it; None when nothing waits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """What readers are told of a capability or goal: the same on labels, in comments, in ``status`` and the report."""

    at: datetime
    """The moment of the forecast (aware, UTC)."""
    until: date
    """The last day of the time that it is about, in the increment's zone."""
    probability: float | None
    """That all required work that is open now is done by then, in steps of 0.05; None: no statement."""
    words: str
    """The same as a phrase, or why there is no statement."""
    likely: tuple[int, int] | None
    """Issues done by then, with those that are done now: the central 85 % interval. None: no statement."""
    most: int | None
    """What the interval is of: issues done now, and those left that the forecast is about."""
    health: str | None
    why_no_health: str | None
    health_before: str | None = None
    health_since: date | None = None
    """The day from which on the health is what it is; of capabilities."""
    track_record: str | None = None
    """How often earlier statements of this kind came true."""
    ageing: tuple[IssueRef, ...] = ()
    """Open issues that are older than 85 % of what their team finished."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForecastStatement:
    """A forecast that was kept to be held against what happens."""

    subject: str
    team: str
    """The owner's; empty for a goal."""
    at: datetime
    until: datetime
    probability: float | None
    low: int
    high: int
    """The central 85 % interval of how many of ``refs`` are closed by ``until``."""
    refs: tuple[IssueRef, ...]
    """The issues that were open at ``at``."""
    closed: int | None = None
    """How many of them were closed by ``until``; None until that is known."""
    known: int | None = None
    """How many of them are still known."""
    id: int | None = None

    @property
    def came_true(self) -> bool | None:
        """All of them were closed in time; None until that is known."""
        return None if self.closed is None else self.closed == self.known
