"""A backtest from beginning to end: every series replayed, all scored together."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sync.forecast.cutoffs import MIN_CLOSED_ISSUES, MIN_OPEN_ISSUES
from sync.forecast.replay import MAX_GROUP_CASES, SeriesReplay, replay_series
from sync.forecast.scores import Scores, scores_of
from sync.forecast.series import build_series
from sync.model.forecast import PastIssue


@dataclass(frozen=True, kw_only=True, slots=True)
class BacktestResult:
    """The table of all series, that of each alone, and what could not be scored."""

    combined: Scores
    by_series: Mapping[str, Scores]
    unscored: Mapping[str, str]
    """Name of a series -> why."""
    max_groups: int = MAX_GROUP_CASES


def run_backtest(
    histories: Mapping[str, Iterable[PastIssue]],
    seed: int,
    report_progress: Callable[[str, int, int], None],
) -> BacktestResult:
    """Replay each history with a generator of its own, so that its figures do not depend on what else is there."""
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
                "no moment in 26 weeks or more of history "
                f"with {MIN_OPEN_ISSUES} open issues and {MIN_CLOSED_ISSUES} closed in 13 weeks"
            )
    return BacktestResult(
        combined=scores_of(replays),
        by_series={replay.name: scores_of([replay]) for replay in replays},
        unscored=unscored,
    )
