"""Options and results of a run and of its phases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.model import FailedSource, Issue, IssueRef, KnownIssue
from mappings.model import Anchor
from sync.model.broken_file import BrokenFile
from sync.model.changes import ChangeSet
from sync.model.health_assessment import HealthAssessment
from sync.model.labels import Notice
from sync.model.limits import ImpactEstimate, Refusal
from sync.model.planning import PlanningResult, RecordedState


@dataclass(kw_only=True, slots=True)
class ApplyResult:
    """What became of a change set."""

    done: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(change, why) for what the tracker refused; the next run tries again."""
    skipped: int = 0
    """Changes not tried: a limit of this run, a stopped tracker."""
    skip_reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """A sentence for each change that was left to people."""
    closed_increments: list[str] = field(default_factory=list)
    """Increments that had their last write, for some of their teams only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PullResult:
    """What the trackers said in this run, and what they did not."""

    known: Mapping[IssueRef, KnownIssue]
    failed: tuple[FailedSource, ...]
    anchors: Mapping[Anchor, Issue]
    unread_anchors: Mapping[Anchor, str]
    """Anchor -> why it could not be read."""
    pulled_by_source: Mapping[str, int]
    """Source -> issues that its tracker handed over."""
    newly_missing: tuple[KnownIssue, ...] = ()
    """Issues that a census missed and a direct read confirmed as deleted or moved away."""
    failing_since: Mapping[str, datetime] = field(default_factory=dict)
    failed_histories: tuple[FailedSource, ...] = ()
    """Sources that were read whole, but not what happened to their issues."""
    orphans: frozenset[IssueRef] = frozenset()
    """Issues of no source that still carry our labels and were read directly."""

    @property
    def pulled_count(self) -> int:
        """Issues that the trackers handed over."""
        return sum(self.pulled_by_source.values())

    @property
    def unread_sources(self) -> frozenset[str]:
        return frozenset(failure.source.name for failure in self.failed)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """Everything that a run found, decided and did; commands render it."""

    run_id: str
    started: datetime
    """``--max-duration`` counts from here, before anything was read."""
    pulled: PullResult
    planning: PlanningResult
    health: HealthAssessment
    """What is expected of the future, the same for labels, comments, ``status`` and reports."""
    missing_forecast: str | None = None
    """What is missing for forecasts, unless that was said lately."""
    recorded: RecordedState
    impact: ImpactEstimate
    refusals: tuple[Refusal, ...] = ()
    unchecked: Mapping[IssueRef, str] = field(default_factory=dict)
    """Issues whose people's decisions could not be checked; nothing is written on them."""
    postponed: frozenset[IssueRef] = frozenset()
    """Issues that get no label yet: their histories may say that people took it off before this store was there."""
    unresolved_writes: tuple[str, ...] = ()
    checked_subjects: frozenset[str] = frozenset()
    """Subjects on whose anchor we looked for a comment of ours and found none."""
    overrides_refused: bool = False
    """The refusal is about people's decisions: none of them is recorded."""
    manual_changes: tuple[Notice, ...] = ()
    """What people did to our labels and comments since the last run."""
    broken_files: tuple[BrokenFile, ...] = ()
    """Mapping files that nobody waited for."""
    applied: ApplyResult | None = None
    """None when nothing was to be written: a preview, push switched off, a refusal."""

    @property
    def changes(self) -> ChangeSet:
        return self.planning.changes

    @property
    def exit_code(self) -> int:
        """3 when a team's file is broken, 4 when the guard refused, 1 when something failed or could not be read,
        else 0."""
        if self.broken_files:
            return 3
        if self.refusals:
            return 4
        failed = (
            self.pulled.failed
            or self.pulled.unread_anchors
            or self.unchecked
            or self.unresolved_writes
            or self.planning.matched.conflicts
            or (self.applied and self.applied.failed)
        )
        return 1 if failed else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
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
