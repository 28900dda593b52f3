"""A probability as people read it. What a reader quotes is rounded here and nowhere else."""

from __future__ import annotations

from typing import Final

ROUNDING_STEP: Final = 0.05
MIN_SHOWN, MAX_SHOWN = 0.05, 0.95
"""Beyond these no forecast of this kind is to be trusted (docs/forecasting.md)."""


def round_probability(probability: float) -> float:
    """In steps of 5 %, between 5 and 95 %."""
    steps = round(min(max(probability, MIN_SHOWN), MAX_SHOWN) / ROUNDING_STEP)
    return round(steps * ROUNDING_STEP, 2)


def describe_probability(probability: float) -> str:
    """``about 55 %``, ``5 % or less``; in: as rounded."""
    percent = round(probability * 100)
    if probability <= MIN_SHOWN:
        return f"{percent} % or less"
    return f"{percent} % or more" if probability >= MAX_SHOWN else f"about {percent} %"
