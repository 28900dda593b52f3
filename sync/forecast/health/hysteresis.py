"""Which word is shown, so that one that wavers about a limit does not flap. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sync.model.health import OFF_TRACK, ON_TRACK, DisplayedHealth, HealthWord


def health_of(probability: float) -> HealthWord:
    """The word that a probability stands for, by itself."""
    if probability >= ON_TRACK:
        return "on-track"
    return "off-track" if probability < OFF_TRACK else "at-risk"


def next_displayed_health(displayed: DisplayedHealth, health: str | None, day: date) -> DisplayedHealth:
    """What is shown after a run that saw ``health`` on ``day`` (None: no word may be said).

    A change is shown when runs on two different days saw it and no run in between saw anything else.
    """
    if health == displayed.shown:
        return replace(displayed, waiting=None, waits_since=None)
    if displayed.waits_since is None or displayed.waiting != health:
        return replace(displayed, waiting=health, waits_since=day)
    if day > displayed.waits_since:
        return DisplayedHealth(shown=health, before=displayed.shown, since=day)
    return displayed
