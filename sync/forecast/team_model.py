"""What a team's whole past says: hazards, tempo, what it taught, and whether that is enough to say anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from sync.forecast.calibration import MOST, WINDOW
from sync.forecast.cutoffs import Origin, origins_of
from sync.forecast.data_sufficiency import thin
from sync.forecast.hazard import hazards_of
from sync.forecast.joint_model import PRIOR, Team, team_of
from sync.forecast.outcomes import count_experience, count_outcomes, group_experience, group_outcomes
from sync.forecast.series import Series, series_of
from sync.forecast.throughput_history import QUARTER, Floats, Past, day_of
from sync.forecast.throughput_model import SPREAD_PRIOR, WEEKS, spread_of, without_bulk
from sync.model.forecast import PastIssue

_COUNT_ORIGINS: Final = 24
_STALL_DAYS: Final = 21


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TeamPast:
    """A team as its past shows it at one moment."""

    name: str
    past: Past
    team: Team
    beliefs: Floats
    """Weights of the candidates of ``group.py`` that its past groups earned."""
    spread: float
    """Factor on the variance of its counts that its past increments earned."""
    thin: str | None
    """Why nothing can be said; None when there is enough."""
    notes: tuple[str, ...]
    """What a reader should know of its past."""


def team_past(name: str, issues: Sequence[PastIssue], now: datetime) -> TeamPast:
    """From all issues of a team's sources, whatever they count towards. Nothing after ``now`` (aware) is used."""
    day = day_of(now)
    series = series_of(name, [issue for issue in issues if issue.created <= now], known_until=day)
    past = series.history.until(day)
    hazards = hazards_of(past)
    beliefs, spread = _taught(series, day)
    return TeamPast(
        name=name,
        past=past,
        team=team_of(past, hazards),
        beliefs=beliefs,
        spread=spread,
        thin=thin(name, issues, now),
        notes=tuple(_notes(name, past)),
    )


def _taught(series: Series, now: float) -> tuple[Floats, float]:
    if not len(series.history.created):
        return PRIOR, 1.0
    recent = [origin for origin in origins_of(series) if origin.end > now - WINDOW]
    groups = list(group_outcomes(series, recent, MOST))
    counts = count_outcomes(series.history, _evenly(recent, _COUNT_ORIGINS))
    spread = spread_of(count_experience(counts).beliefs(now, SPREAD_PRIOR))
    return group_experience(groups).beliefs(now, PRIOR), spread


def _evenly(origins: Sequence[Origin], most: int) -> list[Origin]:
    if len(origins) <= most:
        return list(origins)
    return [origins[index] for index in np.linspace(0, len(origins) - 1, most).round().astype(int)]


def _notes(name: str, past: Past) -> list[str]:
    _, bulk = without_bulk(past.weekly(past.closed, WEEKS))
    notes = []
    if bulk:
        weeks = "1 week" if bulk == 1 else f"{bulk} weeks"
        notes.append(f"{name} closed many issues at once in {weeks}, which count as busy weeks and no more")
    closed = past.closed[np.isfinite(past.closed)]
    stalled = int(past.now - closed.max()) if len(closed) else 0
    if stalled >= _STALL_DAYS:
        notes.append(f"{name} has closed nothing for {stalled} days, and the forecast counts these days")
    if past.days < QUARTER:
        notes.append(f"{name} has only {int(past.days // 7)} weeks of history")
    return notes
