"""Whether a team's history is long enough to say anything; needs no numbers library, so that it can be asked first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sync.model.forecast import PastIssue

MIN_WEEKS: Final = 4
MIN_CLOSED: Final = 5


def insufficient_data(name: str, issues: Sequence[PastIssue], now: datetime) -> str | None:
    """Why nothing can be said of a team, or None. ``issues``: all of its sources; nothing after ``now`` is used."""
    known = [issue for issue in issues if issue.created <= now]
    weeks = (now - min(issue.created for issue in known)) // timedelta(weeks=1) if known else 0
    if weeks < MIN_WEEKS:
        had = f"{weeks} weeks of history" if known else "no history"
        return f"{name} has {had}, at least {MIN_WEEKS} weeks are needed"
    closes = sum(issue.closed is not None and issue.closed <= now for issue in known)
    if closes < MIN_CLOSED:
        return f"{name} has closed {closes} issues so far, at least {MIN_CLOSED} are needed"
    return None
