"""Load the health and the forecasts that the last run saved. Nothing is calculated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.model.forecast import Forecast
from sync.model.health import DisplayedHealth, Expectation
from sync.runtime.context import RunContext
from sync.store.health_codec import displayed_health_from, expectation_from, forecast_from


def load_expectations(context: RunContext) -> dict[str, Expectation]:
    """Return subject -> expectation, as readers saw it last."""
    return {
        subject: expectation_from(body["expected"])
        for subject, body in _load_bodies(context).items()
        if body["expected"]
    }


def load_last_forecasts(context: RunContext) -> dict[str, Forecast]:
    """Return subject -> forecast of the last run, including those of teams."""
    return {subject: forecast_from(body["forecast"]) for subject, body in _load_bodies(context).items()}


def load_track_records(context: RunContext) -> dict[str, str]:
    """Return subject -> sentence about how often earlier forecasts came true."""
    return {
        subject: each.track_record
        for subject, each in load_expectations(context).items()
        if each.track_record
    }


def load_displayed_health(context: RunContext) -> dict[str, DisplayedHealth]:
    """Return capability subject -> health that is shown, and the one that waits."""
    return {
        subject: displayed_health_from(body["standing"])
        for subject, body in _load_bodies(context).items()
        if body["standing"]
    }


def _load_bodies(context: RunContext) -> dict[str, Mapping[str, Any]]:
    """Return the stored bodies by current subject: a capability that was renamed (``previously``) keeps its own."""
    bodies = context.store.expectations()
    former_names = {
        f"capability:{capability.id}": [f"capability:{old}" for old in capability.previously]
        for increment in context.workspace.increments
        for capability in increment.capabilities
        if capability.previously
    }
    for subject, former in former_names.items():
        found = next((bodies[old] for old in former if old in bodies), None)
        if subject not in bodies and found is not None:
            bodies[subject] = found
    return bodies
