"""Numbers of a report as phrases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from sync.forecast.probability import describe_forecast
from sync.insights.report.model import ForecastSummary, IterationRow
from sync.model.attribution import PARTS, Difference
from sync.model.forecast import Forecast

OUTCOME_NAMES: Final[Mapping[str, str]] = {
    "confirmed": "confirmed",
    "rejected": "rejected",
    "inconclusive": "inconclusive",
    "open": "open",
    "missing": "closed without an answer",
}

_PART_NAMES: Final[Mapping[str, str]] = {
    "remapped": "remapped by an edit of rules or plan or by a manual override",
    "vanished": "gone from the tracker",
}
_STATE_NAMES: Final[Mapping[str, str]] = {"todo": "to do", "doing": "in progress"}
_SHOWN_PROBABILITIES: Final = (0.5, 0.85)


def summarize_forecast(
    forecast: Forecast | None, done: int, default: str = "no forecast yet", track_record: str | None = None
) -> ForecastSummary:
    """Return the rounded numbers of a forecast.

    ``done``: issues that are done now. ``default``: reason to show if there is no forecast.
    """
    probability, summary = describe_forecast(forecast, default)
    counts = dict(forecast.counts) if forecast else {}
    return ForecastSummary(
        probability=probability,
        summary=summary,
        interval_85=(done + counts[0.075], done + counts[0.925]) if counts else None,
        median=done + counts[0.5] if counts else None,
        total=done + forecast.remaining if forecast else None,
        completion_dates=forecast.finish if forecast and forecast.remaining else (),
        assumptions=forecast.assumptions if forecast else (),
        track_record=track_record if forecast else None,
    )


def describe_changes(difference: Difference | None) -> str:
    """Return the number of issues in each part, as ``3 delivered, 1 added``."""
    if difference is None or not difference.entries:
        return "nothing changed"
    parts = [(len(difference.part(name)), _PART_NAMES.get(name, name)) for name in PARTS]
    return ", ".join(f"{count} {name}" for count, name in parts if count)


def format_completion_dates(dates: tuple[tuple[float, date | None], ...]) -> str:
    """Return ``2026-12-04 (50%), 2027-01-18 (85%)``; empty without a forecast."""
    shown = [(probability, day) for probability, day in dates if probability in _SHOWN_PROBABILITIES]
    return ", ".join(
        f"{day} ({probability:.0%})" if day else f"no date at {probability:.0%} confidence"
        for probability, day in shown
    )


def format_time(at: datetime) -> str:
    """Return ``2026-12-04 09:30 UTC``."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def format_range(bounds: tuple[int, int]) -> str:
    """Return ``8 to 11``, or ``8`` if both bounds are equal."""
    low, high = bounds
    return f"{low} to {high}" if low < high else str(low)


def format_state(state: str) -> str:
    """Return a state in words: ``in-progress`` as ``in progress``."""
    return _STATE_NAMES.get(state, state.replace("-", " "))


def format_outcomes(iteration: IterationRow) -> str:
    """Return ``2 confirmed, 1 rejected, 1 open``; ``none`` without experiments."""
    counts = Counter[str](experiment.outcome for experiment in iteration.experiments)
    parts = [(counts[outcome], name) for outcome, name in OUTCOME_NAMES.items()]
    return ", ".join(f"{count} {name}" for count, name in parts if count) or "none"
