"""Number of issues of a group that will be closed by a day, and the day by which all of them are.

Each open issue has a hazard by its age (``hazard.py``). A gamma-distributed factor multiplies the hazards of all issues
of a group, because people turn to a capability or away from it (a shared frailty model; Vaupel, Manton and Stallard,
Demography 16, 1979). The factor's mean follows the closes of the group in the last 13 weeks and the team's pace of the
last 4. Its spread was fitted on real histories, where half of the groups hardly move and some are finished at once.
A second gamma factor of each issue alone, integrated in closed form, stands for everything that the age does not tell;
without it the last issues of a group close too early. With the group's factor ``f``, the cumulative hazard ``H`` of an
issue and the shape ``a`` of its own factor, the probability that the issue is closed is (Lomax distribution) ::

    1 - (1 + f * H / a) ** -a

The group's factor is integrated over fixed quantiles. No random numbers are drawn: the same inputs give the same bits.
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
"""Closes that are added to the observed and to the expected count, so that few closes say little about the pace."""
_GROUP_WEIGHT: Final = 0.373
"""Weight of log((1 + closes) / (1 + expected closes)) of the group in the last 13 weeks."""
_PACE_WEIGHT: Final = 1.134
"""Weight of the log pace of the team in the last 4 weeks."""
MAX_DAYS: Final = 730.0
"""Days beyond which no completion date is given."""
_GRID_DAYS: Final = np.array([0.0, 7, 14, 28, 42, 63, 91, 126, 182, 273, 399, 547, MAX_DAYS])


@dataclass(frozen=True, kw_only=True, slots=True)
class CandidateModel:
    """Constants for one type of team. All are logarithms."""

    log_mean: float
    """Mean of the group's factor at the usual pace of group and team."""
    log_shape: float
    """Shape of the group's factor with five open issues; the higher, the less groups differ."""
    log_shape_per_size: float = 0.231
    """Change of the log shape per unit of log(open issues / 5)."""
    log_issue_shape: float = 1.259
    """Shape of each issue's own factor; the higher, the more alike are issues of the same age."""


CANDIDATES: Final = (
    CandidateModel(log_mean=0.869, log_shape=-1.036),
    CandidateModel(log_mean=1.069, log_shape=-1.436),
    CandidateModel(log_mean=0.619, log_shape=-0.336),
    CandidateModel(log_mean=0.369, log_shape=0.364, log_shape_per_size=0.0, log_issue_shape=1.959),
    CandidateModel(log_mean=0.169, log_shape=1.064, log_shape_per_size=0.0, log_issue_shape=2.659),
    CandidateModel(log_mean=0.0, log_shape=1.964, log_shape_per_size=0.0, log_issue_shape=3.259),
)
"""The first one was fitted by maximum likelihood on real histories, each repository with the same weight. The second
has groups that differ more; the others lead to a team that plans its capabilities and finishes them."""
_ISSUE_SHAPES: Final = np.exp([each.log_issue_shape for each in CANDIDATES])[:, None]
_LOG_MEANS: Final = np.array([each.log_mean for each in CANDIDATES])[:, None]
CANDIDATE_PRIOR: Final = np.array([0.75, 0.05, 0.05, 0.05, 0.05, 0.05])
"""Weights of the candidates for a team without a past."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TeamPace:
    """Hazard rates of a team over two years, and its pace of the last 4 weeks relative to them."""

    hazards: HazardRates
    log_pace: float
    """Log of the closes of the last 4 weeks divided by those that the hazard rates predict."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TeamShare:
    """One team's share of a group."""

    pace: TeamPace
    ages: Floats
    """Days since creation of the open issues."""
    closed: int
    """Issues of the group that were closed in the last 13 weeks."""
    expected_closed: float
    """Closes of the group in these weeks that the hazard rates predict."""


def team_pace(history: HistoryAsOf, hazards: HazardRates) -> TeamPace:
    """Compare a team's last 4 weeks with the hazard rates of its last two years."""
    closed = history.closed_within(_PACE_DAYS)
    usual = expected_closed_count(history, hazards, _PACE_DAYS)
    return TeamPace(hazards=hazards, log_pace=float(np.log((_PACE_PRIOR + closed) / (_PACE_PRIOR + usual))))


