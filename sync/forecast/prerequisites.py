"""Conditions of a forecast: installed numbers libraries, and enough history of a team. Imports neither library."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import Final

from connectors.wording import pluralize
from sync.model.forecast import PastIssue

MIN_WEEKS: Final = 4
MIN_CLOSED: Final = 5


class ForecastDependenciesMissing(LookupError):
    """numpy or scipy is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "forecasts need numpy and scipy; install them with `pip install 'increment-sync[forecast]'`"
        )


def require_forecast_dependencies() -> None:
    """Raise ForecastDependenciesMissing without numpy and scipy. Call it before importing a module that needs them."""
    if not (find_spec("numpy") and find_spec("scipy")):
        raise ForecastDependenciesMissing


def insufficient_data(name: str, issues: Sequence[PastIssue], now: datetime) -> str | None:
    """Return the reason why a team's history does not suffice for a forecast, or None if it does.

    ``issues``: all issues of the team's sources; what happened after ``now`` (aware) is ignored.
    """
    known = [issue for issue in issues if issue.created <= now]
    weeks = (now - min(issue.created for issue in known)) // timedelta(weeks=1) if known else 0
    if weeks < MIN_WEEKS:
        length = f"{pluralize(weeks, 'week')} of history" if known else "no history"
        return f"{name} has {length}, at least {MIN_WEEKS} weeks are needed"
    closed = sum(issue.closed is not None and issue.closed <= now for issue in known)
    if closed < MIN_CLOSED:
        return f"{name} has closed {pluralize(closed, 'issue')} so far, at least {MIN_CLOSED} are needed"
    return None
