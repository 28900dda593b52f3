"""What is known of one issue's way. All times are aware and in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connectors.model import IssueRef
from mappings.model import FlowState


@dataclass(frozen=True, kw_only=True, slots=True)
class StateChange:
    """An issue came into a flow state, by its team's ``states`` where it has a team."""

    at: datetime
    state: FlowState


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockedPeriod:
    """Something stood in an issue's way."""

    since: datetime
    until: datetime | None
    """None while it still does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueFlow:
    """The way of one issue from its creation to now."""

    ref: IssueRef
    created: datetime
    started: datetime | None = None
    """The first time that it went under way; None when nobody saw that."""
    finished: datetime | None = None
    """The last time that it was closed as done; None while it is open, opened again, or dropped."""
    dropped: datetime | None = None
    """The last time that it was closed as "will not do"; None unless it is so now."""
    reopened: tuple[datetime, ...] = ()
    """Each time that it went from done or dropped to something else, oldest first."""
    blocked_periods: tuple[BlockedPeriod, ...] = ()
    """Oldest first; they do not overlap, and only the last one may have no end."""
    state_changes: tuple[StateChange, ...] = ()
    """Oldest first, the state at creation included; no two neighbours are of the same state."""
    complete: bool
    """The tracker's history was read. False: creation and end are known, and what was seen from run to run."""

    @property
    def closed(self) -> datetime | None:
        """When it left the open work, done or dropped; None while it is open."""
        return self.finished or self.dropped