def team_share(history: HistoryAsOf, pace: TeamPace, days_until_start: float = 0.0) -> TeamShare:
    """Build a team's share of a group from the history of the group's issues alone."""
    return TeamShare(
        pace=pace,
        ages=history.open_issue_ages + days_until_start,
        closed=history.closed_within(QUARTER_DAYS),
        expected_closed=expected_closed_count(history, pace.hazards, QUARTER_DAYS),
    )


def close_probabilities(shares: Sequence[TeamShare], days: float | Floats) -> Floats:
    """Return the probability that each open issue is closed in the next ``days``.

    Dimensions: candidates x quantiles of the group's factor x issues. With several horizons in ``days`` they are the
    first dimension. The shares of all teams have the group's factor in common; hazard rates and pace are each team's
    own.
    """
    remaining = sum(len(share.ages) for share in shares)
    ahead = np.asarray(days, dtype=np.float64)[..., None]
    closed = 1 + sum(share.closed for share in shares)
    expected = 1 + sum(share.expected_closed for share in shares)
    mean = np.exp(_LOG_MEANS + _GROUP_WEIGHT * np.log(closed / expected))
    factor = mean * _group_factor_quantiles(remaining) / _ISSUE_SHAPES
    hazards = [
        np.exp(_PACE_WEIGHT * share.pace.log_pace)
        * share.pace.hazards.cumulative_hazard(share.ages, share.ages + ahead)
        for share in shares
    ]
    hazard = np.concatenate([np.zeros((*ahead.shape[:-1], 0)), *hazards], axis=-1)
    # 1 - (1 + f * H / a) ** -a, computed in place: the array is the largest of a forecast.
    probabilities: Floats = factor[..., None] * hazard[..., None, None, :]
    np.log1p(probabilities, out=probabilities)
    probabilities *= -_ISSUE_SHAPES[..., None]
    np.expm1(probabilities, out=probabilities)
    np.negative(probabilities, out=probabilities)
    return probabilities


@cache
def _group_factor_quantiles(remaining: int) -> Floats:
    """Return quantiles of the factor (mean 1) of a group with ``remaining`` open issues: candidates x quantiles."""
    size = np.log(max(remaining, 1) / 5)
    shapes = np.exp([[each.log_shape + each.log_shape_per_size * size] for each in CANDIDATES])
    quantiles: Floats = gammaincinv(shapes, _MIDPOINTS) / shapes
    return quantiles


def closed_count_distribution(probabilities: Floats) -> Floats:
    """Return the probability of each number of closes, from none to all issues, by candidate.

    ``probabilities``: result of ``close_probabilities``. Given the group's factor the issues are independent: the count
    is Poisson binomial, and the loop adds one issue at a time.
    """
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
    """Return the probability that no issue stays open, by candidate."""
    found: Floats = np.prod(probabilities, axis=-1).mean(axis=-1)
    return found


def combine_groups(groups: Iterable[Floats]) -> Floats:
    """Join the probabilities of several groups into one group with a common factor.

    The result lies between independent groups and the group that is the least probable.
    """
    return np.concatenate(list(groups), axis=-1)


def count_quantiles(counts: Floats, probabilities: Iterable[float]) -> list[int]:
    """Return the smallest counts whose cumulative probability is at least each of ``probabilities``."""
    below = np.cumsum(counts)
    last = len(counts) - 1
    return [min(int(np.searchsorted(below, each - 1e-12)), last) for each in probabilities]


def completion_probabilities(shares: Sequence[TeamShare]) -> Floats:
    """Return the probability that a group is done after each time of a fixed grid: grid x candidates x quantiles.

    For groups that have to be done together, multiply their results.
    """
    found: Floats = np.prod(close_probabilities(shares, _GRID_DAYS), axis=-1)
    return found


def completion_days(
    completion: Floats, weights: Floats, probabilities: Sequence[float]
) -> list[float | None]:
    """Return the days after which all open issues are closed with each probability; None beyond two years.

    ``completion``: result of ``completion_probabilities``. Issues that are created later are not included.
    """
    reached: Floats = completion.mean(axis=-1) @ weights
    return [_first_day_reaching(reached, probability) for probability in probabilities]


def _first_day_reaching(reached: Floats, probability: float) -> float | None:
    beyond = np.flatnonzero(reached >= probability)
    if not len(beyond):
        return None
    # Linear interpolation between two points of the grid.
    index = int(beyond[0])
    low, high = reached[index - 1], reached[index]
    share = (probability - low) / (high - low)
    return float(_GRID_DAYS[index - 1] + share * (_GRID_DAYS[index] - _GRID_DAYS[index - 1]))
