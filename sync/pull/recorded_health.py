"""Load the health and the forecasts that the last run saved. Nothing is calculated."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sync.model.forecast import Forecast
from sync.model.health import DisplayedHealth, Expectation
from sync.model.renames import renamed_capabilities
from sync.runtime.context import RunContext
from sync.store.codec import RowValues
from sync.store.expectations import displayed_health_from, expectation_from, forecast_from

_Value = TypeVar("_Value")


def load_expectations(context: RunContext) -> dict[str, Expectation]:
    """Return subject -> expectation, as readers saw it last."""
    return _load_parts(context, "expected", expectation_from)


def load_last_forecasts(context: RunContext) -> dict[str, Forecast]:
    """Return subject -> forecast of the last run, including those of teams."""
    return _load_parts(context, "forecast", forecast_from)


def load_track_records(context: RunContext) -> dict[str, str]:
    """Return subject -> sentence about how often earlier forecasts came true."""
    return {
        subject: each.track_record
        for subject, each in load_expectations(context).items()
        if each.track_record
    }


def load_displayed_health(context: RunContext) -> dict[str, DisplayedHealth]:
    """Return capability subject -> health that is shown, and the one that waits."""
    return _load_parts(context, "standing", displayed_health_from)


def _load_parts(context: RunContext, part: str, parse: Callable[[RowValues], _Value]) -> dict[str, _Value]:
    """Return one part of what is stored, by current subject: a renamed capability (``previously``) keeps its own."""
    bodies = context.store.expectations()
    for old, new in renamed_capabilities(context.workspace).items():
        if f"capability:{old}" in bodies:
            bodies.setdefault(f"capability:{new}", bodies[f"capability:{old}"])
    return {subject: parse(body[part]) for subject, body in bodies.items() if body[part]}
