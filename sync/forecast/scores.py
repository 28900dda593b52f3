"""Scores of a backtest: coverage of the intervals and error of the probabilities, beside the baseline models.

Coverage is the share of outcomes inside the central interval, by the probability integral transform (PIT). The Brier
score is the mean squared error of a probability (Brier, Monthly Weather Review 78, 1950). The calibration error is the
expected calibration error over ten bins. "Averaged" gives each series the same weight, "pooled" each case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sync.forecast.throughput_history import Floats, GroupKind, Ints

INTERVAL_LEVELS: Final = (0.5, 0.7, 0.85, 0.95)
ON_TRACK: Final = 0.7
"""Probability from which a capability is on track."""
_SIZE_BUCKETS: Final = (2, 3, 5, 8, 12)
_BINS: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class ThroughputCase:
    """Forecast of how many issues a team closes, with its outcome. Losses are in weeks of the recent throughput."""

    elapsed_share: float
    pit: float
    """Position of the outcome in the forecast distribution, from 0 to 1; uniform if the forecast is calibrated."""
    baseline_pit: float
    pinball_loss: float
    baseline_loss: float


@dataclass(frozen=True, kw_only=True, slots=True)
class EventCase:
    """Probability that a group has a number of closes by the end, with the outcome and the baseline models."""

    probability: float
    happened: bool
    linear: bool
    bootstrap: float


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupCase:
    """Forecast of one group, with its outcome."""

    kind: GroupKind
    elapsed_share: float
    remaining: int
    pit: float
    all_done: EventCase
    half_done: EventCase
    """At least half of the open issues, rounded up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesReplay:
    """All cases of one series."""

    name: str
    throughput_cases: tuple[ThroughputCase, ...]
    group_cases: tuple[GroupCase, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """Share of cases in which the central interval contained the outcome, averaged over series."""

    level: float
    average: float
    least: float
    """Of the worst series."""
    rival: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ThroughputScores:
    """Scores of the forecasts of how many issues a team closes."""

    cases: int
    coverage: tuple[Coverage, ...]
    loss: float
    """Pinball loss in weeks of throughput, averaged over series."""
    rival_loss: float
    against_rival: float
    """Relative difference to the weekly bootstrap: -0.1 is 10 % better."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Brier:
    """Brier score of a probability, and of each baseline; ``against`` is the relative difference to the baseline."""

    rate: float
    """Share of cases in which the event happened."""
    pooled: float
    averaged: float
    """Each series with the same weight."""
    rivals: Mapping[str, float]
    """Pooled."""
    rivals_averaged: Mapping[str, float]
    against: Mapping[str, float]
    against_averaged: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class OnTrack:
    """Number of cases that were on track, and of those that were done in time."""

    cases: int
    happened: int


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupScores:
    """Scores of the forecasts of groups that stand for capabilities."""

    cases: int
    kinds: Mapping[str, int]
    coverage: tuple[Coverage, ...]
    all_done: Brier
    half_done: Brier
    calibration_error: float
    """Expected calibration error of "all done": mean distance of probability and frequency, over ten bins."""
    on_track: OnTrack


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """Scores of one or more series."""

    series: tuple[str, ...]
    counts: ThroughputScores | None
    """None without a usable cutoff."""
    groups: GroupScores | None


def scores_of(replays: Sequence[SeriesReplay]) -> Scores:
    """Score the cases of all series together."""
    counted = [replay for replay in replays if replay.throughput_cases]
    grouped = [replay for replay in replays if replay.group_cases]
    return Scores(
        series=tuple(replay.name for replay in replays),
        counts=_throughput_scores([replay.throughput_cases for replay in counted]) if counted else None,
        groups=_group_scores([replay.group_cases for replay in grouped]) if grouped else None,
    )


def _throughput_scores(series: Sequence[Sequence[ThroughputCase]]) -> ThroughputScores:
    loss = _mean_of_means([[case.pinball_loss for case in cases] for cases in series])
    baseline_loss = _mean_of_means([[case.baseline_loss for case in cases] for cases in series])
    pits = [[case.pit for case in cases] for cases in series]
    baseline_pits = [[case.baseline_pit for case in cases] for cases in series]
    return ThroughputScores(
        cases=sum(map(len, series)),
        coverage=_coverage(pits, baseline_pits),
        loss=loss,
        rival_loss=baseline_loss,
        against_rival=loss / baseline_loss - 1,
    )


def _group_scores(series: Sequence[Sequence[GroupCase]]) -> GroupScores:
    cases = [case for each in series for case in each]
    predicted = np.array([case.all_done.probability for case in cases])
    happened = np.array([case.all_done.happened for case in cases], dtype=np.float64)
    owners = np.repeat(np.arange(len(series), dtype=np.int64), [len(each) for each in series])
    classes = np.array([_reference_class(case) for case in cases], dtype=np.int64)
    on_track = predicted >= ON_TRACK
    return GroupScores(
        cases=len(cases),
        kinds={kind: sum(case.kind == kind for case in cases) for kind in ("label", "milestone", "chunk")},
        coverage=_coverage([[case.pit for case in each] for each in series]),
        all_done=_brier([case.all_done for case in cases], owners, classes),
        half_done=_brier([case.half_done for case in cases], owners, classes),
        calibration_error=_calibration_error(predicted, happened),
        on_track=OnTrack(cases=int(on_track.sum()), happened=int(happened[on_track].sum())),
    )


def _reference_class(case: GroupCase) -> int:
    """Return the number of the class of groups with about the same size at the same part of the increment."""
    return int(np.digitize(case.remaining, _SIZE_BUCKETS)) * 10 + round(case.elapsed_share * 4)


def _reference_forecasts(happened: Floats, owners: Ints, classes: Ints) -> dict[str, Floats]:
    """Return forecasts without knowledge of the group: never, and the frequency in its class.

    ``base_rate`` comes from the other series (from the same one if it is alone). ``base_rate_in_hindsight`` comes from
    the scored cases themselves, which no forecaster can know.
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


def _brier(cases: Sequence[EventCase], owners: Ints, classes: Ints) -> Brier:
    happened = np.array([case.happened for case in cases], dtype=np.float64)
    baselines = {
        "line": np.array([case.linear for case in cases], dtype=np.float64),
        "weekly_bootstrap": np.array([case.bootstrap for case in cases]),
        **_reference_forecasts(happened, owners, classes),
    }
    ours = (np.array([case.probability for case in cases]) - happened) ** 2
    theirs = {name: (each - happened) ** 2 for name, each in baselines.items()}
    pooled, averaged = float(ours.mean()), _mean_by_series(ours, owners)
    pooled_baselines = {name: float(each.mean()) for name, each in theirs.items()}
    averaged_baselines = {name: _mean_by_series(each, owners) for name, each in theirs.items()}
    return Brier(
        rate=float(happened.mean()),
        pooled=pooled,
        averaged=averaged,
        rivals=pooled_baselines,
        rivals_averaged=averaged_baselines,
        against={name: _relative(pooled, each) for name, each in pooled_baselines.items()},
        against_averaged={name: _relative(averaged, each) for name, each in averaged_baselines.items()},
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
    found = []
    for level in INTERVAL_LEVELS:
        within = _share_within_interval(pits, level)
        baseline = _share_within_interval(baseline_pits, level) if baseline_pits else None
        found.append(
            Coverage(
                level=level,
                average=float(np.mean(within)),
                least=float(np.min(within)),
                rival=float(np.mean(baseline)) if baseline else None,
            )
        )
    return tuple(found)


def _share_within_interval(series: Sequence[Sequence[float]], level: float) -> list[float]:
    """Return the share of PITs inside the central interval, by series."""
    tail = (1 - level) / 2
    return [float(np.mean([tail < pit < 1 - tail for pit in pits])) for pits in series]


def _calibration_error(predicted: Floats, happened: Floats) -> float:
    bins = np.minimum((predicted * _BINS).astype(np.int64), _BINS - 1)
    total = 0.0
    for each in np.unique(bins):
        same = bins == each
        total += same.mean() * abs(predicted[same].mean() - happened[same].mean())
    return float(total)
