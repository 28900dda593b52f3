"""Options and results of a run and of its phases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.model import Failed, Issue, IssueRef, KnownIssue
from mappings.model import Anchor
from sync.model.broken_file import UnusableFile
from sync.model.changes import ChangeSet
from sync.model.health_assessment import Foresight
from sync.model.labels import Observation
from sync.model.limits import Refusal, Weighed
from sync.model.planning import Remembered, Thought


@dataclass(kw_only=True, slots=True)
class Applied:
    """What became of a change set."""

    done: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(change, why) for what the tracker refused; the next run tries again."""
    left: int = 0
    """Changes not tried: a limit of this run, a stopped tracker."""
    left_because: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """A sentence for each change that was left to people."""
    closed: list[str] = field(default_factory=list)
    """Increments that had their last write, for some of their teams only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """What the trackers said in this run, and what they did not."""

    known: Mapping[IssueRef, KnownIssue]
    failed: tuple[Failed, ...]
    anchors: Mapping[Anchor, Issue]
    unread_anchors: Mapping[Anchor, str]
    """Anchor -> why it could not be read."""
    pulled_from: Mapping[str, int]
    """Source -> issues that its tracker handed over."""
    gone: tuple[KnownIssue, ...] = ()
    """Issues that a census missed and a direct read confirmed as deleted or moved away."""
    failing_since: Mapping[str, datetime] = field(default_factory=dict)
    unread_histories: tuple[Failed, ...] = ()
    """Sources that were read whole, but not what happened to their issues."""
    strays: frozenset[IssueRef] = frozenset()
    """Issues of no source that still carry our labels and were read directly."""

    @property
    def pulled(self) -> int:
        """Issues that the trackers handed over."""
        return sum(self.pulled_from.values())

    @property
    def unread(self) -> frozenset[str]:
        return frozenset(failure.source.name for failure in self.failed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """Everything that a run found, decided and did; commands render it."""

    run_id: str
    started: datetime
    """``--max-duration`` counts from here, before anything was read."""
    collected: Collected
    thought: Thought
    foresight: Foresight
    """What is expected of the future, the same for labels, comments, ``status`` and reports."""
    no_health: str | None = None
    """What is missing for forecasts, unless that was said lately."""
    remembered: Remembered
    weighed: Weighed
    refusals: tuple[Refusal, ...] = ()
    unchecked: Mapping[IssueRef, str] = field(default_factory=dict)
    """Issues whose people's decisions could not be checked; nothing is written on them."""
    postponed: frozenset[IssueRef] = frozenset()
    """Issues that get no label yet: their histories may say that people took it off before this store was there."""
    still_open: tuple[str, ...] = ()
    looked: frozenset[str] = frozenset()
    """Subjects on whose anchor we looked for a comment of ours and found none."""
    refused_people: bool = False
    """The refusal is about people's decisions: none of them is recorded."""
    by_hand: tuple[Observation, ...] = ()
    """What people did to our labels and comments since the last run."""
    unusable: tuple[UnusableFile, ...] = ()
    """Mapping files that nobody waited for."""
    applied: Applied | None = None
    """None when nothing was to be written: a preview, push switched off, a refusal."""

    @property
    def changes(self) -> ChangeSet:
        return self.thought.changes

    @property
    def exit_code(self) -> int:
        """3 when a team's file is broken, 4 when the guard refused, 1 when something failed or could not be read,
        else 0."""
        if self.unusable:
            return 3
        if self.refusals:
            return 4
        failed = (
            self.collected.failed
            or self.collected.unread_anchors
            or self.unchecked
            or self.still_open
            or self.thought.matched.conflicts
            or (self.applied and self.applied.failed)
        )
        return 1 if failed else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What the person or the crontab asked for."""

    full: bool = False
    """Read everything again, ids and our own comments included."""
    accept_shrink: bool = False
    accept_overrides: bool = False
    restore_labels: bool = False
    max_removals: int | None = None
    max_comments: int | None = None
    max_notifications: int | None = None
    max_writes: int | None = None
    max_duration: timedelta | None = None
    looks_around: bool = False
    """Read the anchors where comments are to be started: what writes does, and a preview of it. A run that may not
    write spares the requests."""
