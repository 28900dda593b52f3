"""One operation each, as values: what would be written, on which issue, and why. Nothing here can write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.model import IssueRef


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why a label or comment is as it is: the rule that did it, and a sentence."""

    text: str
    rule: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelChange:
    """All label operations on one issue: additions first, then removals."""

    ref: IssueRef
    container: str
    add: Mapping[str, Reason] = field(default_factory=dict)
    remove: Mapping[str, Reason] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    """Our labels that were live when this was decided, sorted."""
    pure_removals: tuple[str, ...] = ()
    """Those of ``remove`` that go without another of their family coming: what the guard counts."""
    renames: Mapping[str, str] = field(default_factory=dict)
    """Of ``remove`` -> of ``add``: it is called so now (``previously`` in a plan, or of a prefix)."""
    team: str | None = None
    """Whose colours the labels get; without one the organisation's."""

    def describe(self) -> str:
        parts = [f"+{label}" for label in sorted(self.add)] + [f"-{label}" for label in sorted(self.remove)]
        return f"{self.ref}  {' '.join(parts)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentChange:
    """Create (``comment_id`` None) or edit the status comment of a capability or goal."""

    ref: IssueRef
    subject: str
    """``capability:<id>`` or ``goal:<id>``."""
    body: str
    """Our text as the tracker will show it, without the hidden markers."""
    urgent_hash: str
    full_hash: str
    reason: Reason
    comment_id: str | None = None
    before_hash: str | None = None
    """Of what we last wrote, when this is an edit."""

    @property
    def creates(self) -> bool:
        return self.comment_id is None

    def describe(self) -> str:
        verb = "create" if self.creates else "edit"
        return f"{self.ref}  {verb} status comment of {self.subject}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentRemoval:
    """Delete our status comment from an issue that does not stand for its subject any more."""

    ref: IssueRef
    subject: str
    comment_id: str
    reason: Reason

    def describe(self) -> str:
        return f"{self.ref}  delete status comment of {self.subject}"


Change = LabelChange | CommentChange | CommentRemoval


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeSet:
    """All of a run, in the order in which it is written, so that a run which has to stop did what matters most:
    labels, comments that go, edits, new comments of goals, new comments of capabilities."""

    labels: tuple[LabelChange, ...] = ()
    comments: tuple[CommentChange, ...] = ()
    removals: tuple[CommentRemoval, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        comments = sorted(
            self.comments, key=lambda each: (each.creates, not each.subject.startswith("goal:"))
        )
        return (*self.labels, *self.removals, *comments)

    @property
    def refs(self) -> frozenset[IssueRef]:
        return frozenset(change.ref for change in self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    @property
    def added(self) -> int:
        return sum(len(change.add) for change in self.labels)

    @property
    def removed(self) -> int:
        return sum(len(change.remove) for change in self.labels)

    @property
    def created_comments(self) -> int:
        return sum(change.creates for change in self.comments)

    @property
    def edited_comments(self) -> int:
        return len(self.comments) - self.created_comments

    def summary(self) -> dict[str, int]:
        """Counts for the summary line and for ``--json``."""
        return {
            "labels_added": self.added,
            "labels_removed": self.removed,
            "comments_created": self.created_comments,
            "comments_edited": self.edited_comments,
            "comments_deleted": len(self.removals),
            "issues": len(self.refs),
        }
