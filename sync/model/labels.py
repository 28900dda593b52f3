"""Desired labels, recorded overrides, and the result of the label comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from connectors.model import IssueRef
from sync.model.changes import LabelChange, Reason

SuspicionKind = Literal[
    "veto", "pin", "pin-lifted", "veto-lifted", "ignored-lifted", "origin", "gone", "before-store"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class SuspectedOverride:
    """A possible decision of a person, or a label of ours that may be gone.

    A direct read of the issue checks it before it is recorded.
    """

    ref: IssueRef
    kind: SuspicionKind
    label: str
    needs_history: bool = False
    """The store cannot know who put the label, so the label history of the issue decides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """Information for people about one issue. It causes no change."""

    ref: IssueRef
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedOverrides:
    """Recorded overrides by issue. Labels are stored under their current name (``current_label_name``)."""

    pins: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    vetoes: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    reverted: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    """Labels reverted by ``undo``: neither added nor removed until ``overrides clear``.

    The same holds for other labels of the family, where an issue has at most one of it."""
    ignored: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    """Labels that increment-sync did not put as far as the history says. They stay and have no effect."""
    put_by_people: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    """Ignored labels that the history attributes to a person; it does not name anybody for the others."""
    reverted_comments: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    """Subjects whose status comment on the issue ``undo`` reverted: unchanged until ``overrides clear``."""

    @property
    def refs(self) -> frozenset[IssueRef]:
        """Issues with at least one override about labels."""
        return frozenset({*self.pins, *self.vetoes, *self.reverted, *self.ignored})


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelDiff:
    """Result of ``diff_labels``: changes to write, overrides to check, and notices for people."""

    changes: tuple[LabelChange, ...] = ()
    suspicions: tuple[SuspectedOverride, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DesiredLabels:
    """Managed labels that one issue should have, and the limits on writing them."""

    ref: IssueRef
    container: str
    labels: Mapping[str, Reason] = field(default_factory=dict)
    fully_read: bool = True
    """The issue was fully read in this run. Without that, nothing is concluded about it."""
    may_write: bool = True
    """Pushing is enabled for its team, and its increment has not had its last write."""
    no_pure_removal: bool = False
    """A label may be removed only if another of its family replaces it, because a source of the capability was not
    read."""
    is_anchor: bool = False
    team: str | None = None
    """Team whose prefixes and colors the labels have; None for the organization's."""
