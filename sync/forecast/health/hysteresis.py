"""Hysteresis of the displayed health: a value that wavers about a threshold does not flap. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sync.model.health import OFF_TRACK, ON_TRACK, DisplayedHealth, HealthWord


def health_of(probability: float) -> HealthWord:
    """Return the health of a probability, without hysteresis."""
    if probability >= ON_TRACK:
        return "on-track"
    return "off-track" if probability < OFF_TRACK else "at-risk"


def next_displayed_health(displayed: DisplayedHealth, health: str | None, day: date) -> DisplayedHealth:
    """Return what is displayed after a run that found ``health`` on ``day`` (None: no health can be given).

    A change is displayed after runs on two different days found it and no run in between found anything else.
    """
    if health == displayed.shown:
        return replace(displayed, waiting=None, waits_since=None)
    if displayed.waits_since is None or displayed.waiting != health:
        return replace(displayed, waiting=health, waits_since=day)
    if day > displayed.waits_since:
        return DisplayedHealth(shown=health, before=displayed.shown, since=day)
    return displayed
