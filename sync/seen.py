"""What a run starts to think from: what the trackers said in it, and what the store knows from earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.model import Anchor, Workspace
from sync.compare import Decisions
from sync.compare_comments import CommentDrift, WrittenComment
from sync.discretion import Discretion
from sync.health.model import Expected
from sync.homes import Home, anchors_by_subject, homes_of
from sync.rollup_model import Baseline, Proof


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
