"""What each team's own past says of our forecasts: looked at once a day at most, and only when it is another past."""

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
"""Pasts that one run looks at; those that are left come with the next runs."""
MAX_GROUP_CASES_PER_TEAM: Final = 300
"""Of one past; more are thinned out evenly over its time."""
_MIN_HISTORY: Final = timedelta(weeks=26)
_INTERVAL_LEVEL: Final = 0.85

StoredBacktests = Mapping[str, tuple[datetime, str, TeamBacktest]]
"""As ``Store.backtests`` gives it."""


class TeamBacktests:
    """The backtests of some teams. ``fresh`` is what has to be kept of them."""

    def __init__(self, kept: StoredBacktests, now: datetime) -> None:
        self._kept, self._now = kept, now
        self.new_results: dict[str, tuple[str, dict[str, Any]]] = {}

    def for_teams(self, histories: Mapping[str, Sequence[PastIssue]]) -> dict[str, TeamBacktest]:
        """Teams that are not looked at yet are left out."""
        found = {name: self._for_team(name, issues) for name, issues in sorted(histories.items())}
        return {name: each for name, each in found.items() if each}

    def _for_team(self, name: str, issues: Sequence[PastIssue]) -> TeamBacktest | None:
        at, digest, last = self._kept.get(name, (None, "", None))
        if at is not None and at.astimezone(UTC).date() == self._now.astimezone(UTC).date():
            return last
        today = history_digest(issues)
        if today == digest or len(self.new_results) >= MAX_TEAMS_PER_RUN:
            return last
        found = backtest_team(name, issues, self._now)
        self.new_results[name] = today, asdict(found)
        return found


def history_digest(issues: Iterable[PastIssue]) -> str:
    """Of all that a backtest sees."""
    told = sorted((str(each.created), str(each.closed), each.labels, each.milestones) for each in issues)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:24]


def backtest_team(name: str, issues: Sequence[PastIssue], now: datetime) -> TeamBacktest:
    """Replay a team's past. The same past gives the same figures."""
    nothing = TeamBacktest(team=name, moments=0, held=0.0, sure=0, sure_done=0)
    if not issues or now - min(each.created for each in issues) < _MIN_HISTORY:
        return nothing
    import numpy as np

    from sync.forecast.replay import replay_series
    from sync.forecast.scores import scores_of
    from sync.forecast.series import build_series

    generator = np.random.default_rng([0, zlib.crc32(name.encode())])
    scores = scores_of(
        [replay_series(build_series(name, issues), generator, max_groups=MAX_GROUP_CASES_PER_TEAM)]
    )
    if scores.counts is None:
        return nothing
    sure = scores.groups.on_track if scores.groups else None
    return TeamBacktest(
        team=name,
        moments=scores.counts.cases,
        held=next(each.average for each in scores.counts.coverage if each.level == _INTERVAL_LEVEL),
        sure=sure.cases if sure else 0,
        sure_done=sure.happened if sure else 0,
    )
