"""Changes as values: what to write on which issue, and why.

Nothing in this module writes. The executor in ``sync.apply`` carries changes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.model import IssueRef


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Reason for one label or comment operation: a sentence, and the rule behind it if there is one."""

    text: str
    rule: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelChange:
    """All label operations on one issue. Additions are written before removals."""

    ref: IssueRef
    container: str
    add: Mapping[str, Reason] = field(default_factory=dict)
    remove: Mapping[str, Reason] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    """Managed labels that were live at the time of the comparison, sorted."""
    pure_removals: tuple[str, ...] = ()
    """Labels of ``remove`` without a successor of the same family. The guard counts these."""
    renames: Mapping[str, str] = field(default_factory=dict)
    """Label of ``remove`` -> label of ``add`` that replaces it (``previously`` of a plan or a prefix)."""
    team: str | None = None
    """Team that sets the colors of the labels; None for the organization's colors."""

    def describe(self) -> str:
        """Return one line, for example ``tracker:DS-1  +capability:a -unplanned``."""
        parts = [f"+{label}" for label in sorted(self.add)] + [f"-{label}" for label in sorted(self.remove)]
        return f"{self.ref}  {' '.join(parts)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentChange:
    """Create or edit the status comment of a capability or goal. A new comment has no ``comment_id``."""

    ref: IssueRef
    subject: str
    """``capability:<id>`` or ``goal:<id>``."""
    body: str
    """Text as the tracker displays it, without the hidden markers."""
    urgent_hash: str
    full_hash: str
    reason: Reason
    comment_id: str | None = None
    before_hash: str | None = None
    """Hash of the last pushed text; None for a new comment."""

    @property
    def creates(self) -> bool:
        """True for a new comment."""
        return self.comment_id is None

    def describe(self) -> str:
        """Return one line, for example ``tracker:DS-1  edit status comment of goal:retention``."""
        verb = "create" if self.creates else "edit"
        return f"{self.ref}  {verb} status comment of {self.subject}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentRemoval:
    """Delete a status comment from an issue that is no longer the anchor of its subject, or a duplicate of one."""

    ref: IssueRef
    subject: str
    comment_id: str
    reason: Reason
    duplicate_of: str | None = None
    """Id of the older comment of the same subject, which stays."""

    def describe(self) -> str:
        """Return one line, for example ``tracker:DS-1  delete status comment of goal:retention``."""
        what = "duplicate of the status comment" if self.duplicate_of else "status comment"
        return f"{self.ref}  delete {what} of {self.subject}"


Change = LabelChange | CommentChange | CommentRemoval


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeSet:
    """All changes of a run.

    ``changes`` has them in writing order: labels, deleted comments, edited comments, new comments of goals, new
    comments of capabilities. A run that stops early has then done what matters most.
    """

    labels: tuple[LabelChange, ...] = ()
    comments: tuple[CommentChange, ...] = ()
    removals: tuple[CommentRemoval, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes in writing order."""
        comments = sorted(
            self.comments, key=lambda each: (each.creates, not each.subject.startswith("goal:"))
        )
        return (*self.labels, *self.removals, *comments)

    @property
    def refs(self) -> frozenset[IssueRef]:
        """Issues with a change."""
        return frozenset(change.ref for change in self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    @property
    def added(self) -> int:
        """Number of added labels."""
        return sum(len(change.add) for change in self.labels)

    @property
    def removed(self) -> int:
        """Number of removed labels."""
        return sum(len(change.remove) for change in self.labels)

    @property
    def created_comments(self) -> int:
        """Number of new comments."""
        return sum(change.creates for change in self.comments)

    @property
    def edited_comments(self) -> int:
        """Number of edited comments."""
        return len(self.comments) - self.created_comments

    def summary(self) -> dict[str, int]:
        """Return counts by operation, for the summary line and for ``--json``."""
        return {
            "labels_added": self.added,
            "labels_removed": self.removed,
            "comments_created": self.created_comments,
            "comments_edited": self.edited_comments,
            "comments_deleted": len(self.removals),
            "issues": len(self.refs),
        }
