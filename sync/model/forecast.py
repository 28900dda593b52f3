"""What a forecast says, as frozen values. Imports no numbers library, so that everybody may import it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from connectors.model import IssueRef

QUANTILES: Final = (0.025, 0.075, 0.15, 0.25, 0.5, 0.75, 0.85, 0.925, 0.975)
"""The bounds of the central 50, 70, 85 and 95 % intervals, and the median."""

FINISH_PROBABILITIES: Final = (0.5, 0.7, 0.85, 0.95)
"""How sure one may be of a day by which the rest is done."""

AgeBand = Literal["normal", "ageing", "old"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What is expected of one capability, goal or team."""

    subject: str
    """``capability:<id>``, ``goal:<id>`` or ``team:<id>``."""
    at: datetime
    """The moment that the forecast is made for; nothing later was used (aware, UTC)."""
    until: datetime
    """End of the increment, or of the capability's target day: first instant after it (aware, UTC)."""
    remaining: int
    """Issues that are open at ``at``."""
    counts: tuple[tuple[float, int], ...] = ()
    """(quantile, issues done from ``at`` to ``until``) at each of QUANTILES: of the remaining ones for a capability or
    goal, of all that the team closes for a team. Empty: no statement."""
    finish: tuple[tuple[float, date | None], ...] = ()
    """(probability, day by which all that is open now is done); None: not within two years. Empty: no statement."""
    probability: float | None = None
    """That all required work that is open now is done by ``until``; None: no statement."""
    reason: str | None = None
    """Why there is no probability, as a sentence."""
    assumptions: tuple[str, ...] = ()
    """What the figures rest on and a reader may doubt, as plain sentences."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AgingIssue:
    """One open issue, held against how long its team took for the issues that it closed."""

    ref: IssueRef
    team: str
    age_days: float
    """Since it went under way; since it was created where that is not known or has not happened."""
    percentile: float
    """Share of the team's closed issues that were done at a lower age, from 0 to 100."""
    band: AgeBand
    """``ageing`` from the 85th percentile on, ``old`` from the 95th."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PastIssue:
    """What a backtest needs to know of one issue. Times are aware."""

    created: datetime
    closed: datetime | None
    """When it left the open work for the last time, done or dropped; None while it is open."""
    labels: tuple[str, ...] = ()
    milestones: tuple[str, ...] = ()
