"""What the store hands out and takes in, as frozen values. All times are aware and in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from connectors.model import Cursor, IssueRef

EventKind = Literal["appeared", "status", "moved", "left", "vanished", "returned"]
CommentState = Literal["live", "deleted-by-person"]
OverrideKind = Literal["veto", "pin", "held", "comment", "left"]
"""``left``: a label of unknown or human origin that is left alone and means nothing."""
Operation = Literal[
    "create-label",
    "rename-label",
    "add-label",
    "remove-label",
    "create-comment",
    "edit-comment",
    "delete-comment",
]
WriteOutcome = Literal["done", "failed", "unknown", "not-sent"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """One execution; ``finished``, ``outcome`` and ``exit_code`` are None while it runs and after a crash."""

    id: str
    command: str
    started: datetime
    finished: datetime | None = None
    outcome: str | None = None
    exit_code: int | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    holder: str | None = None
    """User, machine and process; None in rows of older versions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaseRecord:
    """Who works on the store, or died while working on it."""

    run_id: str
    holder: str
    since: datetime
    expires: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceState:
    """What is remembered of a source between runs."""

    name: str
    tracker: str
    definition_hash: str
    cursor: Cursor | None = None
    """None: the next pull is a full one."""
    last_whole: datetime | None = None
    """The last pull in which it was read whole."""
    last_census: datetime | None = None
    """The last time that all its ids were known: a census or a full pull."""
    count: int = 0
    """Issues held at ``last_census``."""
    failing_since: datetime | None = None
    """The first failure since it was last read."""
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueEvent:
    """Something that this program saw happen to an issue between two readings."""

    ref: IssueRef
    at: datetime
    """When it was seen, which is later than when it happened."""
    kind: EventKind
    before: Mapping[str, str | None] | None = None
    after: Mapping[str, str | None] | None = None
    """``status`` and ``category``, or ``key`` and ``container``, or ``source``, as the kind has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PushedLabelRecord:
    """A label that we put on an issue and did not remove since."""

    label: str
    run_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class PushedCommentRecord:
    """Our status comment on the anchor of a subject."""

    subject: str
    """``capability:churn`` or ``goal:retention``."""
    ref: IssueRef
    comment_id: str
    body: str
    full_hash: str
    """Of everything that the comment says."""
    urgent_hash: str
    """Of what must be said at once: states, health words, blocked flags."""
    edited_at: datetime
    state: CommentState = "live"
    run_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OverrideRecord:
    """A person's decision on a tracker that differs from ours."""

    ref: IssueRef
    kind: OverrideKind
    label: str
    since: datetime
    run_id: str
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeCount:
    """So many writes of a kind came out so."""

    tracker: str
    op: Operation
    outcome: WriteOutcome
    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """An intended write with its before-image, and what became of it."""

    id: int
    run_id: str
    at: datetime
    ref: IssueRef
    op: Operation
    payload: Mapping[str, Any]
    before: Mapping[str, Any]
    rule: str | None
    why: str
    account: str | None = None
    """Name of our account on the tracker; None in entries of older versions."""
    outcome: WriteOutcome | None = None
    """None while no result is known: the run is at it, or it died there."""
    resulted_at: datetime | None = None
    detail: str = ""
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AssignmentRecord:
    """Where an issue counts, or, with ``capability`` None, that it counts nowhere any more."""

    ref: IssueRef
    capability: str | None
    rule: str | None
    """None for a pin, and when no capability has it."""
    team: str
    """The team that has it, or had it last."""
    iteration: str | None
    since: datetime
    """In ``assignments()``: since when it is at this capability. In a history: when this became so."""
    run_id: str
