"""What a backtest comes to: how often intervals held, and how far probabilities were off, beside their rivals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sync.forecast.replay import GroupCase, SeriesReplay, ThroughputCase
from sync.forecast.throughput_history import Floats, Ints

INTERVAL_LEVELS: Final = (0.5, 0.7, 0.85, 0.95)
ON_TRACK: Final = 0.7
"""From this probability on a capability would be called on track."""
_SIZE_BUCKETS: Final = (2, 3, 5, 8, 12)
_BINS: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """Share of cases in which the central interval held the truth, each series weighing the same."""

    level: float
    average: float
    least: float
    """Of the series that did worst."""
    rival: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ThroughputScores:
    """Of "how many will the team close"."""

    cases: int
    coverage: tuple[Coverage, ...]
    loss: float
    """Pinball loss in weeks of throughput, averaged over series."""
    rival_loss: float
    against_rival: float
    """Relative difference to the weekly bootstrap: -0.1 is 10 % better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Brier:
    """Mean squared error of a probability; ``against`` holds the relative difference to each rival's."""

    rate: float
    """How often it happened."""
    pooled: float
    averaged: float
    """Each series weighing the same."""
    rivals: Mapping[str, float]
    """Pooled."""
    rivals_averaged: Mapping[str, float]
    against: Mapping[str, float]
    against_averaged: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class OnTrack:
    """The cases that would have been called on track, and how many of them were done in time."""

    cases: int
    happened: int


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupScores:
    """Of groups that stand for capabilities."""

    cases: int
    kinds: Mapping[str, int]
    coverage: tuple[Coverage, ...]
    all_done: Brier
    half_done: Brier
    calibration_error: float
    """Of "all done": mean distance between what was said and what happened, over tenths (ECE)."""
    on_track: OnTrack


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """The table."""

    series: tuple[str, ...]
    counts: ThroughputScores | None
    """None when no series gave a usable moment."""
    groups: GroupScores | None


def scores_of(replays: Sequence[SeriesReplay]) -> Scores:
    """Score all series together."""
    counted = [replay for replay in replays if replay.throughput_cases]
    grouped = [replay for replay in replays if replay.group_cases]
    return Scores(
        series=tuple(replay.name for replay in replays),
        counts=_throughput_scores([replay.throughput_cases for replay in counted]) if counted else None,
        groups=_group_scores([replay.group_cases for replay in grouped]) if grouped else None,
    )


def _throughput_scores(series: Sequence[Sequence[ThroughputCase]]) -> ThroughputScores:
    loss = _mean_of_means([[case.pinball_loss for case in cases] for cases in series])
    rival_loss = _mean_of_means([[case.baseline_loss for case in cases] for cases in series])
    return ThroughputScores(
        cases=sum(map(len, series)),
        coverage=_coverage(
            [[case.pit for case in cases] for cases in series],
            [[case.baseline_pit for case in cases] for cases in series],
        ),
        loss=loss,
        rival_loss=rival_loss,
        against_rival=loss / rival_loss - 1,
    )


def _group_scores(series: Sequence[Sequence[GroupCase]]) -> GroupScores:
    cases = [case for each in series for case in each]
    happened = np.array([case.closed == case.remaining for case in cases], dtype=np.float64)
    half = np.array([case.closed >= case.half_of_remaining for case in cases], dtype=np.float64)
    said = _values(cases, lambda case: case.all_done_probability)
    owners = np.repeat(np.arange(len(series), dtype=np.int64), [len(each) for each in series])
    classes = np.array([_reference_class(case) for case in cases], dtype=np.int64)
    sure = said >= ON_TRACK
    return GroupScores(
        cases=len(cases),
        kinds={kind: sum(case.kind == kind for case in cases) for kind in ("label", "milestone", "chunk")},
        coverage=_coverage([[case.pit for case in each] for each in series]),
        all_done=_brier(
            said,
            happened,
            owners,
            {
                "line": _values(cases, lambda case: case.linear_all),
                "weekly_bootstrap": _values(cases, lambda case: case.bootstrap_all),
                **_reference_forecasts(happened, owners, classes),
            },
        ),
        half_done=_brier(
            _values(cases, lambda case: case.half_done_probability),
            half,
            owners,
            {
                "line": _values(cases, lambda case: case.linear_half),
                "weekly_bootstrap": _values(cases, lambda case: case.bootstrap_half),
                **_reference_forecasts(half, owners, classes),
            },
        ),
        calibration_error=_calibration_error(said, happened),
        on_track=OnTrack(cases=int(sure.sum()), happened=int(happened[sure].sum())),
    )


