"""What the last run expected, from the store: for commands that ask and calculate nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sync.model.forecast import Forecast
from sync.model.health import Expected, Standing
from sync.runtime.context import Job
from sync.store.health_codec import expected_from, forecast_from, standing_from


def expected_last(job: Job) -> dict[str, Expected]:
    """What readers were told last, by subject."""
    return {
        subject: expected_from(body["expected"]) for subject, body in _bodies(job).items() if body["expected"]
    }


def forecasts_last(job: Job) -> dict[str, Forecast]:
    """The forecasts behind it, by subject; those of teams among them."""
    return {subject: forecast_from(body["forecast"]) for subject, body in _bodies(job).items()}


class Told:
    """Puts what the last run said in the place of what would be said now, so that all readers see the same figures."""

    def __init__(self, job: Job) -> None:
        self._forecasts, self._expected = forecasts_last(job), expected_last(job)

    def instead_of(self, fresh: Forecast) -> Forecast:
        """The forecast of the last run with the reason why it has no health; the fresh one when other work is left
        than was then, and for teams."""
        kept, expected = self._forecasts.get(fresh.subject), self._expected.get(fresh.subject)
        if kept is None or expected is None or (kept.remaining, kept.until) != (fresh.remaining, fresh.until):
            return fresh
        why = expected.why_no_health
        return replace(kept, assumptions=(*kept.assumptions, f"no health: {why}")) if why else kept


def track_records(job: Job) -> dict[str, str]:
    """How often earlier statements came true, by subject of the new ones."""
    return {subject: each.track_record for subject, each in expected_last(job).items() if each.track_record}


def standings_last(job: Job) -> dict[str, Standing]:
    """Which words are shown and which wait, by subject; of capabilities."""
    return {
        subject: standing_from(body["standing"]) for subject, body in _bodies(job).items() if body["standing"]
    }


def _bodies(job: Job) -> dict[str, Mapping[str, Any]]:
    """Under the names of today (``previously``)."""
    kept = job.store.expectations()
    former = {
        f"capability:{capability.id}": [f"capability:{old}" for old in capability.previously]
        for increment in job.workspace.increments
        for capability in increment.capabilities
        if capability.previously
    }
    for subject, olds in former.items():
        found = next((kept[old] for old in olds if old in kept), None)
        if subject not in kept and found is not None:
            kept[subject] = found
    return kept
