"""Calibrate candidate models with the past of a team: forecasts from past cutoffs against what happened.

The constants of the models were fitted on public repositories. A team that plans and finishes is steadier, so several
candidates compete, and each is weighted by the likelihood that it gave to the team's own past (Bayesian model
averaging, Hoeting et al., Statistical Science 14, 1999)::

    weight = prior * likelihood ** case weight, divided by the sum over the candidates

Cutoffs are those of pseudo-increments: 13 weeks long, started every 4 weeks. They overlap and repeat the same events,
therefore a case counts for a fifth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeVar

import numpy as np

from sync.forecast.hazard import estimate_hazard_rates
from sync.forecast.joint_model import (
    CANDIDATES,
    close_probabilities,
    closed_count_distribution,
    team_pace,
    team_share,
)
from sync.forecast.throughput_history import (
    MAX_GROUP_SIZE,
    MIN_GROUP_SIZE,
    QUARTER_DAYS,
    BacktestSeries,
    Floats,
    HistoryAsOf,
    IssueGroup,
    ThroughputHistory,
)
from sync.forecast.throughput_model import VARIANCE_FACTORS, CountDistribution, throughput_distribution

_T = TypeVar("_T")

STEP_DAYS: Final = 28.0
ELAPSED_SHARES: Final = (0.25, 0.5, 0.75)
"""Shares of an increment that are over at its cutoffs."""
MIN_OPEN_ISSUES: Final = 5
MIN_CLOSED_ISSUES: Final = 5
"""Closes in the last 13 weeks."""
CASE_WINDOW_DAYS: Final = 104 * 7.0
"""Age in days beyond which a case is not used."""
MAX_CASES: Final = 100
"""Number of cases with full weight; with more of them each counts less."""
_CASE_WEIGHT: Final = 0.2
_MIN_LOG_LIKELIHOOD: Final = -12.0
"""Lower bound, so that no single unpredictable case decides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cutoff:
    """Moment in the past from which a backtest forecasts to the end of a pseudo-increment, in days since the epoch."""

    elapsed_share: float
    now: float
    end: float

    @property
    def days_ahead(self) -> float:
        """Days from the cutoff to the end."""
        return self.end - self.now


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ThroughputOutcome:
    """Issues that a team closed between a cutoff and the end, beside the forecast."""

    cutoff: Cutoff
    distribution: CountDistribution
    closed: int

    def likelihoods(self) -> list[float]:
        """Return the likelihood of ``closed`` for each of VARIANCE_FACTORS."""
        bounds = np.array([self.closed - 1, self.closed])
        scaled = (self.distribution.scale_variance(float(factor)) for factor in VARIANCE_FACTORS)
        return [float(np.diff(each.cdf(bounds))[0]) for each in scaled]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GroupOutcome:
    """Issues of a group that were closed between a cutoff and the end, beside the forecast."""

    cutoff: Cutoff
    group: IssueGroup
    history: HistoryAsOf
    distributions: Floats
    """Forecast probabilities: candidates x number of closes."""
    closed: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LikelihoodRecord:
    """Log-likelihoods of past cases, and the day on which the outcome of each was known."""

    known_on: Floats
    log_likelihoods: Floats
    """Cases x candidates."""

    def posterior_weights(self, now: float, prior: Floats) -> Floats:
        """Return the weights of the candidates on the day ``now``, from cases known by then. They add up to 1."""
        usable = (self.known_on <= now) & (self.known_on > now - CASE_WINDOW_DAYS)
        count = int(np.count_nonzero(usable))
        if not count:
            return prior
        case = _CASE_WEIGHT * min(1.0, MAX_CASES / count)
        likelihoods = np.maximum(self.log_likelihoods[usable], _MIN_LOG_LIKELIHOOD)
        scores = np.log(prior) + case * likelihoods.sum(axis=0)
        weights = np.exp(scores - scores.max())
        normalized: Floats = weights / weights.sum()
        return normalized


def backtest_cutoffs(series: BacktestSeries) -> list[Cutoff]:
    """Return all usable cutoffs: 13 weeks of history before the increment, a known end, and enough activity."""
    found = []
    start = series.first_day + QUARTER_DAYS
    while start + QUARTER_DAYS <= series.known_until:
        for share in ELAPSED_SHARES:
            cutoff = Cutoff(elapsed_share=share, now=start + share * QUARTER_DAYS, end=start + QUARTER_DAYS)
            if _has_enough_activity(series.history.as_of(cutoff.now)):
                found.append(cutoff)
        start += STEP_DAYS
    return found


