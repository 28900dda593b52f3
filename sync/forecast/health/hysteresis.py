"""Which word is shown, so that one that wavers about a limit does not flap. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sync.model.health import OFF_TRACK, ON_TRACK, HealthWord, Standing


def word_of(probability: float) -> HealthWord:
    """The word that a probability stands for, by itself."""
    if probability >= ON_TRACK:
        return "on-track"
    return "off-track" if probability < OFF_TRACK else "at-risk"


def settle(standing: Standing, word: str | None, day: date) -> Standing:
    """What is shown after a run that saw ``word`` on ``day`` (None: no word may be said).

    A change is shown when runs on two different days saw it and no run in between saw anything else.
    """
    if word == standing.shown:
        return replace(standing, waiting=None, waits_since=None)
    if standing.waits_since is None or standing.waiting != word:
        return replace(standing, waiting=word, waits_since=day)
    if day > standing.waits_since:
        return Standing(shown=word, before=standing.shown, since=day)
    return standing
