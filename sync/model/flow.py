"""State changes and blocked periods of one issue. All times are aware and in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connectors.model import IssueRef
from mappings.model import FlowState


@dataclass(frozen=True, kw_only=True, slots=True)
class StateChange:
    """Change of an issue's flow state, by its team's ``states`` if it has a team."""

    at: datetime
    state: FlowState


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockedPeriod:
    """Time in which an issue was blocked."""

    since: datetime
    until: datetime | None
    """None while the issue is blocked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueFlow:
    """Flow of one issue from its creation to now."""

    ref: IssueRef
    created: datetime
    started: datetime | None = None
    """First time in progress; None if no start is known."""
    finished: datetime | None = None
    """Last time that it was closed as done; None while it is open, reopened or dropped."""
    dropped: datetime | None = None
    """Last time that it was closed as will-not-do; None unless it is dropped now."""
    reopened: tuple[datetime, ...] = ()
    """Times of changes from done or dropped to another state, oldest first."""
    blocked_periods: tuple[BlockedPeriod, ...] = ()
    """Oldest first, without overlap; only the last one may have no end."""
    state_changes: tuple[StateChange, ...] = ()
    """Oldest first, beginning with the state at creation; neighbours have different states."""
    complete: bool
    """The tracker's history was read. Otherwise only creation, end and the changes that runs observed are known."""

    @property
    def closed(self) -> datetime | None:
        """Time at which it was done or dropped; None while it is open."""
        return self.finished or self.dropped

    def is_open_at(self, moment: datetime) -> bool:
        """Return True if it existed at a moment and was not closed for good by then."""
        return self.created <= moment and (self.closed is None or self.closed > moment)
