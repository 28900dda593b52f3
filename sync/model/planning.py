"""Inputs and results of planning: what was read, what is recorded, what follows from both."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.model import Anchor, Assignment, Conflict, Matched, Overrides, Unplanned, Workspace
from sync.model.anchors import Home, anchors_by_subject, homes_of
from sync.model.changes import ChangeSet
from sync.model.comments import CommentDrift, WrittenComment
from sync.model.health import Expected
from sync.model.labels import Decisions, LabelOutcome, Observation, Suspicion, Wish
from sync.model.redaction_policy import Discretion
from sync.model.rollup import Baseline, Proof, Rollup


@dataclass(frozen=True, kw_only=True, slots=True)
class Thought:
    """What follows from what was seen and remembered."""

    matched: Matched
    rollup: Rollup
    uncertain: Mapping[str, tuple[str, ...]]
    wishes: Mapping[IssueRef, Wish]
    changes: ChangeSet
    suspicions: tuple[Suspicion, ...]
    observations: tuple[Observation, ...]
    overrides: Overrides


@dataclass(frozen=True, kw_only=True, slots=True)
class Counting:
    """What counts where: the first half of thinking, on which forecasts are made."""

    matched: Matched
    rollup: Rollup
    """Without health."""
    overrides: Overrides
    crowded: tuple[Observation, ...]
    uncertain: Mapping[str, tuple[str, ...]]
    anchors: Mapping[str, IssueRef]
    earlier: Earlier | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """What the store knows from earlier runs."""

    pushed: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    written: Mapping[str, WrittenComment] = field(default_factory=dict)
    bodies: Mapping[str, str] = field(default_factory=dict)
    """Subject -> the comment text that we last wrote."""
    decisions: Decisions = field(default_factory=Decisions)
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    finished: frozenset[str] = frozenset()
    homes: Mapping[str, Home] = field(default_factory=dict)
    """Subject -> where its comment belongs, those included that the plans name no more."""
    fed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Capability id -> names of the sources that fed it when they were last read whole."""
    born: datetime
    expected: Mapping[str, Expected] = field(default_factory=dict)
    """Subject -> what was expected last."""

    def archived(self, workspace: Workspace) -> frozenset[IssueRef]:
        """Anchors of subjects that no plan names and whose increment is finished or has no plan here."""
        planned = homes_of(workspace)
        return frozenset(
            last.ref
            for subject, last in self.written.items()
            if subject not in planned and not self.is_deleted(subject, workspace)
        )

    def is_deleted(self, subject: str, workspace: Workspace) -> bool:
        """It was taken out of a plan that is still here and still written to."""
        home = self.homes.get(subject)
        present = {increment.id for increment in workspace.increments} - self.finished
        return home is not None and home.increment in present and subject not in homes_of(workspace)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What the trackers said in this run."""

    known: Mapping[IssueRef, KnownIssue]
    anchors: Mapping[Anchor, Issue]
    unread: frozenset[str]
    failing_since: Mapping[str, datetime]
    left_out: tuple[str, ...] = ()
    """Mapping files that nobody could read yet: what they would say is not known."""
    strays: frozenset[IssueRef] = frozenset()
    """Issues of no source that still carry our labels and were read directly."""
    comments: Mapping[str, CommentDrift] = field(default_factory=dict)
    """Subject -> what a person did to its status comment; only ``reconcile`` looks."""
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    """Capability id -> how the evidence stands that it asks for."""
    contested: frozenset[str] = frozenset()
    """Subjects whose anchor another installation keeps; it is left to that one."""
    not_looked_back: frozenset[IssueRef] = frozenset()
    """Issues on which people may have taken off labels of ours before this store was there (``lost_store.py``)."""

    discretion: Discretion = field(default_factory=Discretion)
    """What comments may say where anybody can read them."""

    def anchor_issues(self, workspace: Workspace, remembered: Remembered) -> dict[str, IssueRef]:
        """Subject -> its anchor, whatever key that issue has now. For one that was not read in this run it is where our
        comment stood last; without a comment it is left out."""
        found = {}
        for subject, anchor in anchors_by_subject(workspace).items():
            if issue := self.anchors.get(anchor):
                found[subject] = issue.ref
            elif last := remembered.written.get(subject):
                found[subject] = last.ref
        return found


if TYPE_CHECKING:
    from sync.model.planning import Thought


_Told = TypeVar("_Told", Assignment, Unplanned, Conflict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """A thought that differs from the one to come in nothing but plans and mappings."""

    thought: Thought
    again: frozenset[IssueRef]
    """The known issues that may be judged in another way now."""

    def matched(self, fresh: Matched) -> Matched:
        """With ``fresh`` for the issues that are looked at again. Warnings are those of the fresh ones."""
        before = self.thought.matched
        return Matched(
            assignments=self._joined(before.assignments, fresh.assignments),
            unplanned=self._joined(before.unplanned, fresh.unplanned),
            conflicts=self._joined(before.conflicts, fresh.conflicts),
            left_open=self._joined(before.left_open, fresh.left_open),
            warnings=fresh.warnings,
        )

    def labels(self, fresh: LabelOutcome, looked_at: Collection[IssueRef]) -> LabelOutcome:
        """With ``fresh`` for everything that was ``looked_at``, anchors among it."""
        before = self.thought
        changes = [each for each in before.changes.labels if each.ref not in looked_at]
        return LabelOutcome(
            changes=tuple(sorted([*changes, *fresh.changes], key=lambda each: each.ref)),
            suspicions=(
                *(each for each in before.suspicions if each.ref not in looked_at),
                *fresh.suspicions,
            ),
            observations=fresh.observations,
        )

    def _joined(self, before: tuple[_Told, ...], fresh: tuple[_Told, ...]) -> tuple[_Told, ...]:
        kept: list[_Told] = [each for each in before if each.ref not in self.again]
        return tuple(kept + list(fresh))
