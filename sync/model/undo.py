"""What taking a run back consists of, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from connectors.model import Issue, IssueRef
from mappings.labels import LabelScheme
from sync.model.changes import ChangeSet
from sync.model.records import JournalEntry


@dataclass(frozen=True, kw_only=True, slots=True)
class CurrentComment:
    """The comment that a run wrote, or where it was, as it is now."""

    id: str
    exists: bool
    text: str | None = None
    """Our text in it; None when author, marker or instance say that it is not ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CurrentIssue:
    """An issue that a run wrote on, as its tracker shows it now."""

    ref: IssueRef
    """With the key of today."""
    issue: Issue | None = None
    problem: str = ""
    """Why nothing can be taken back here, when ``issue`` is None."""
    put_by_others: frozenset[str] = frozenset()
    """Labels in lower case that somebody else than our account put last."""
    comments: Mapping[str, CurrentComment] = field(default_factory=dict)
    """By subject; those of which the journal knows an id."""
    later_writes: tuple[JournalEntry, ...] = ()
    """What other runs did there since, oldest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoRequest:
    """What is to be taken back, and what is known for it beside the trackers."""

    run_id: str
    entries: tuple[JournalEntry, ...]
    """Of the run and of everything that took it back or did it again, oldest first."""
    scheme: LabelScheme
    renames: Mapping[str, str] = field(default_factory=dict)
    """Label -> its name of today, from ``previously``."""
    last_texts: Mapping[tuple[IssueRef, str], str] = field(default_factory=dict)
    """(issue, subject) -> the comment text that we wrote there last."""
    elsewhere: frozenset[tuple[IssueRef, str]] = frozenset()
    """(issue, subject) whose comment stands on another issue now."""
    reapplies: bool = False
    """The run was itself an undo: nothing is held afterwards, and runs go on from there."""
    post_again: bool = False
    """Comments that the run deleted may be posted anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A label or comment that no run touches until it is cleared."""

    ref: IssueRef
    kind: Literal["held", "comment"]
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """Something that the run did and that is not taken back, and why."""

    ref: IssueRef
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reversal:
    """The inverse of a run, as far as nobody stands in its way."""

    changes: ChangeSet = field(default_factory=ChangeSet)
    holds: tuple[Hold, ...] = ()
    """One for every label and comment that ``changes`` touch."""
    skipped: tuple[Skipped, ...] = ()
    unchanged: tuple[Skipped, ...] = ()
    """What is as it was before the run."""
    notes: tuple[str, ...] = ()
    """What the run made and what stays."""
