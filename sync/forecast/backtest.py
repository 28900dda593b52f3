"""Backtest: forecast from past cutoffs of each series, beside baseline models, and score all of them.

Baselines are the linear projection (closes of the last 13 weeks continue at the same rate) and the weekly bootstrap
(whole weeks drawn from the last 13, as Monte Carlo tools do).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sync.forecast.calibration import (
    MIN_CLOSED_ISSUES,
    MIN_OPEN_ISSUES,
    GroupOutcome,
    LikelihoodRecord,
    ThroughputOutcome,
    backtest_cutoffs,
    group_likelihoods,
    group_outcomes,
    throughput_likelihoods,
    throughput_outcomes,
)
from sync.forecast.joint_model import CANDIDATE_PRIOR
from sync.forecast.scores import EventCase, GroupCase, Scores, SeriesReplay, ThroughputCase, scores_of
from sync.forecast.throughput_history import (
    QUARTER_DAYS,
    BacktestSeries,
    Floats,
    HistoryAsOf,
    ThroughputHistory,
    build_series,
)
from sync.forecast.throughput_model import VARIANCE_PRIOR, variance_factor
from sync.model.forecast import PastIssue

PINBALL_QUANTILES: Final = np.array([0.05, 0.15, 0.25, 0.5, 0.75, 0.85, 0.95])
MAX_GROUP_CASES: Final = 1000
"""Group forecasts of one series; if there are more, they are thinned out evenly over time."""
_BOOTSTRAP_WEEKS: Final = 13
TRIALS: Final = 1000
"""Simulations of the weekly bootstrap."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BacktestResult:
    """Scores of all series together and of each alone, and the series without a usable cutoff."""

    combined: Scores
    by_series: Mapping[str, Scores]
    unscored: Mapping[str, str]
    """Name of a series -> reason."""
    max_groups: int = MAX_GROUP_CASES


def run_backtest(
    histories: Mapping[str, Iterable[PastIssue]], seed: int, report_progress: Callable[[str, int, int], None]
) -> BacktestResult:
    """Replay and score each history. Each has its own generator, so that its scores do not depend on the others."""
    replays: list[SeriesReplay] = []
    unscored: dict[str, str] = {}
    for index, (name, issues) in enumerate(histories.items()):
        report_progress(f"replaying {name}", index, len(histories))
        generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
        found = replay_series(build_series(name, issues), generator)
        if found.throughput_cases:
            replays.append(found)
        else:
            unscored[name] = (
                "no cutoff in 26 weeks or more of history "
                f"with {MIN_OPEN_ISSUES} open issues and {MIN_CLOSED_ISSUES} closed in 13 weeks"
            )
    return BacktestResult(
        combined=scores_of(replays),
        by_series={replay.name: scores_of([replay]) for replay in replays},
        unscored=unscored,
    )


def replay_series(
    series: BacktestSeries, generator: np.random.Generator, *, max_groups: int = MAX_GROUP_CASES
) -> SeriesReplay:
    """Forecast from every cutoff with what was known then. The generator is used for ties and for the bootstrap."""
    cutoffs = backtest_cutoffs(series)
    counts = throughput_outcomes(series.history, cutoffs)
    groups = list(group_outcomes(series, cutoffs, max_groups))
    count_record, group_record = throughput_likelihoods(counts), group_likelihoods(groups)
    return SeriesReplay(
        name=series.name,
        throughput_cases=tuple(
            _throughput_case(series.history, each, count_record, generator) for each in counts
        ),
        group_cases=tuple(_group_case(each, group_record, generator) for each in groups),
    )


