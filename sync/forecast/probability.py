"""Probabilities as readers see them: rounded, and as a phrase. They are rounded here and nowhere else."""

from __future__ import annotations

from typing import Final

from sync.model.forecast import Forecast

ROUNDING_STEP: Final = 0.05
MIN_SHOWN, MAX_SHOWN = 0.05, 0.95
"""Bounds of what is shown: no forecast of this kind is more certain (docs/forecasting.md)."""


def round_probability(probability: float) -> float:
    """Round to steps of 5%, between 5% and 95%."""
    steps = round(min(max(probability, MIN_SHOWN), MAX_SHOWN) / ROUNDING_STEP)
    return round(steps * ROUNDING_STEP, 2)


def describe_probability(probability: float) -> str:
    """Return ``about 55%``, ``5% or less`` or ``95% or more`` for a rounded probability."""
    percent = round(probability * 100)
    if probability <= MIN_SHOWN:
        return f"{percent}% or less"
    return f"{percent}% or more" if probability >= MAX_SHOWN else f"about {percent}%"


def describe_forecast(
    forecast: Forecast | None, default: str = "no forecast yet"
) -> tuple[float | None, str]:
    """Return the rounded probability of a forecast and its phrase, or None and the reason.

    ``default``: reason if there is no forecast, or if it names none.
    """
    if forecast is None or forecast.probability is None:
        return None, (forecast and forecast.reason) or default
    if not forecast.remaining:
        return 1.0, "nothing is left to do"
    probability = round_probability(forecast.probability)
    return probability, describe_probability(probability)
