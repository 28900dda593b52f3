"""Desired labels, and the outcome of comparing them with the tracker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from connectors.model import IssueRef
from sync.model.changes import LabelChange, Reason

SuspicionKind = Literal[
    "veto", "pin", "pin-lifted", "veto-lifted", "left-lifted", "origin", "gone", "earlier"
]


@dataclass(frozen=True, kw_only=True, slots=True)
class SuspectedOverride:
    """It looks as if a person decided something, or as if a label of ours is gone. To be checked by a direct
    read before it is recorded."""

    ref: IssueRef
    kind: SuspicionKind
    label: str
    needs_history: bool = False
    """This store cannot know who put the label: the issue's history has to say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """Something that a person should know, and that changes nothing."""

    ref: IssueRef
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedOverrides:
    """People's recorded decisions about labels, by issue: under their names of today (``current_label_name``)."""

    pins: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    vetoes: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    reverted: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    """What ``undo`` took back: neither put nor removed until it is cleared, and nor are others of a family of which an
    issue has one at most."""
    ignored: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    """Labels of unknown or human origin that are left alone and mean nothing."""
    reverted_comments: Mapping[IssueRef, frozenset[str]] = field(default_factory=dict)
    """Subjects whose status comment on that issue ``undo`` took back: left as it is until it is cleared."""

    @property
    def refs(self) -> frozenset[IssueRef]:
        """The issues whose labels were decided on."""
        return frozenset({*self.pins, *self.vetoes, *self.reverted, *self.ignored})


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelDiff:
    changes: tuple[LabelChange, ...] = ()
    suspicions: tuple[SuspectedOverride, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DesiredLabels:
    """Our labels that one issue should carry, and how far we may go to get there."""

    ref: IssueRef
    container: str
    labels: Mapping[str, Reason] = field(default_factory=dict)
    fully_read: bool = True
    """The issue was read whole in this run; otherwise nothing is concluded about it."""
    may_write: bool = True
    """Writing is switched on for its team, and its increment is not closed for good."""
    no_pure_removal: bool = False
    """A label may go only when another of its family comes: a source that feeds it was not read."""
    is_anchor: bool = False
    team: str | None = None
    """Whose prefixes and colours its labels have; without one the organisation's."""
