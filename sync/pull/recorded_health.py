"""What the last run expected, from the store: for commands that ask and calculate nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sync.model.forecast import Forecast
from sync.model.health import DisplayedHealth, Expectation
from sync.runtime.context import RunContext
from sync.store.health_codec import displayed_health_from, expectation_from, forecast_from


def load_expectations(job: RunContext) -> dict[str, Expectation]:
    """What readers were told last, by subject."""
    return {
        subject: expectation_from(body["expected"])
        for subject, body in _load_bodies(job).items()
        if body["expected"]
    }


def load_last_forecasts(job: RunContext) -> dict[str, Forecast]:
    """The forecasts behind it, by subject; those of teams among them."""
    return {subject: forecast_from(body["forecast"]) for subject, body in _load_bodies(job).items()}


class LastRunForecasts:
    """Puts what the last run said in the place of what would be said now, so that all readers see the same figures."""

    def __init__(self, job: RunContext) -> None:
        self._forecasts, self._expectations = load_last_forecasts(job), load_expectations(job)

    def prefer_recorded(self, fresh: Forecast) -> Forecast:
        """The forecast of the last run with the reason why it has no health; the fresh one when other work is left
        than was then, and for teams."""
        kept, expected = self._forecasts.get(fresh.subject), self._expectations.get(fresh.subject)
        if kept is None or expected is None or (kept.remaining, kept.until) != (fresh.remaining, fresh.until):
            return fresh
        why = expected.why_no_health
        return replace(kept, assumptions=(*kept.assumptions, f"no health: {why}")) if why else kept


def load_track_records(job: RunContext) -> dict[str, str]:
    """How often earlier statements came true, by subject of the new ones."""
    return {
        subject: each.track_record for subject, each in load_expectations(job).items() if each.track_record
    }


def load_displayed_health(job: RunContext) -> dict[str, DisplayedHealth]:
    """Which words are shown and which wait, by subject; of capabilities."""
    return {
        subject: displayed_health_from(body["standing"])
        for subject, body in _load_bodies(job).items()
        if body["standing"]
    }


def _load_bodies(job: RunContext) -> dict[str, Mapping[str, Any]]:
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
