"""Synthetic issue histories for tests of forecasts. Days count from 2024-01-01."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from sync.forecast.throughput_history import HistoryAsOf, ThroughputHistory, epoch_days
from sync.model.forecast import PastIssue

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
ZERO = epoch_days(EPOCH)


def moment(day: float) -> datetime:
    return EPOCH + timedelta(days=day)


def history_as_of(times: list[tuple[float, float | None]], now: float) -> HistoryAsOf:
    """Return the history of (created, closed) times in days, as known on the day ``now``."""
    return throughput_history(times).as_of(ZERO + now)


def throughput_history(times: list[tuple[float, float | None]]) -> ThroughputHistory:
    return ThroughputHistory.from_times((moment(a), None if b is None else moment(b)) for a, b in times)


def steady(days: int, *, every: float = 2.0, takes: float = 10.0) -> list[tuple[float, float | None]]:
    """Return an issue every ``every`` days, each closed after ``takes`` days if that is over by then."""
    created = np.arange(0.0, days, every)
    return [(float(each), float(each) + takes if each + takes <= days else None) for each in created]


def random_issues(seed: int, *, days: int = 500, weekly: float = 4.0) -> list[PastIssue]:
    """Return random issues that are closed in bursts: half of them soon, half of them late, some never."""
    generator = random.Random(seed)
    issues = []
    day = 0.0
    while (day := day + generator.expovariate(weekly / 7)) < days:
        takes = generator.expovariate(1 / generator.choice([4, 60]))
        ends = day + takes if generator.random() < 0.9 else days + 1.0
        ends = (
            14 * round(ends / 14) + generator.random()
            if generator.random() < 0.5 and ends > day + 14
            else ends
        )
        issues.append(
            PastIssue(
                created=moment(day),
                closed=moment(ends) if ends <= days else None,
                labels=tuple(f"area-{n}" for n in range(4) if generator.random() < 0.2),
                milestones=(f"draft-{int(day // 90)}",) if generator.random() < 0.4 else (),
            )
        )
    return issues


def write_csv(path: Path, repo: str, issues: list[PastIssue]) -> Path:
    """Write a file that ``forecast backtest`` can read."""
    lines = ["repo,issue,created,closed,labels,milestone"]
    for number, each in enumerate(issues, start=1):
        closed = f"{each.closed:%Y-%m-%dT%H:%MZ}" if each.closed else ""
        labels, milestones = "|".join(each.labels), "|".join(each.milestones)
        lines.append(f"{repo},{number},{each.created:%Y-%m-%dT%H:%MZ},{closed},{labels},{milestones}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
