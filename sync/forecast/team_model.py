"""Everything that a team's past says about its forecasts: pace, calibrated weights, and whether the data suffice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from connectors.wording import pluralize
from sync.forecast.calibration import (
    CASE_WINDOW_DAYS,
    MAX_CASES,
    backtest_cutoffs,
    group_likelihoods,
    group_outcomes,
    thin_out,
    throughput_likelihoods,
    throughput_outcomes,
)
from sync.forecast.hazard import estimate_hazard_rates
from sync.forecast.joint_model import CANDIDATE_PRIOR, TeamPace, team_pace
from sync.forecast.prerequisites import insufficient_data
from sync.forecast.throughput_history import (
    QUARTER_DAYS,
    BacktestSeries,
    Floats,
    HistoryAsOf,
    build_series,
    epoch_days,
)
from sync.forecast.throughput_model import RATE_WEEKS, VARIANCE_PRIOR, cap_bulk_closes, variance_factor
from sync.model.forecast import PastIssue

_MAX_THROUGHPUT_CUTOFFS: Final = 24
_STALLED_DAYS: Final = 21


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TeamModel:
    """Forecast parameters of a team at one moment."""

    name: str
    history: HistoryAsOf
    pace: TeamPace
    candidate_weights: Floats
    """Weights of ``joint_model.CANDIDATES``, by the groups of its past."""
    variance_factor: float
    """Factor on the variance of its throughput, by the increments of its past."""
    insufficient_data: str | None
    """Reason why the data do not suffice for a forecast; None if they do."""
    notes: tuple[str, ...]
    """Sentences about its past that a reader should know."""


def build_team_model(name: str, issues: Sequence[PastIssue], now: datetime) -> TeamModel:
    """Build the model from all issues of a team's sources, as known at ``now`` (aware)."""
    day = epoch_days(now)
    known = [issue for issue in issues if issue.created <= now]
    series = build_series(name, known, known_until=day)
    history = series.history.as_of(day)
    hazards = estimate_hazard_rates(history)
    weights, factor = _calibrate(series, day)
    return TeamModel(
        name=name,
        history=history,
        pace=team_pace(history, hazards),
        candidate_weights=weights,
        variance_factor=factor,
        insufficient_data=insufficient_data(name, issues, now),
        notes=tuple(_notes(name, history)),
    )


def _calibrate(series: BacktestSeries, now: float) -> tuple[Floats, float]:
    """Return the weights of the candidates and the factor on the variance."""
    if not len(series.history.created):
        return CANDIDATE_PRIOR, 1.0
    recent = [cutoff for cutoff in backtest_cutoffs(series) if cutoff.end > now - CASE_WINDOW_DAYS]
    groups = list(group_outcomes(series, recent, MAX_CASES))
    counts = throughput_outcomes(series.history, thin_out(recent, _MAX_THROUGHPUT_CUTOFFS))
    factor = variance_factor(throughput_likelihoods(counts).posterior_weights(now, VARIANCE_PRIOR))
    return group_likelihoods(groups).posterior_weights(now, CANDIDATE_PRIOR), factor


def _notes(name: str, history: HistoryAsOf) -> list[str]:
    _, bulk = cap_bulk_closes(history.weekly_counts(history.closed, RATE_WEEKS))
    notes = []
    if bulk:
        weeks = (
            "1 week, which counts as a busy week" if bulk == 1 else f"{bulk} weeks, which count as busy weeks"
        )
        notes.append(f"{name} closed many issues at once in {weeks} only")
    closed = history.closed[np.isfinite(history.closed)]
    stalled = int(history.now - closed.max()) if len(closed) else 0
    if stalled >= _STALLED_DAYS:
        notes.append(
            f"{name} has closed nothing for {pluralize(stalled, 'day')}, and the forecast includes these days"
        )
    if history.length_days < QUARTER_DAYS:
        notes.append(f"{name} has only {pluralize(int(history.length_days // 7), 'week')} of history")
    return notes
