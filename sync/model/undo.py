"""Values of an undo: the request, the current state of the issues, and the reversal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from connectors.model import Issue, IssueRef
from mappings.labels import LabelScheme
from sync.model.changes import ChangeSet, CommentChange, CommentRemoval, LabelChange
from sync.model.records import JournalEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class CurrentComment:
    """Current state of a comment that the run wrote."""

    id: str
    exists: bool
    text: str | None = None
    """Text between our markers; None if author, marker or instance show that the comment is not ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CurrentIssue:
    """Current state of an issue that the run wrote on."""

    ref: IssueRef
    """Reference with the current key."""
    issue: Issue | None = None
    problem: str = ""
    """Reason why nothing can be reverted here, when ``issue`` is None."""
    put_by_others: frozenset[str] = frozenset()
    """Labels in lower case that were last put by another account than ours."""
    comments: Mapping[str, CurrentComment] = field(default_factory=dict)
    """Comments by subject, as far as the journal has an id."""
    later_writes: tuple[JournalEntry, ...] = ()
    """Writes of later runs on the issue, oldest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoRequest:
    """The run to revert, and what the store knows about its writes."""

    run_id: str
    entries: tuple[JournalEntry, ...]
    """Journal of the run and of every undo of it, oldest first."""
    scheme: LabelScheme
    renames: Mapping[str, str] = field(default_factory=dict)
    """Former label -> current label, from ``previously``."""
    last_texts: Mapping[tuple[IssueRef, str], str] = field(default_factory=dict)
    """(issue, subject) -> comment text that was last pushed there."""
    elsewhere: frozenset[tuple[IssueRef, str]] = frozenset()
    """(issue, subject) pairs whose comment is on another issue now."""
    reapplies: bool = False
    """The run is itself an undo. Undoing it applies the original writes again and holds nothing."""
    post_again: bool = False
    """Comments that the run deleted may be posted again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A label or comment that no run changes until ``overrides clear``."""

    ref: IssueRef
    kind: Literal["held", "comment"]
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A write of the run that is not reverted, with the reason."""

    ref: IssueRef
    text: str


@dataclass(kw_only=True, slots=True)
class Reversal:
    """Inverse changes of a run, and what is left out. Collected issue by issue."""

    labels: list[LabelChange] = field(default_factory=list)
    comments: list[CommentChange] = field(default_factory=list)
    removals: list[CommentRemoval] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    """One entry for every label and comment in ``changes``."""
    skipped: list[Skipped] = field(default_factory=list)
    unchanged: list[Skipped] = field(default_factory=list)
    """Writes whose target already is as before the run."""
    notes: list[str] = field(default_factory=list)
    """Side effects of the run that stay, such as labels created in a repository."""

    @property
    def changes(self) -> ChangeSet:
        """The inverse changes."""
        return ChangeSet(
            labels=tuple(self.labels), comments=tuple(self.comments), removals=tuple(self.removals)
        )

    def skip(self, ref: IssueRef, text: str) -> None:
        """Leave out a write, with the reason."""
        self.skipped.append(Skipped(ref=ref, text=text))

    def leave_unchanged(self, ref: IssueRef, text: str) -> None:
        """Leave out a write whose target already is as before the run."""
        self.unchanged.append(Skipped(ref=ref, text=text))