def _throughput_case(
    history: ThroughputHistory,
    outcome: ThroughputOutcome,
    record: LikelihoodRecord,
    generator: np.random.Generator,
) -> ThroughputCase:
    cutoff, closed = outcome.cutoff, outcome.closed
    past = history.as_of(cutoff.now)
    factor = variance_factor(record.posterior_weights(cutoff.now, VARIANCE_PRIOR))
    distribution = outcome.distribution.scale_variance(factor)
    bootstrap = weekly_bootstrap(past, cutoff.days_ahead, generator)
    recent = max(past.closed_within(QUARTER_DAYS) / 13, 0.1)
    bounds = np.array([closed - 1, closed])
    baseline_cdf = np.searchsorted(bootstrap, bounds, side="right") / TRIALS
    return ThroughputCase(
        elapsed_share=cutoff.elapsed_share,
        pit=_randomized_pit(distribution.cdf(bounds), generator),
        baseline_pit=_randomized_pit(baseline_cdf, generator),
        pinball_loss=_pinball_loss(distribution.quantiles(PINBALL_QUANTILES).astype(np.float64), closed)
        / recent,
        baseline_loss=_pinball_loss(np.quantile(bootstrap, PINBALL_QUANTILES), closed) / recent,
    )


def _group_case(outcome: GroupOutcome, record: LikelihoodRecord, generator: np.random.Generator) -> GroupCase:
    cutoff, past, closed = outcome.cutoff, outcome.history, outcome.closed
    counts = record.posterior_weights(cutoff.now, CANDIDATE_PRIOR) @ outcome.distributions
    remaining = len(counts) - 1
    linear = linear_projection(past, cutoff.days_ahead)
    bootstrap = weekly_bootstrap(past, cutoff.days_ahead, generator)
    cdf = np.append(0.0, np.cumsum(counts))

    def at_least(count: int) -> EventCase:
        return EventCase(
            probability=float(counts[count:].sum()),
            happened=closed >= count,
            linear=linear >= count,
            bootstrap=float((bootstrap >= count).mean()),
        )

    return GroupCase(
        kind=outcome.group.kind,
        elapsed_share=cutoff.elapsed_share,
        remaining=remaining,
        pit=_randomized_pit(cdf[closed : closed + 2], generator),
        all_done=at_least(remaining),
        half_done=at_least((remaining + 1) // 2),
    )


def linear_projection(history: HistoryAsOf, days: float) -> float:
    """Return the closes of the next ``days`` at the rate of the last 13 weeks, or of a shorter history."""
    observed = min(QUARTER_DAYS, max(history.length_days, 7.0))
    return history.closed_within(QUARTER_DAYS) / observed * days


def weekly_bootstrap(history: HistoryAsOf, days: float, generator: np.random.Generator) -> Floats:
    """Return simulated closes of the next ``days``, ascending: whole weeks drawn from the last 13, and a partial week.

    Weeks before a group's first issue count as weeks without a close, which makes the baseline harder to beat.
    """
    ago = (history.now - history.closed[history.closed > history.now - QUARTER_DAYS]) / 7
    closes = np.bincount(ago[np.isfinite(ago) & (ago >= 0)].astype(np.int64), minlength=_BOOTSTRAP_WEEKS)
    whole, part = divmod(days / 7, 1)
    drawn = closes[generator.integers(0, _BOOTSTRAP_WEEKS, (TRIALS, int(whole)))].sum(axis=1)
    last = closes[generator.integers(0, _BOOTSTRAP_WEEKS, TRIALS)]
    return np.sort(drawn + generator.binomial(last, part)).astype(np.float64)


def _randomized_pit(bounds: Floats, generator: np.random.Generator) -> float:
    """Draw between P(count < outcome) and P(count <= outcome).

    Randomized probability integral transform for counts (Czado, Gneiting and Held, Biometrics 65, 2009): uniform on
    0 to 1 if the forecast is calibrated.
    """
    return float(bounds[0] + generator.random() * (bounds[1] - bounds[0]))


def _pinball_loss(quantiles: Floats, outcome: int) -> float:
    """Return the pinball loss ``max(q * error, (q - 1) * error)``, averaged over PINBALL_QUANTILES."""
    error = outcome - quantiles
    return float(np.maximum(PINBALL_QUANTILES * error, (PINBALL_QUANTILES - 1) * error).mean())