def _values(cases: Sequence[GroupCase], value_of: Callable[[GroupCase], float]) -> Floats:
    return np.array([value_of(case) for case in cases], dtype=np.float64)


def _reference_class(case: GroupCase) -> int:
    """Number of a class of groups of about the same size at the same part of the increment."""
    return int(np.digitize(case.remaining, _SIZE_BUCKETS)) * 10 + round(case.elapsed_share * 4)


def _reference_forecasts(happened: Floats, owners: Ints, classes: Ints) -> dict[str, Floats]:
    """What one would say who knows nothing of the group: never, or as often as in its class.

    ``base_rate`` comes from the other series (from the same one if it is alone), ``base_rate_in_hindsight`` from the
    very cases that it is scored on, which no forecaster can know.
    """
    hindsight, others = np.zeros(len(happened)), np.zeros(len(happened))
    overall = happened.mean()
    for each in np.unique(classes):
        alike = classes == each
        hindsight[alike] = happened[alike].mean()
        for owner in np.unique(owners):
            elsewhere = happened[alike & (owners != owner)]
            others[alike & (owners == owner)] = elsewhere.mean() if len(elsewhere) else overall
    alone = len(np.unique(owners)) == 1
    return {
        "never": np.zeros(len(happened)),
        "base_rate": hindsight if alone else others,
        "base_rate_in_hindsight": hindsight,
    }


def _brier(predicted: Floats, happened: Floats, owners: Ints, baselines: Mapping[str, Floats]) -> Brier:
    ours = (predicted - happened) ** 2
    theirs = {name: (each - happened) ** 2 for name, each in baselines.items()}
    pooled, averaged = float(ours.mean()), _mean_by_series(ours, owners)
    pooled_rivals = {name: float(each.mean()) for name, each in theirs.items()}
    averaged_rivals = {name: _mean_by_series(each, owners) for name, each in theirs.items()}
    return Brier(
        rate=float(happened.mean()),
        pooled=pooled,
        averaged=averaged,
        rivals=pooled_rivals,
        rivals_averaged=averaged_rivals,
        against={name: _relative(pooled, each) for name, each in pooled_rivals.items()},
        against_averaged={name: _relative(averaged, each) for name, each in averaged_rivals.items()},
    )


def _relative(ours: float, theirs: float) -> float:
    return ours / theirs - 1 if theirs else 0.0


def _mean_by_series(values: Floats, owners: Ints) -> float:
    return float(np.mean([values[owners == owner].mean() for owner in np.unique(owners)]))


def _mean_of_means(series: Sequence[Sequence[float]]) -> float:
    return float(np.mean([np.mean(each) for each in series]))


def _coverage(
    pits: Sequence[Sequence[float]], baseline_pits: Sequence[Sequence[float]] | None = None
) -> tuple[Coverage, ...]:
    return tuple(
        Coverage(
            level=level,
            average=float(np.mean(held)),
            least=float(np.min(held)),
            rival=float(np.mean(_share_within_interval(baseline_pits, level)))
            if baseline_pits is not None
            else None,
        )
        for level in INTERVAL_LEVELS
        for held in [_share_within_interval(pits, level)]
    )


def _share_within_interval(series: Sequence[Sequence[float]], level: float) -> list[float]:
    """Share of places inside the central interval, of each series."""
    out = (1 - level) / 2
    return [float(np.mean([out < place < 1 - out for place in places])) for places in series]


def _calibration_error(predicted: Floats, happened: Floats) -> float:
    bins = np.minimum((predicted * _BINS).astype(np.int64), _BINS - 1)
    return float(
        sum(
            (bins == each).mean() * abs(predicted[bins == each].mean() - happened[bins == each].mean())
            for each in np.unique(bins)
        )
    )
