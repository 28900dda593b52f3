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
from typing import Final

import numpy as np
from scipy.special import gammaincinv

from sync.forecast.hazard import Hazards, expected_closes
from sync.forecast.history import QUARTER, Floats, Past

QUADRATURE: Final = 24
_MIDPOINTS: Final = (np.arange(QUADRATURE) + 0.5) / QUADRATURE
_TEMPO_DAYS: Final = 28.0
_TEMPO_PRIOR: Final = 10.0
"""Closes as expected that are added to both sides, so that few closes say little about the tempo."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupWeights:
    """The fitted constants: log of the mean and of the shape of a group's factor are linear in the evidence."""

    mean: float
    own: float = 0.373
    """Of log((1 + closes) / (1 + expected closes)) of the group in the last 13 weeks."""
    tempo: float = 1.134
    """Of the log tempo of the team in the last 4 weeks."""
    shape: float
    shape_size: float = 0.231
    """Of log(open issues / 5)."""
    likeness: float = 1.259
    """Log of the shape of each issue's own luck: the higher, the more alike are issues of one age."""


FITTED: Final = GroupWeights(mean=0.869, shape=-1.036)
"""By maximum likelihood on real histories, each repository weighing the same."""
CANDIDATES: Final = (
    FITTED,
    GroupWeights(mean=1.069, shape=-1.436),
    GroupWeights(mean=0.619, shape=-0.336),
    GroupWeights(mean=0.369, shape=0.364, shape_size=0.0, likeness=1.959),
    GroupWeights(mean=0.169, shape=1.064, shape_size=0.0, likeness=2.659),
    GroupWeights(mean=0.0, shape=1.964, shape_size=0.0, likeness=3.259),
)
"""Kinds of teams, the fitted one first: one whose groups differ more, and four from the fitted one to a team that plans
its capabilities and finishes them, whose groups have hardly any luck of their own."""
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


def part_of(past: Past, team: Team) -> Part:
    """A team's part of a group, from the past of the group's issues alone."""
    return Part(
        team=team,
        ages=past.open_ages,
        closes=past.closes_within(QUARTER),
        expected=expected_closes(past, team.hazards, QUARTER),
    )


def chances_of(parts: Sequence[Part], days: float) -> Floats:
    """Chance of each open issue to be closed in the next days: candidates x quantiles of the group's luck x issues.

    The luck is shared by the parts of all teams; hazards and tempo are each team's own.
    """
    return np.stack([_chances(parts, days, weights) for weights in CANDIDATES])


def _chances(parts: Sequence[Part], days: float, weights: GroupWeights) -> Floats:
    remaining = sum(len(part.ages) for part in parts)
    if not remaining:
        return np.zeros((QUADRATURE, 0))
    closes = 1 + sum(part.closes for part in parts)
    expected = 1 + sum(part.expected for part in parts)
    base = weights.mean + weights.own * float(np.log(closes / expected))
    shape = float(np.exp(weights.shape + weights.shape_size * np.log(remaining / 5)))
    luck: Floats = gammaincinv(shape, _MIDPOINTS) / shape
    promised = [
        np.exp(base + weights.tempo * part.team.tempo)
        * part.team.hazards.between(part.ages, part.ages + days)
        for part in parts
    ]
    likeness = float(np.exp(weights.likeness))
    chances: Floats = -np.expm1(-likeness * np.log1p(np.outer(luck, np.concatenate(promised)) / likeness))
    return chances


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
    found: Floats = np.prod(chances, axis=-1).mean(axis=1)
    return found


def joint(groups: Iterable[Floats]) -> Floats:
    """Groups taken together: their luck goes together. Lies between independence and "the worst decides"."""
    return np.concatenate(list(groups), axis=-1)


def quantiles_of(counts: Floats, probabilities: Iterable[float]) -> list[int]:
    """The smallest counts that are reached with at least these probabilities."""
    below = np.cumsum(counts)
    last = len(counts) - 1
    return [min(int(np.searchsorted(below, each - 1e-12)), last) for each in probabilities]
