"""Options and results of a run and of its phases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connectors.model import FailedSource, Issue, IssueRef, KnownIssue, LabelHistory, UnreadableIssue
from mappings.model import Anchor
from sync.model.broken_file import BrokenFile
from sync.model.changes import ChangeSet
from sync.model.health_assessment import HealthAssessment
from sync.model.labels import Notice
from sync.model.limits import ImpactEstimate, Refusal
from sync.model.planning import PlanningResult, RecordedState


@dataclass(kw_only=True, slots=True)
class ApplyResult:
    """Result of applying a change set."""

    done: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(change, reason) for each write that a tracker rejected. The next run tries again."""
    skipped: int = 0
    """Number of changes that were not tried, because of a limit of the run or a stopped tracker."""
    skip_reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """One sentence for each change that was left to people."""
    closed_increments: list[str] = field(default_factory=list)
    """One sentence for each increment that had its last write for some of its teams only."""

    @property
    def outcome(self) -> str:
        """Return how the writing ended, for the history: ``failed`` if every write was rejected."""
        if not self.failed:
            return "done"
        return "partly failed" if self.done else "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class PullResult:
    """Result of reading all sources."""

    known: Mapping[IssueRef, KnownIssue]
    failed: tuple[FailedSource, ...]
    anchors: Mapping[Anchor, Issue]
    unread_anchors: Mapping[Anchor, str]
    """Anchor -> reason why it could not be read."""
    pulled_by_source: Mapping[str, int]
    """Source name -> number of issues that the tracker returned."""
    newly_missing: tuple[KnownIssue, ...] = ()
    """Issues that a direct read of this run confirmed as deleted or moved away."""
    failing_since: Mapping[str, datetime] = field(default_factory=dict)
    failed_histories: tuple[FailedSource, ...] = ()
    """Sources that were read, but whose histories were not."""
    label_histories: Mapping[IssueRef, Mapping[str, LabelHistory]] = field(default_factory=dict)
    """Label histories that came with changed issues."""
    unreadable: Mapping[str, tuple[UnreadableIssue, ...]] = field(default_factory=dict)
    """Name of a source that was read -> issues of it that are left out, because they cannot be used."""
    orphans: frozenset[IssueRef] = frozenset()
    """Issues of no source that still carry our labels and were read directly."""

    @property
    def pulled_count(self) -> int:
        """Number of issues that the trackers returned."""
        return sum(self.pulled_by_source.values())

    @property
    def read_nothing(self) -> bool:
        """True if there was something to read and no source and no anchor could be read."""
        read = self.pulled_by_source.keys() - self.unread_sources
        return bool(self.failed or self.unread_anchors) and not read and not self.anchors

    @property
    def unread_sources(self) -> frozenset[str]:
        """Names of the failed sources."""
        return frozenset(failure.source.name for failure in self.failed)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """Everything that a run read, planned and wrote. Commands render it."""

    run_id: str
    started: datetime
    """Start of the run, before anything was read. ``--max-duration`` counts from here."""
    pulled: PullResult
    planning: PlanningResult
    health: HealthAssessment
    """Forecasts and health, the same for labels, comments, ``status`` and reports."""
    missing_forecast: str | None = None
    """Sentence that names the data or library that forecasts lack, unless a recent run reported it."""
    recorded: RecordedState
    impact: ImpactEstimate
    refusals: tuple[Refusal, ...] = ()
    unchecked: Mapping[IssueRef, str] = field(default_factory=dict)
    """Issue -> reason why its suspected overrides could not be checked. Nothing is written there."""
    postponed: frozenset[IssueRef] = frozenset()
    """Issues that get no label in this run, because a later one reads their histories."""
    unresolved_writes: tuple[str, ...] = ()
    checked_subjects: frozenset[str] = frozenset()
    """Subjects whose anchor was checked and has no status comment of this installation."""
    manual_changes: tuple[Notice, ...] = ()
    """Changes of people to managed labels and comments since the last run."""
    broken_files: tuple[BrokenFile, ...] = ()
    """Mapping files that were left out of the run."""
    applied: ApplyResult | None = None
    """Result of writing; None for a preview, with pushing disabled, or after a refusal."""

    @property
    def changes(self) -> ChangeSet:
        """Planned changes."""
        return self.planning.changes

    @property
    def outcome(self) -> str:
        """Return how the run ended, for the history: ``failed`` if not even one source could be read."""
        if self.pulled.read_nothing:
            return "failed"
        outcomes = {0: "done", 1: "partly failed", 3: "done without a broken mapping file", 4: "refused"}
        return outcomes[self.exit_code]

    @property
    def exit_code(self) -> int:
        """Return 3 for a broken team file, 4 for a refusal, 1 if a source, an issue or a write failed, else 0."""
        if self.broken_files:
            return 3
        if self.refusals:
            return 4
        failed = (
            self.pulled.failed
            or self.pulled.unreadable
            or self.pulled.unread_anchors
            or self.unchecked
            or self.unresolved_writes
            or self.planning.matched.conflicts
            or (self.applied and self.applied.failed)
        )
        return 1 if failed else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """Command line options of one run."""

    full: bool = False
    """Read everything again, including all ids and our own comments."""
    accept_shrink: bool = False
    accept_overrides: bool = False
    restore_labels: bool = False
    max_removals: int | None = None
    max_comments: int | None = None
    max_notifications: int | None = None
    max_writes: int | None = None
    max_duration: timedelta | None = None

    def changed(self) -> dict[str, str]:
        """Return the options that differ from their defaults, for the record of the run."""
        default = RunOptions()
        return {
            name: str(getattr(self, name))
            for name in self.__dataclass_fields__
            if getattr(self, name) != getattr(default, name)
        }
