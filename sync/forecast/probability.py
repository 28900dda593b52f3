"""A probability as people read it. What a reader quotes is rounded here and nowhere else."""

from __future__ import annotations

from typing import Final

STEP: Final = 0.05
LOWEST, HIGHEST = 0.05, 0.95
"""Beyond these no forecast of this kind is to be trusted (docs/forecasting.md)."""


def rounded(probability: float) -> float:
    """In steps of 5 %, between 5 and 95 %."""
    steps = round(min(max(probability, LOWEST), HIGHEST) / STEP)
    return round(steps * STEP, 2)


def chance_words(probability: float) -> str:
    """``about 55 %``, ``5 % or less``; in: as rounded."""
    percent = round(probability * 100)
    if probability <= LOWEST:
        return f"{percent} % or less"
    return f"{percent} % or more" if probability >= HIGHEST else f"about {percent} %"
