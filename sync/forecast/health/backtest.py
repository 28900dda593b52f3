"""Backtests of each team's own past, at most once a day and only when the past has changed."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sync.model.forecast import PastIssue
from sync.model.health import TeamBacktest

MAX_TEAMS_PER_RUN: Final = 8
"""Backtests of one run; the next runs do those of the other teams."""
MAX_GROUP_CASES_PER_TEAM: Final = 300
"""Group forecasts of one team; if there are more, they are thinned out evenly over time."""
_MIN_HISTORY: Final = timedelta(weeks=26)
_INTERVAL_LEVEL: Final = 0.85

StoredBacktests = Mapping[str, tuple[datetime, str, TeamBacktest]]
"""Team -> (time, digest of the history, backtest), as ``Store.backtests`` returns it."""


class TeamBacktests:
    """Backtests of some teams, from the store where they are still valid."""

    def __init__(self, stored: StoredBacktests, now: datetime) -> None:
        self._stored, self._now = stored, now
        self.new_results: dict[str, tuple[str, dict[str, Any]]] = {}
        """Team -> (digest, fields) of the backtests that the store does not have yet."""

    def for_teams(self, histories: Mapping[str, Sequence[PastIssue]]) -> dict[str, TeamBacktest]:
        """Return team -> backtest. Teams without a backtest so far are left out."""
        found = ((name, self._for_team(name, issues)) for name, issues in sorted(histories.items()))
        return {name: each for name, each in found if each}

    def _for_team(self, name: str, issues: Sequence[PastIssue]) -> TeamBacktest | None:
        at, digest, last = self._stored.get(name, (None, "", None))
        if at is not None and at.astimezone(UTC).date() == self._now.astimezone(UTC).date():
            return last
        current = history_digest(issues)
        if current == digest or len(self.new_results) >= MAX_TEAMS_PER_RUN:
            return last
        found = backtest_team(name, issues, self._now)
        self.new_results[name] = current, asdict(found)
        return found


def history_digest(issues: Iterable[PastIssue]) -> str:
    """Return a hash of everything that a backtest uses."""
    rows = sorted((str(each.created), str(each.closed), each.labels, each.milestones) for each in issues)
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:24]


def backtest_team(name: str, issues: Sequence[PastIssue], now: datetime) -> TeamBacktest:
    """Replay a team's past. Deterministic: the same past gives the same result."""
    nothing = TeamBacktest(team=name, moments=0, held=0.0, sure=0, sure_done=0)
    if not issues or now - min(each.created for each in issues) < _MIN_HISTORY:
        return nothing
    # Imported here: numpy and scipy are optional, and slow to load.
    import numpy as np

    from sync.forecast.backtest import replay_series
    from sync.forecast.scores import scores_of
    from sync.forecast.throughput_history import build_series

    generator = np.random.default_rng([0, zlib.crc32(name.encode())])
    replay = replay_series(build_series(name, issues), generator, max_groups=MAX_GROUP_CASES_PER_TEAM)
    scores = scores_of([replay])
    if scores.counts is None:
        return nothing
    on_track = scores.groups.on_track if scores.groups else None
    return TeamBacktest(
        team=name,
        moments=scores.counts.cases,
        held=next(each.average for each in scores.counts.coverage if each.level == _INTERVAL_LEVEL),
        sure=on_track.cases if on_track else 0,
        sure_done=on_track.happened if on_track else 0,
    )
