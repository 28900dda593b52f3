"""One series replayed: what was forecast at each past moment, what the rivals said, and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sync.forecast.baseline_models import linear_projection, weekly_bootstrap
from sync.forecast.calibration import LikelihoodRecord
from sync.forecast.cutoffs import backtest_cutoffs
from sync.forecast.joint_model import CANDIDATE_PRIOR
from sync.forecast.outcomes import (
    GroupOutcome,
    ThroughputOutcome,
    group_likelihoods,
    group_outcomes,
    throughput_likelihoods,
    throughput_outcomes,
)
from sync.forecast.series import BacktestSeries, GroupKind
from sync.forecast.throughput_history import QUARTER_DAYS, Floats, Ints, ThroughputHistory
from sync.forecast.throughput_model import VARIANCE_PRIOR, variance_factor

PINBALL_QUANTILES: Final = np.array([0.05, 0.15, 0.25, 0.5, 0.75, 0.85, 0.95])
MAX_GROUP_CASES: Final = 1000
"""Group forecasts of one series; more are thinned out evenly over its time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ThroughputCase:
    """How many issues a team closed, against what was forecast. Losses are in weeks of its recent throughput."""

    elapsed_share: float
    pit: float
    """Where the truth fell in our distribution, from 0 to 1; uniform if the forecast is calibrated."""
    baseline_pit: float
    pinball_loss: float
    baseline_loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupCase:
    """What became of one group, against what was forecast."""

    kind: GroupKind
    elapsed_share: float
    remaining: int
    closed: int
    pit: float
    all_done_probability: float
    half_done_probability: float
    linear_all: bool
    linear_half: bool
    bootstrap_all: float
    bootstrap_half: float

    @property
    def half_of_remaining(self) -> int:
        """How many closes are half of what was open."""
        return (self.remaining + 1) // 2


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesReplay:
    """All cases of one series."""

    name: str
    throughput_cases: tuple[ThroughputCase, ...]
    group_cases: tuple[GroupCase, ...]


def replay_series(
    series: BacktestSeries, generator: np.random.Generator, *, max_groups: int = MAX_GROUP_CASES
) -> SeriesReplay:
    """Forecast from every origin with only its past. The generator spreads ties and feeds the bootstrap."""
    origins = backtest_cutoffs(series)
    counts = throughput_outcomes(series.history, origins)
    groups = list(group_outcomes(series, origins, max_groups))
    on_counts, on_groups = throughput_likelihoods(counts), group_likelihoods(groups)
    return SeriesReplay(
        name=series.name,
        throughput_cases=tuple(
            _throughput_case(series.history, each, on_counts, generator) for each in counts
        ),
        group_cases=tuple(_group_case(each, on_groups, generator) for each in groups),
    )


def _throughput_case(
    history: ThroughputHistory,
    outcome: ThroughputOutcome,
    record: LikelihoodRecord,
    generator: np.random.Generator,
) -> ThroughputCase:
    origin, closed = outcome.cutoff, outcome.closed
    past = history.as_of(origin.now)
    spread = variance_factor(record.posterior_weights(origin.now, VARIANCE_PRIOR))
    law = outcome.distribution.scale_variance(spread)
    rival = weekly_bootstrap(past, origin.days_ahead, generator)
    recent = max(past.closed_within(QUARTER_DAYS) / 13, 0.1)
    around = np.array([closed - 1, closed])
    return ThroughputCase(
        elapsed_share=origin.elapsed_share,
        pit=_randomized_pit(law.cdf(around), generator),
        baseline_pit=_randomized_pit(_empirical_cdf(rival, around), generator),
        pinball_loss=_pinball_loss(law.quantiles(PINBALL_QUANTILES).astype(np.float64), closed) / recent,
        baseline_loss=_pinball_loss(np.quantile(rival, PINBALL_QUANTILES), closed) / recent,
    )


def _group_case(outcome: GroupOutcome, record: LikelihoodRecord, generator: np.random.Generator) -> GroupCase:
    origin, past, closed = outcome.cutoff, outcome.history, outcome.closed
    counts = record.posterior_weights(origin.now, CANDIDATE_PRIOR) @ outcome.distributions
    remaining = len(counts) - 1
    half = (remaining + 1) // 2
    straight = linear_projection(past, origin.days_ahead)
    rival = weekly_bootstrap(past, origin.days_ahead, generator)
    below = np.append(0.0, np.cumsum(counts))
    return GroupCase(
        kind=outcome.group.kind,
        elapsed_share=origin.elapsed_share,
        remaining=remaining,
        closed=closed,
        pit=_randomized_pit(below[closed : closed + 2], generator),
        all_done_probability=float(counts[-1]),
        half_done_probability=float(counts[half:].sum()),
        linear_all=straight >= remaining,
        linear_half=straight >= half,
        bootstrap_all=float((rival >= remaining).mean()),
        bootstrap_half=float((rival >= half).mean()),
    )


def _empirical_cdf(sample: Floats, counts: Ints) -> Floats:
    found: Floats = np.searchsorted(sample, counts, side="right") / len(sample)
    return found


def _randomized_pit(bounds: Floats, generator: np.random.Generator) -> float:
    """Randomised probability integral transform: a draw between P(count < truth) and P(count <= truth)."""
    return float(bounds[0] + generator.random() * (bounds[1] - bounds[0]))


def _pinball_loss(quantiles: Floats, truth: int) -> float:
    """Pinball loss, averaged over the quantiles."""
    missed = truth - quantiles
    return float(np.maximum(PINBALL_QUANTILES * missed, (PINBALL_QUANTILES - 1) * missed).mean())
