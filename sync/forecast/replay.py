"""One series replayed: what was forecast at each past moment, what the rivals said, and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from sync.forecast.baseline_models import line, weekly_bootstrap
from sync.forecast.calibration import Experience
from sync.forecast.cutoffs import origins_of
from sync.forecast.joint_model import PRIOR
from sync.forecast.outcomes import (
    CountOutcome,
    GroupOutcome,
    count_experience,
    count_outcomes,
    group_experience,
    group_outcomes,
)
from sync.forecast.series import GroupKind, Series
from sync.forecast.throughput_history import QUARTER, Floats, History, Ints
from sync.forecast.throughput_model import SPREAD_PRIOR, spread_of

LOSS_QUANTILES: Final = np.array([0.05, 0.15, 0.25, 0.5, 0.75, 0.85, 0.95])
MOST_GROUPS: Final = 1000
"""Group forecasts of one series; more are thinned out evenly over its time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CountCase:
    """How many issues a team closed, against what was forecast. Losses are in weeks of its recent throughput."""

    share: float
    place: float
    """Where the truth fell in our distribution, from 0 to 1; uniform if the forecast is calibrated."""
    rival_place: float
    loss: float
    rival_loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupCase:
    """What became of one group, against what was forecast."""

    kind: GroupKind
    share: float
    remaining: int
    closed: int
    place: float
    all_done: float
    half_done: float
    line_all: bool
    line_half: bool
    rival_all: float
    rival_half: float

    @property
    def half(self) -> int:
        """How many closes are half of what was open."""
        return (self.remaining + 1) // 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Replay:
    """All cases of one series."""

    name: str
    counts: tuple[CountCase, ...]
    groups: tuple[GroupCase, ...]


def replay(series: Series, generator: np.random.Generator, *, most_groups: int = MOST_GROUPS) -> Replay:
    """Forecast from every origin with only its past. The generator spreads ties and feeds the bootstrap."""
    origins = origins_of(series)
    counts = count_outcomes(series.history, origins)
    groups = list(group_outcomes(series, origins, most_groups))
    on_counts, on_groups = count_experience(counts), group_experience(groups)
    return Replay(
        name=series.name,
        counts=tuple(_count_case(series.history, each, on_counts, generator) for each in counts),
        groups=tuple(_group_case(each, on_groups, generator) for each in groups),
    )


def _count_case(
    history: History, outcome: CountOutcome, experience: Experience, generator: np.random.Generator
) -> CountCase:
    origin, closed = outcome.origin, outcome.closed
    past = history.until(origin.now)
    spread = spread_of(experience.beliefs(origin.now, SPREAD_PRIOR))
    law = outcome.law.spread_by(spread)
    rival = weekly_bootstrap(past, origin.days, generator)
    recent = max(past.closes_within(QUARTER) / 13, 0.1)
    around = np.array([closed - 1, closed])
    return CountCase(
        share=origin.share,
        place=_place(law.at_most(around), generator),
        rival_place=_place(_share_at_most(rival, around), generator),
        loss=_loss(law.quantiles(LOSS_QUANTILES).astype(np.float64), closed) / recent,
        rival_loss=_loss(np.quantile(rival, LOSS_QUANTILES), closed) / recent,
    )


def _group_case(outcome: GroupOutcome, experience: Experience, generator: np.random.Generator) -> GroupCase:
    origin, past, closed = outcome.origin, outcome.past, outcome.closed
    counts = experience.beliefs(origin.now, PRIOR) @ outcome.counts
    remaining = len(counts) - 1
    half = (remaining + 1) // 2
    straight = line(past, origin.days)
    rival = weekly_bootstrap(past, origin.days, generator)
    below = np.append(0.0, np.cumsum(counts))
    return GroupCase(
        kind=outcome.group.kind,
        share=origin.share,
        remaining=remaining,
        closed=closed,
        place=_place(below[closed : closed + 2], generator),
        all_done=float(counts[-1]),
        half_done=float(counts[half:].sum()),
        line_all=straight >= remaining,
        line_half=straight >= half,
        rival_all=float((rival >= remaining).mean()),
        rival_half=float((rival >= half).mean()),
    )


def _share_at_most(sample: Floats, counts: Ints) -> Floats:
    found: Floats = np.searchsorted(sample, counts, side="right") / len(sample)
    return found


def _place(around: Floats, generator: np.random.Generator) -> float:
    """Randomised probability integral transform: a draw between P(count < truth) and P(count <= truth)."""
    return float(around[0] + generator.random() * (around[1] - around[0]))


def _loss(quantiles: Floats, truth: int) -> float:
    """Pinball loss, averaged over the quantiles."""
    missed = truth - quantiles
    return float(np.maximum(LOSS_QUANTILES * missed, (LOSS_QUANTILES - 1) * missed).mean())
