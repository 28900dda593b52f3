"""How many issues of a group will be closed until a day, and how likely all of them are.

Each open issue has a chance by its age (``hazard.py``). On top of that a group has a luck of its own, shared by its
issues: people turn to a capability or turn away from it. That luck is a gamma-distributed factor on all hazards of the
group. Its mean follows what the group did in the last 13 weeks and the team's tempo of the last 4; its spread was
fitted on real histories, where half of the groups hardly move and some are finished in one go. It is integrated over
fixed quantiles: no random numbers, the same input gives the same bits. A second factor of each issue alone, integrated
in closed form, stands for all that its age does not tell: without it the last issues of a group are closed too readily.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from scipy.special import gammaincinv

from sync.forecast.hazard import HazardRates, expected_closed_count
from sync.forecast.throughput_history import QUARTER_DAYS, Floats, HistoryAsOf

QUADRATURE_POINTS: Final = 24
_MIDPOINTS: Final = (np.arange(QUADRATURE_POINTS) + 0.5) / QUADRATURE_POINTS
_PACE_DAYS: Final = 28.0
_PACE_PRIOR: Final = 10.0
"""Closes as expected that are added to both sides, so that few closes say little about the tempo."""
_GROUP_WEIGHT: Final = 0.373
"""Weight of log((1 + closes) / (1 + expected closes)) of the group in the last 13 weeks."""
_PACE_WEIGHT: Final = 1.134
"""Weight of the log tempo of the team in the last 4 weeks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateModel:
    """One kind of team. All three are logarithms."""

    log_mean: float
    """Of the group's luck, for a group and a team that do as usual."""
    log_shape: float
    """Of the group's luck with five open issues: the higher, the less groups differ."""
    log_shape_per_size: float = 0.231
    """What is added to the shape by log(open issues / 5)."""
    log_issue_shape: float = 1.259
    """Shape of each issue's own luck: the higher, the more alike are issues of one age."""


CANDIDATES: Final = (
    CandidateModel(log_mean=0.869, log_shape=-1.036),
    CandidateModel(log_mean=1.069, log_shape=-1.436),
    CandidateModel(log_mean=0.619, log_shape=-0.336),
    CandidateModel(log_mean=0.369, log_shape=0.364, log_shape_per_size=0.0, log_issue_shape=1.959),
    CandidateModel(log_mean=0.169, log_shape=1.064, log_shape_per_size=0.0, log_issue_shape=2.659),
    CandidateModel(log_mean=0.0, log_shape=1.964, log_shape_per_size=0.0, log_issue_shape=3.259),
)
"""The first was fitted by maximum likelihood on real histories, each repository weighing the same. Then one whose
groups differ more, and four on the way to a team that plans its capabilities and finishes them."""
_ISSUE_SHAPES: Final = np.exp([each.log_issue_shape for each in CANDIDATES])[:, None]
_LOG_MEANS: Final = np.array([each.log_mean for each in CANDIDATES])[:, None]
CANDIDATE_PRIOR: Final = np.array([0.75, 0.05, 0.05, 0.05, 0.05, 0.05])
"""What is believed of a team that has no past."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TeamPace:
    """What a team's past says about the issues it has open."""

    hazards: HazardRates
    log_pace: float
    """Log of the closes of the last 4 weeks over those to be expected at the hazards of two years."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TeamShare:
    """A group's issues of one team."""

    pace: TeamPace
    ages: Floats
    """Days since creation of the open issues."""
    closed: int
    """Issues of the group that were closed in the last 13 weeks."""
    expected_closed: float
    """Closes that the hazards made expect of the group in those weeks."""


def team_pace(history: HistoryAsOf, hazards: HazardRates) -> TeamPace:
    """Compare the last 4 weeks with the last two years."""
    seen = history.closed_within(_PACE_DAYS)
    usual = expected_closed_count(history, hazards, _PACE_DAYS)
    return TeamPace(hazards=hazards, log_pace=float(np.log((_PACE_PRIOR + seen) / (_PACE_PRIOR + usual))))