def _has_enough_activity(history: HistoryAsOf) -> bool:
    return (
        len(history.open_issue_ages) >= MIN_OPEN_ISSUES
        and history.closed_within(QUARTER_DAYS) >= MIN_CLOSED_ISSUES
    )


def groups_by_cutoff(
    series: BacktestSeries, cutoffs: Sequence[Cutoff], max_cases: int
) -> Iterator[tuple[Cutoff, list[IssueGroup]]]:
    """Yield the groups to forecast at each cutoff: 5 to 20 issues open in the last 13 weeks, some of them still open.

    At most ``max_cases`` pairs of cutoff and group are used, spread evenly over time.
    """
    cases = [(index, group) for group in series.groups for index in _usable_cutoffs(group, cutoffs)]
    cases.sort(key=itemgetter(0))
    for index, same in groupby(thin_out(cases, max_cases), key=itemgetter(0)):
        yield cutoffs[index], [group for _, group in same]


def thin_out(items: Sequence[_T], max_count: int) -> Sequence[_T]:
    """Return at most ``max_count`` items, spread evenly."""
    if len(items) <= max_count:
        return items
    return [items[index] for index in np.linspace(0, len(items) - 1, max_count).round().astype(int)]


def _usable_cutoffs(group: IssueGroup, cutoffs: Sequence[Cutoff]) -> list[int]:
    now = np.array([cutoff.now for cutoff in cutoffs])
    closed = np.sort(group.history.closed)
    known = np.searchsorted(group.history.created, now, side="right")
    recent = known - np.searchsorted(closed, now - QUARTER_DAYS, side="right")
    remaining = known - np.searchsorted(closed, now, side="right")
    fits = (recent >= MIN_GROUP_SIZE) & (recent <= MAX_GROUP_SIZE) & (remaining > 0)
    return [int(index) for index in np.flatnonzero(fits)]


def throughput_outcomes(history: ThroughputHistory, cutoffs: Sequence[Cutoff]) -> list[ThroughputOutcome]:
    """Forecast a team's throughput from each cutoff and compare it with what happened; same order."""
    found = []
    for cutoff in cutoffs:
        past = history.as_of(cutoff.now)
        distribution = throughput_distribution(past, estimate_hazard_rates(past), cutoff.days_ahead)
        closed = _closed_after_cutoff(history.closed, cutoff)
        found.append(ThroughputOutcome(cutoff=cutoff, distribution=distribution, closed=closed))
    return found


def group_outcomes(
    series: BacktestSeries, cutoffs: Sequence[Cutoff], max_cases: int
) -> Iterator[GroupOutcome]:
    """Forecast groups from the cutoffs and compare with what happened, in the order of the cutoffs."""
    for cutoff, groups in groups_by_cutoff(series, cutoffs, max_cases):
        past = series.history.as_of(cutoff.now)
        pace = team_pace(past, estimate_hazard_rates(past))
        for group in groups:
            known = group.history.as_of(cutoff.now)
            probabilities = close_probabilities([team_share(known, pace)], cutoff.days_ahead)
            yield GroupOutcome(
                cutoff=cutoff,
                group=group,
                history=known,
                distributions=closed_count_distribution(probabilities),
                # Only the issues that were known at the cutoff: later ones are not part of the forecast.
                closed=_closed_after_cutoff(group.history.closed[: len(known.created)], cutoff),
            )


def throughput_likelihoods(outcomes: Sequence[ThroughputOutcome]) -> LikelihoodRecord:
    """Return the likelihoods that the outcomes give to VARIANCE_FACTORS."""
    return _likelihood_record(outcomes, [each.likelihoods() for each in outcomes], len(VARIANCE_FACTORS))


def group_likelihoods(outcomes: Sequence[GroupOutcome]) -> LikelihoodRecord:
    """Return the likelihoods that the outcomes give to CANDIDATES."""
    likelihoods = [each.distributions[:, each.closed] for each in outcomes]
    return _likelihood_record(outcomes, likelihoods, len(CANDIDATES))


def _likelihood_record(
    outcomes: Sequence[ThroughputOutcome | GroupOutcome],
    likelihoods: Sequence[Floats | list[float]],
    candidates: int,
) -> LikelihoodRecord:
    return LikelihoodRecord(
        known_on=np.array([each.cutoff.end for each in outcomes]),
        log_likelihoods=np.log(np.maximum(np.array(likelihoods).reshape(-1, candidates), 1e-12)),
    )


def _closed_after_cutoff(closed: Floats, cutoff: Cutoff) -> int:
    return int(np.count_nonzero((closed > cutoff.now) & (closed <= cutoff.end)))
