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

from sync.forecast.hazard import Hazards, expected_closes
from sync.forecast.throughput_history import QUARTER, Floats, Past

QUADRATURE: Final = 24
_MIDPOINTS: Final = (np.arange(QUADRATURE) + 0.5) / QUADRATURE
_TEMPO_DAYS: Final = 28.0
_TEMPO_PRIOR: Final = 10.0
"""Closes as expected that are added to both sides, so that few closes say little about the tempo."""
_OWN: Final = 0.373
"""Weight of log((1 + closes) / (1 + expected closes)) of the group in the last 13 weeks."""
_TEMPO: Final = 1.134
"""Weight of the log tempo of the team in the last 4 weeks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One kind of team. All three are logarithms."""

    mean: float
    """Of the group's luck, for a group and a team that do as usual."""
    shape: float
    """Of the group's luck with five open issues: the higher, the less groups differ."""
    shape_size: float = 0.231
    """What is added to the shape by log(open issues / 5)."""
    likeness: float = 1.259
    """Shape of each issue's own luck: the higher, the more alike are issues of one age."""


CANDIDATES: Final = (
    Candidate(mean=0.869, shape=-1.036),
    Candidate(mean=1.069, shape=-1.436),
    Candidate(mean=0.619, shape=-0.336),
    Candidate(mean=0.369, shape=0.364, shape_size=0.0, likeness=1.959),
    Candidate(mean=0.169, shape=1.064, shape_size=0.0, likeness=2.659),
    Candidate(mean=0.0, shape=1.964, shape_size=0.0, likeness=3.259),
)
"""The first was fitted by maximum likelihood on real histories, each repository weighing the same. Then one whose
groups differ more, and four on the way to a team that plans its capabilities and finishes them."""
_LIKENESS: Final = np.exp([each.likeness for each in CANDIDATES])[:, None]
_MEANS: Final = np.array([each.mean for each in CANDIDATES])[:, None]
PRIOR: Final = np.array([0.75, 0.05, 0.05, 0.05, 0.05, 0.05])
"""What is believed of a team that has no past."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Team:
    """What a team's past says about the issues it has open."""

    hazards: Hazards
    tempo: float
    """Log of the closes of the last 4 weeks over those to be expected at the hazards of two years."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Part:
    """A group's issues of one team."""

    team: Team
    ages: Floats
    """Days since creation of the open issues."""
    closes: int
    """Issues of the group that were closed in the last 13 weeks."""
    expected: float
    """Closes that the hazards made expect of the group in those weeks."""


def team_of(past: Past, hazards: Hazards) -> Team:
    """Compare the last 4 weeks with the last two years."""
    seen = past.closes_within(_TEMPO_DAYS)
    usual = expected_closes(past, hazards, _TEMPO_DAYS)
    return Team(hazards=hazards, tempo=float(np.log((_TEMPO_PRIOR + seen) / (_TEMPO_PRIOR + usual))))


def part_of(past: Past, team: Team, wait: float = 0.0) -> Part:
    """A team's part of a group, from the past of the group's issues alone. ``wait``: days until work on it begins."""
    return Part(
        team=team,
        ages=past.open_ages + wait,
        closes=past.closes_within(QUARTER),
        expected=expected_closes(past, team.hazards, QUARTER),
    )


def chances_of(parts: Sequence[Part], days: float | Floats) -> Floats:
    """Chance of each open issue to be closed in the next days: candidates x quantiles of the group's luck x issues.

    The luck is shared by the parts of all teams; hazards and tempo are each team's own. With several horizons in
    ``days`` they are the first dimension.
    """
    remaining = sum(len(part.ages) for part in parts)
    ahead = np.asarray(days, dtype=np.float64)[..., None]
    closes = 1 + sum(part.closes for part in parts)
    expected = 1 + sum(part.expected for part in parts)
    factor = np.exp(_MEANS + _OWN * np.log(closes / expected)) * _luck(remaining) / _LIKENESS
    promised = [
        np.exp(_TEMPO * part.team.tempo) * part.team.hazards.between(part.ages, part.ages + ahead)
        for part in parts
    ]
    pressure = np.concatenate([np.zeros((*ahead.shape[:-1], 0)), *promised], axis=-1)
    chances: Floats = factor[..., None] * pressure[..., None, None, :]
    np.log1p(chances, out=chances)
    chances *= -_LIKENESS[..., None]
    np.expm1(chances, out=chances)
    np.negative(chances, out=chances)
    return chances


@cache
def _luck(remaining: int) -> Floats:
    """Quantiles of the luck of a group with so many open issues, mean 1: candidates x quantiles."""
    size = np.log(max(remaining, 1) / 5)
    shapes = np.exp([[each.shape + each.shape_size * size] for each in CANDIDATES])
    quantiles: Floats = gammaincinv(shapes, _MIDPOINTS) / shapes
    return quantiles


def count_chances(chances: Floats) -> Floats:
    """Probability of each number of closes, from none to all of the issues, by candidate. In: as of ``chances_of``."""
    issues = chances.shape[-1]
    counts = np.zeros((*chances.shape[:-1], issues + 1))
    counts[..., 0] = 1.0
    for issue in range(issues):
        moved = counts[..., : issue + 1] * chances[..., issue : issue + 1]
        counts[..., : issue + 1] -= moved
        counts[..., 1 : issue + 2] += moved
    result: Floats = counts.mean(axis=1)
    return result


def chance_of_all(chances: Floats) -> Floats:
    """Probability that none of the issues stays open, by candidate."""
    found: Floats = all_of(chances).mean(axis=-1)
    return found


def all_of(chances: Floats) -> Floats:
    """The same before it is averaged over the group's luck. Groups taken together: the product of theirs."""
    found: Floats = np.prod(chances, axis=-1)
    return found


def joint(groups: Iterable[Floats]) -> Floats:
    """Groups taken together: their luck goes together. Lies between independence and "the worst decides"."""
    return np.concatenate(list(groups), axis=-1)


def quantiles_of(counts: Floats, probabilities: Iterable[float]) -> list[int]:
    """The smallest counts that are reached with at least these probabilities."""
    below = np.cumsum(counts)
    last = len(counts) - 1
    return [min(int(np.searchsorted(below, each - 1e-12)), last) for each in probabilities]
