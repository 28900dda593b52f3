"""Inputs and results of planning: what was read, what is recorded, what follows from both."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.model import Anchor, Assignment, Conflict, MatchResult, Overrides, Unplanned, Workspace
from mappings.rules.placement import ClosingTimes, TrackerClosingTimes
from sync.model.anchors import CommentOwner, anchors_by_subject, comment_owners
from sync.model.changes import ChangeSet, CommentRemoval
from sync.model.comments import CommentDrift
from sync.model.health import Expectation
from sync.model.labels import DesiredLabels, LabelDiff, Notice, RecordedOverrides, SuspectedOverride
from sync.model.records import PushedCommentRecord
from sync.model.redaction_policy import RedactionPolicy
from sync.model.rollup import Baseline, EvidenceResult, Rollup


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanningResult:
    """Result of planning: assignments, roll-up, desired labels and changes."""

    matched: MatchResult
    rollup: Rollup
    uncertain: Mapping[str, tuple[str, ...]]
    desired: Mapping[IssueRef, DesiredLabels]
    changes: ChangeSet
    suspicions: tuple[SuspectedOverride, ...]
    notices: tuple[Notice, ...]
    overrides: Overrides


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """First half of planning: matched issues and the roll-up that forecasts start from."""

    matched: MatchResult
    rollup: Rollup
    """Roll-up without health."""
    overrides: Overrides
    conflicting_pins: tuple[Notice, ...]
    uncertain: Mapping[str, tuple[str, ...]]
    anchors: Mapping[str, IssueRef]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedState:
    """State that earlier runs recorded in the store."""

    pushed_labels: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    status_comments: Mapping[str, PushedCommentRecord] = field(default_factory=dict)
    """Subject -> its status comment as we last wrote it."""
    overrides: RecordedOverrides = field(default_factory=RecordedOverrides)
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    finished_increments: frozenset[str] = frozenset()
    comment_owners: Mapping[str, CommentOwner] = field(default_factory=dict)
    """Subject -> owner of its status comment, including subjects that the plans no longer name."""
    source_coverage: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Capability id -> names of the sources that covered it when they were last read completely."""
    store_created_at: datetime
    expectations: Mapping[str, Expectation] = field(default_factory=dict)
    """Subject -> latest forecast and health."""

    def archived_anchors(self, workspace: Workspace) -> frozenset[IssueRef]:
        """Return anchors of subjects that no plan names and whose increment is finished or has no plan."""
        planned = comment_owners(workspace)
        return frozenset(
            last.ref
            for subject, last in self.status_comments.items()
            if subject not in planned and not self.is_deleted(subject, workspace)
        )

    def is_deleted(self, subject: str, workspace: Workspace) -> bool:
        """Return True if the subject was removed from a plan that exists and is still written."""
        owner = self.comment_owners.get(subject)
        present = {increment.id for increment in workspace.increments} - self.finished_increments
        return owner is not None and owner.increment in present and subject not in comment_owners(workspace)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanningInputs:
    """Results of reading the trackers in this run."""

    known: Mapping[IssueRef, KnownIssue]
    anchors: Mapping[Anchor, Issue]
    unread_sources: frozenset[str]
    failing_since: Mapping[str, datetime]
    unreadable: frozenset[IssueRef] = frozenset()
    """Issues whose last read could not be used: they count as last known, and nothing is written on them."""
    omitted_files: tuple[str, ...] = ()
    """Mapping files that no run could read yet, whose rules are unknown."""
    orphans: frozenset[IssueRef] = frozenset()
    """Issues of no source that still carry our labels and were read directly."""
    comment_drift: Mapping[str, CommentDrift] = field(default_factory=dict)
    """Subject -> edit or deletion of its status comment by a person. Only ``reconcile`` looks for it."""
    duplicate_comments: tuple[CommentRemoval, ...] = ()
    """Comments of ours that repeat an older one. Only ``reconcile`` looks for them."""
    evidence: Mapping[str, EvidenceResult] = field(default_factory=dict)
    """Capability id -> result of the evidence that its plan requires."""
    contested_subjects: frozenset[str] = frozenset()
    """Subjects whose anchor has a status comment of another instance, to which it is left."""
    unrecovered: frozenset[IssueRef] = frozenset()
    """Issues whose history may contain a veto from before this store existed and was not searched yet."""
    redaction: RedactionPolicy = field(default_factory=RedactionPolicy)
    """Rules for what public comments may say."""
    closing_times: ClosingTimes = field(default_factory=TrackerClosingTimes)
    """Times at which the issues were closed, from their histories."""

    def anchor_issues(self, workspace: Workspace, recorded: RecordedState) -> dict[str, IssueRef]:
        """Return subject -> anchor, with the current key of that issue.

        For an anchor that was not read in this run, returns the issue of its status comment, if there is one.
        """
        found = {}
        for subject, anchor in anchors_by_subject(workspace).items():
            if issue := self.anchors.get(anchor):
                found[subject] = issue.ref
            elif last := recorded.status_comments.get(subject):
                found[subject] = last.ref
        return found


_MatchOutcome = TypeVar("_MatchOutcome", Assignment, Unplanned, Conflict)


@dataclass(frozen=True, kw_only=True, slots=True)
class PreviousPlanning:
    """Planning result that differs from the next one only by the plans and mappings."""

    planning: PlanningResult
    affected: frozenset[IssueRef]
    """Known issues that the new plans and mappings may match differently."""

    def merge_matched(self, fresh: MatchResult) -> MatchResult:
        """Return the previous matches with those of the affected issues replaced by ``fresh``.

        Warnings are those of ``fresh`` only.
        """
        before = self.planning.matched
        return MatchResult(
            assignments=self._merge(before.assignments, fresh.assignments),
            unplanned=self._merge(before.unplanned, fresh.unplanned),
            conflicts=self._merge(before.conflicts, fresh.conflicts),
            unfinished_at_close=self._merge(before.unfinished_at_close, fresh.unfinished_at_close),
            warnings=fresh.warnings,
        )

    def merge_labels(self, fresh: LabelDiff, replanned: Collection[IssueRef]) -> LabelDiff:
        """Return the previous label diff with everything about ``replanned`` issues replaced by ``fresh``."""
        before = self.planning
        changes = [each for each in before.changes.labels if each.ref not in replanned]
        return LabelDiff(
            changes=tuple(sorted([*changes, *fresh.changes], key=lambda each: each.ref)),
            suspicions=(
                *(each for each in before.suspicions if each.ref not in replanned),
                *fresh.suspicions,
            ),
            notices=fresh.notices,
        )

    def _merge(
        self, before: tuple[_MatchOutcome, ...], fresh: tuple[_MatchOutcome, ...]
    ) -> tuple[_MatchOutcome, ...]:
        kept: list[_MatchOutcome] = [each for each in before if each.ref not in self.affected]
        return tuple(kept + list(fresh))
