"""A team whose backtest supports health, and a capability of it that is nearly done."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.support import journey_world
from tests.support.journey_world import FEATURES, JourneyWorld, github_seed

_MODEL = "{id: model, "
PLAN, MAPPING = (
    "".join(line for line in text.splitlines(keepends=True) if _MODEL not in line)
    for text in (journey_world.PLAN, journey_world.MAPPING)
)
"""Plan and mapping without the capability of the Jira source."""
HEALTH_LABELS = {"health:on-track", "health:at-risk", "health:off-track"}


def random_issue_times(seed: int, days: int) -> list[tuple[float, float | None]]:
    """Return (days ago created, days ago closed) of batches of issues, some slow and some fast."""
    generator = random.Random(seed)
    found: list[tuple[float, float | None]] = []
    day = 0.0
    while day < days:
        size, slow = generator.choice([3, 5, 6, 8, 12, 15]), generator.lognormvariate(0, 0.5)
        for _ in range(size):
            created = day + generator.random() * 10
            closed = created + slow * generator.uniform(8, 30)
            if created < days - 25 and closed < days - 1:
                found.append((days - created, days - closed))
        day += 14 * generator.choice([0.4, 0.7, 1, 1.6, 2.2])
    return found


def proven_seed(features: int, *, age: int = 6, past: int = 640) -> dict[str, Any]:
    """Return a repository with ``past`` days of batches and ``features`` open issues of the capability."""
    seed = github_seed(0)
    issues = seed["repos"]["acme/churn"]["issues"]
    issues += [
        {"number": n, "title": "Build", "labels": ["features"], "created": f"{age}d ago"}
        for n in range(11, 11 + features)
    ]
    for number, (created, closed) in enumerate(random_issue_times(7, past), start=100):
        issues.append(
            {
                "number": number,
                "title": "Past work",
                "created": f"{round(created * 24)}h ago",
                "closed": f"{round(closed * 24)}h ago",
            }
        )
    return seed


def proven_world(make_world: Callable[..., JourneyWorld], features: int = 1, **more: Any) -> JourneyWorld:
    return make_world(jira=0, github=proven_seed(features, **more), plan=PLAN, mapping=MAPPING)


def health(world: JourneyWorld, key: str = FEATURES) -> set[str]:
    return world.labels(key) & HEALTH_LABELS