def team_share(history: HistoryAsOf, pace: TeamPace, days_until_start: float = 0.0) -> TeamShare:
    """A team's part of a group, from the past of the group's issues alone. ``days_until_start``: days until work on it begins."""
    return TeamShare(
        pace=pace,
        ages=history.open_ages + days_until_start,
        closed=history.closed_within(QUARTER_DAYS),
        expected_closed=expected_closed_count(history, pace.hazards, QUARTER_DAYS),
    )


def close_probabilities(shares: Sequence[TeamShare], days: float | Floats) -> Floats:
    """Chance of each open issue to be closed in the next days: candidates x quantiles of the group's luck x issues.

    The luck is shared by the parts of all teams; hazards and tempo are each team's own. With several horizons in
    ``days`` they are the first dimension.
    """
    remaining = sum(len(part.ages) for part in shares)
    ahead = np.asarray(days, dtype=np.float64)[..., None]
    closes = 1 + sum(part.closed for part in shares)
    expected = 1 + sum(part.expected_closed for part in shares)
    factor = (
        np.exp(_LOG_MEANS + _GROUP_WEIGHT * np.log(closes / expected))
        * _group_factor_quantiles(remaining)
        / _ISSUE_SHAPES
    )
    promised = [
        np.exp(_PACE_WEIGHT * part.pace.log_pace)
        * part.pace.hazards.cumulative_hazard(part.ages, part.ages + ahead)
        for part in shares
    ]
    pressure = np.concatenate([np.zeros((*ahead.shape[:-1], 0)), *promised], axis=-1)
    chances: Floats = factor[..., None] * pressure[..., None, None, :]
    np.log1p(chances, out=chances)
    chances *= -_ISSUE_SHAPES[..., None]
    np.expm1(chances, out=chances)
    np.negative(chances, out=chances)
    return chances


@cache
def _group_factor_quantiles(remaining: int) -> Floats:
    """Quantiles of the luck of a group with so many open issues, mean 1: candidates x quantiles."""
    size = np.log(max(remaining, 1) / 5)
    shapes = np.exp([[each.log_shape + each.log_shape_per_size * size] for each in CANDIDATES])
    quantiles: Floats = gammaincinv(shapes, _MIDPOINTS) / shapes
    return quantiles


def closed_count_distribution(probabilities: Floats) -> Floats:
    """Probability of each number of closes, from none to all of the issues, by candidate. In: as of ``close_probabilities``."""
    issues = probabilities.shape[-1]
    counts = np.zeros((*probabilities.shape[:-1], issues + 1))
    counts[..., 0] = 1.0
    for issue in range(issues):
        moved = counts[..., : issue + 1] * probabilities[..., issue : issue + 1]
        counts[..., : issue + 1] -= moved
        counts[..., 1 : issue + 2] += moved
    result: Floats = counts.mean(axis=1)
    return result


def all_closed_probability(probabilities: Floats) -> Floats:
    """Probability that none of the issues stays open, by candidate."""
    found: Floats = all_closed_by_factor(probabilities).mean(axis=-1)
    return found


def all_closed_by_factor(probabilities: Floats) -> Floats:
    """The same before it is averaged over the group's luck. Groups taken together: the product of theirs."""
    found: Floats = np.prod(probabilities, axis=-1)
    return found


def combine_groups(groups: Iterable[Floats]) -> Floats:
    """Groups taken together: their luck goes together. Lies between independence and "the worst decides"."""
    return np.concatenate(list(groups), axis=-1)


def count_quantiles(counts: Floats, probabilities: Iterable[float]) -> list[int]:
    """The smallest counts that are reached with at least these probabilities."""
    below = np.cumsum(counts)
    last = len(counts) - 1
    return [min(int(np.searchsorted(below, each - 1e-12)), last) for each in probabilities]
