"""Forecasts from moments of the past, held against what happened, under every candidate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sync.forecast.calibration import LikelihoodRecord
from sync.forecast.cutoffs import Cutoff, groups_by_cutoff
from sync.forecast.hazard import estimate_hazard_rates
from sync.forecast.joint_model import (
    CANDIDATES,
    TeamPace,
    close_probabilities,
    closed_count_distribution,
    team_pace,
    team_share,
)
from sync.forecast.series import BacktestSeries, IssueGroup
from sync.forecast.throughput_history import Floats, HistoryAsOf, ThroughputHistory
from sync.forecast.throughput_model import VARIANCE_FACTORS, CountDistribution, throughput_distribution


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ThroughputOutcome:
    """What a team closed until an increment's end."""

    cutoff: Cutoff
    distribution: CountDistribution
    closed: int
    log_likelihoods: Floats
    """Log-likelihood of that, by factor in SPREADS."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GroupOutcome:
    """What became of a group's open issues."""

    cutoff: Cutoff
    group: IssueGroup
    history: HistoryAsOf
    distributions: Floats
    """What was forecast: candidates x number of closes."""
    closed: int


def throughput_outcomes(history: ThroughputHistory, cutoffs: Sequence[Cutoff]) -> list[ThroughputOutcome]:
    """One for each origin, in their order."""
    return [_throughput_outcome(history, origin) for origin in cutoffs]


def _throughput_outcome(history: ThroughputHistory, cutoff: Cutoff) -> ThroughputOutcome:
    past = history.as_of(cutoff.now)
    law = throughput_distribution(past, estimate_hazard_rates(past), cutoff.days_ahead)
    closed = _closed_after_cutoff(history, cutoff)
    around = np.array([closed - 1, closed])
    chances = np.array(
        [np.diff(law.scale_variance(float(factor)).cdf(around))[0] for factor in VARIANCE_FACTORS]
    )
    return ThroughputOutcome(
        cutoff=cutoff, distribution=law, closed=closed, log_likelihoods=_safe_log(chances)
    )


def group_outcomes(
    series: BacktestSeries, cutoffs: Sequence[Cutoff], max_cases: int
) -> Iterator[GroupOutcome]:
    """At most so many, in the order of their origins."""
    for origin, groups in groups_by_cutoff(series, cutoffs, max_cases):
        past = series.history.as_of(origin.now)
        team = team_pace(past, estimate_hazard_rates(past))
        for group in groups:
            yield _group_outcome(group, team, origin)


def _group_outcome(group: IssueGroup, pace: TeamPace, cutoff: Cutoff) -> GroupOutcome:
    past = group.history.as_of(cutoff.now)
    counts = closed_count_distribution(close_probabilities([team_share(past, pace)], cutoff.days_ahead))
    known = ThroughputHistory(created=past.created, closed=group.history.closed[: len(past.created)])
    return GroupOutcome(
        cutoff=cutoff,
        group=group,
        history=past,
        distributions=counts,
        closed=_closed_after_cutoff(known, cutoff),
    )


def throughput_likelihoods(outcomes: Sequence[ThroughputOutcome]) -> LikelihoodRecord:
    """What the outcomes teach about SPREADS."""
    return LikelihoodRecord(
        known_on=np.array([each.cutoff.end for each in outcomes]),
        log_likelihoods=np.array([each.log_likelihoods for each in outcomes]).reshape(
            -1, len(VARIANCE_FACTORS)
        ),
    )


def group_likelihoods(outcomes: Sequence[GroupOutcome]) -> LikelihoodRecord:
    """What the outcomes teach about CANDIDATES."""
    chances = np.array([each.distributions[:, each.closed] for each in outcomes]).reshape(-1, len(CANDIDATES))
    return LikelihoodRecord(
        known_on=np.array([each.cutoff.end for each in outcomes]),
        log_likelihoods=_safe_log(chances),
    )


def _safe_log(probabilities: Floats) -> Floats:
    logs: Floats = np.log(np.maximum(probabilities, 1e-12))
    return logs


def _closed_after_cutoff(history: ThroughputHistory, cutoff: Cutoff) -> int:
    return int(np.count_nonzero((history.closed > cutoff.now) & (history.closed <= cutoff.end)))
