"""What a team's whole past says: hazards, tempo, what it taught, and whether that is enough to say anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from sync.forecast.calibration import CASE_WINDOW_DAYS, MAX_CASES
from sync.forecast.cutoffs import Cutoff, backtest_cutoffs
from sync.forecast.data_sufficiency import insufficient_data
from sync.forecast.hazard import estimate_hazard_rates
from sync.forecast.joint_model import CANDIDATE_PRIOR, TeamPace, team_pace
from sync.forecast.outcomes import (
    group_likelihoods,
    group_outcomes,
    throughput_likelihoods,
    throughput_outcomes,
)
from sync.forecast.series import BacktestSeries, build_series
from sync.forecast.throughput_history import QUARTER_DAYS, Floats, HistoryAsOf, epoch_days
from sync.forecast.throughput_model import RATE_WEEKS, VARIANCE_PRIOR, cap_bulk_closes, variance_factor
from sync.model.forecast import PastIssue

_MAX_THROUGHPUT_CUTOFFS: Final = 24
_STALLED_DAYS: Final = 21


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TeamModel:
    """A team as its past shows it at one moment."""

    name: str
    history: HistoryAsOf
    pace: TeamPace
    candidate_weights: Floats
    """Weights of the candidates of ``group.py`` that its past groups earned."""
    variance_factor: float
    """Factor on the variance of its counts that its past increments earned."""
    insufficient_data: str | None
    """Why nothing can be said; None when there is enough."""
    notes: tuple[str, ...]
    """What a reader should know of its past."""


def build_team_model(name: str, issues: Sequence[PastIssue], now: datetime) -> TeamModel:
    """From all issues of a team's sources, whatever they count towards. Nothing after ``now`` (aware) is used."""
    day = epoch_days(now)
    series = build_series(name, [issue for issue in issues if issue.created <= now], known_until=day)
    past = series.history.as_of(day)
    hazards = estimate_hazard_rates(past)
    beliefs, spread = _calibrate(series, day)
    return TeamModel(
        name=name,
        history=past,
        pace=team_pace(past, hazards),
        candidate_weights=beliefs,
        variance_factor=spread,
        insufficient_data=insufficient_data(name, issues, now),
        notes=tuple(_notes(name, past)),
    )


def _calibrate(series: BacktestSeries, now: float) -> tuple[Floats, float]:
    if not len(series.history.created):
        return CANDIDATE_PRIOR, 1.0
    recent = [origin for origin in backtest_cutoffs(series) if origin.end > now - CASE_WINDOW_DAYS]
    groups = list(group_outcomes(series, recent, MAX_CASES))
    counts = throughput_outcomes(series.history, _thin_out(recent, _MAX_THROUGHPUT_CUTOFFS))
    spread = variance_factor(throughput_likelihoods(counts).posterior_weights(now, VARIANCE_PRIOR))
    return group_likelihoods(groups).posterior_weights(now, CANDIDATE_PRIOR), spread


def _thin_out(origins: Sequence[Cutoff], max_count: int) -> list[Cutoff]:
    if len(origins) <= max_count:
        return list(origins)
    return [origins[index] for index in np.linspace(0, len(origins) - 1, max_count).round().astype(int)]


def _notes(name: str, history: HistoryAsOf) -> list[str]:
    _, bulk = cap_bulk_closes(history.weekly_counts(history.closed, RATE_WEEKS))
    notes = []
    if bulk:
        weeks = "1 week" if bulk == 1 else f"{bulk} weeks"
        notes.append(f"{name} closed many issues at once in {weeks}, which count as busy weeks and no more")
    closed = history.closed[np.isfinite(history.closed)]
    stalled = int(history.now - closed.max()) if len(closed) else 0
    if stalled >= _STALLED_DAYS:
        notes.append(f"{name} has closed nothing for {stalled} days, and the forecast counts these days")
    if history.length_days < QUARTER_DAYS:
        notes.append(f"{name} has only {int(history.length_days // 7)} weeks of history")
    return notes
