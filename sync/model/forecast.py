"""Values of a forecast. Imports no numbers library."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from connectors.model import IssueRef

QUANTILES: Final = (0.025, 0.075, 0.15, 0.25, 0.5, 0.75, 0.85, 0.925, 0.975)
"""Bounds of the central 50%, 70%, 85% and 95% intervals, and the median."""

FINISH_PROBABILITIES: Final = (0.5, 0.7, 0.85, 0.95)
"""Probabilities for which a completion date is given."""

AgeBand = Literal["normal", "aging", "old"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """Forecast of one capability, goal or team."""

    subject: str
    """``capability:<id>``, ``goal:<id>`` or ``team:<id>``."""
    at: datetime
    """Moment of the forecast (aware, UTC); nothing later was used."""
    until: datetime
    """First instant after the increment, or after the capability's target date (aware, UTC)."""
    remaining: int
    """Issues that are open at ``at``."""
    counts: tuple[tuple[float, int], ...] = ()
    """(quantile, issues done from ``at`` to ``until``) at each of QUANTILES: of the remaining issues for a capability
    or goal, of all issues for a team. Empty without a forecast."""
    finish: tuple[tuple[float, date | None], ...] = ()
    """(probability, completion date of all work that is open now); None: beyond two years. Empty without a forecast."""
    probability: float | None = None
    """Probability that all required work that is open now is done by ``until``; None without a forecast."""
    reason: str | None = None
    """Sentence that says why there is no probability."""
    assumptions: tuple[str, ...] = ()
    """Assumptions of the forecast that a reader may question, as sentences."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgingIssue:
    """Age of one open issue, compared with the durations of its team's finished issues."""

    ref: IssueRef
    team: str
    age_days: float
    """Days since the issue was started; since its creation if no start is known."""
    percentile: float
    """Share of the team's finished issues with a shorter duration, from 0 to 100."""
    band: AgeBand
    """``aging`` from the 85th percentile on, ``old`` from the 95th."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PastIssue:
    """One issue as a backtest uses it. Times are aware."""

    created: datetime
    closed: datetime | None
    """Last time that it was done or dropped; None while it is open."""
    labels: tuple[str, ...] = ()
    milestones: tuple[str, ...] = ()
