"""What each team's own past says of our forecasts: looked at once a day at most, and only when it is another past."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sync.model.forecast import PastIssue
from sync.model.health import Backtest

MOST_TEAMS: Final = 8
"""Pasts that one run looks at; those that are left come with the next runs."""
MOST_GROUPS: Final = 300
"""Of one past; more are thinned out evenly over its time."""
_LEAST_HISTORY: Final = timedelta(weeks=26)
_LEVEL: Final = 0.85

Kept = Mapping[str, tuple[datetime, str, Backtest]]
"""As ``Store.backtests`` gives it."""


class Backtests:
    """The backtests of some teams. ``fresh`` is what has to be kept of them."""

    def __init__(self, kept: Kept, now: datetime) -> None:
        self._kept, self._now = kept, now
        self.fresh: dict[str, tuple[str, dict[str, Any]]] = {}

    def of(self, histories: Mapping[str, Sequence[PastIssue]]) -> dict[str, Backtest]:
        """Teams that are not looked at yet are left out."""
        found = {name: self._one(name, issues) for name, issues in sorted(histories.items())}
        return {name: each for name, each in found.items() if each}

    def _one(self, name: str, issues: Sequence[PastIssue]) -> Backtest | None:
        at, digest, last = self._kept.get(name, (None, "", None))
        if at is not None and at.astimezone(UTC).date() == self._now.astimezone(UTC).date():
            return last
        today = digest_of(issues)
        if today == digest or len(self.fresh) >= MOST_TEAMS:
            return last
        found = backtest(name, issues, self._now)
        self.fresh[name] = today, asdict(found)
        return found


def digest_of(issues: Iterable[PastIssue]) -> str:
    """Of all that a backtest sees."""
    told = sorted((str(each.created), str(each.closed), each.labels, each.milestones) for each in issues)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:24]


def backtest(name: str, issues: Sequence[PastIssue], now: datetime) -> Backtest:
    """Replay a team's past. The same past gives the same figures."""
    nothing = Backtest(team=name, moments=0, held=0.0, sure=0, sure_done=0)
    if not issues or now - min(each.created for each in issues) < _LEAST_HISTORY:
        return nothing
    import numpy as np

    from sync.forecast.replay import replay
    from sync.forecast.scores import scores_of
    from sync.forecast.series import series_of

    generator = np.random.default_rng([0, zlib.crc32(name.encode())])
    scores = scores_of([replay(series_of(name, issues), generator, most_groups=MOST_GROUPS)])
    if scores.counts is None:
        return nothing
    sure = scores.groups.on_track if scores.groups else None
    return Backtest(
        team=name,
        moments=scores.counts.cases,
        held=next(each.average for each in scores.counts.coverage if each.level == _LEVEL),
        sure=sure.cases if sure else 0,
        sure_done=sure.happened if sure else 0,
    )
