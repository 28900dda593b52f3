"""A backtest from beginning to end: every series replayed, all scored together."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sync.forecast.cutoffs import LEAST_CLOSED, LEAST_OPEN
from sync.forecast.replay import MOST_GROUPS, Replay, replay
from sync.forecast.scores import Scores, scores_of
from sync.forecast.series import series_of
from sync.model.forecast import PastIssue


@dataclass(frozen=True, kw_only=True, slots=True)
class Backtest:
    """The table of all series, that of each alone, and what could not be scored."""

    together: Scores
    each: Mapping[str, Scores]
    unscored: Mapping[str, str]
    """Name of a series -> why."""
    most_groups: int = MOST_GROUPS


def backtest_of(
    histories: Mapping[str, Iterable[PastIssue]],
    seed: int,
    tell: Callable[[str, int, int], None],
) -> Backtest:
    """Replay each history with a generator of its own, so that its figures do not depend on what else is there."""
    replays: list[Replay] = []
    unscored: dict[str, str] = {}
    for index, (name, issues) in enumerate(histories.items()):
        tell(f"replaying {name}", index, len(histories))
        generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
        found = replay(series_of(name, issues), generator)
        if found.counts:
            replays.append(found)
        else:
            unscored[name] = (
                "no moment in 26 weeks or more of history "
                f"with {LEAST_OPEN} open issues and {LEAST_CLOSED} closed in 13 weeks"
            )
    return Backtest(
        together=scores_of(replays),
        each={replay.name: scores_of([replay]) for replay in replays},
        unscored=unscored,
    )
