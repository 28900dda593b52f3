"""Figures as phrases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Final

from sync.forecast.probability import describe_probability, round_probability
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
    "delivered": "delivered",
    "added": "added",
    "dropped": "dropped",
    "reopened": "reopened",
    "remapped": "counted elsewhere by an edit of rules or by a person",
    "vanished": "gone from the tracker",
}


def build_outlook(
    forecast: Forecast | None, done: int, default: str = "no forecast yet", track_record: str | None = None
) -> ForecastSummary:
    """``done``: issues that are done now. ``default``: what to say where there is no forecast at all."""
    if forecast is None:
        return ForecastSummary(
            probability=None, words=default, likely=None, middle=None, most=None, finish=(), assumptions=()
        )
    counts = dict(forecast.counts)
    likely = (done + counts[0.075], done + counts[0.925]) if counts else None
    probability, words = _probability_and_phrase(forecast, default)
    return ForecastSummary(
        probability=probability,
        words=words,
        likely=likely,
        middle=done + counts[0.5] if counts else None,
        most=done + forecast.remaining,
        finish=forecast.finish if forecast.remaining else (),
        assumptions=forecast.assumptions,
        track_record=track_record,
    )


def _probability_and_phrase(forecast: Forecast, default: str) -> tuple[float | None, str]:
    if forecast.probability is None:
        return None, forecast.reason or default
    if not forecast.remaining:
        return 1.0, "nothing is left to do"
    probability = round_probability(forecast.probability)
    return probability, describe_probability(probability)


def describe_changes(difference: Difference | None) -> str:
    """``3 delivered, 1 added``; one sentence of what is different."""
    if difference is None or not difference.entries:
        return "nothing changed"
    parts = [(len(difference.part(name)), _PART_NAMES[name]) for name in PARTS]
    return ", ".join(f"{count} {noun}" for count, noun in parts if count)


def format_completion_dates(finish: tuple[tuple[float, date | None], ...], year: int) -> str:
    """``4 Dec (50 %), 18 Jan 2027 (85 %)``; empty without a statement. ``year``: the one that need not be said."""
    shown = [(sure, day) for sure, day in finish if sure in (0.5, 0.85)]
    return ", ".join(f"{_format_day(day, year)} ({100 * sure:.0f} %)" for sure, day in shown)


def _format_day(day: date | None, year: int) -> str:
    if day is None:
        return "open end"
    return f"{day.day} {day:%b}" if day.year == year else f"{day.day} {day:%b %Y}"


def format_range(bounds: tuple[int, int]) -> str:
    """``8 to 11``, or ``8`` where both are the same."""
    low, high = bounds
    return f"{low} to {high}" if low < high else str(low)


def format_state(state: str) -> str:
    """``in-progress`` -> ``in progress``."""
    return {"todo": "to do", "doing": "under way"}.get(state, state.replace("-", " "))


def format_outcomes(iteration: IterationRow) -> str:
    """``2 confirmed, 1 rejected, 1 open``; ``none`` where nothing was asked."""
    counts = Counter[str](question.outcome for question in iteration.questions)
    parts = [(counts[outcome], noun) for outcome, noun in OUTCOME_NAMES.items()]
    return ", ".join(f"{count} {noun}" for count, noun in parts if count) or "none"
