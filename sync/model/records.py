"""Records of the store, as frozen values. All times are aware and in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from connectors.model import Cursor, IssueRef

EventKind = Literal["appeared", "status", "moved", "left", "vanished", "returned"]
CommentState = Literal["live", "deleted-by-person"]
OverrideKind = Literal["veto", "pin", "held", "comment", "left"]
"""``held``: reverted by ``undo``. ``left``: of unknown or human origin, left alone, without effect."""
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
    """One execution of a command.

    ``finished``, ``outcome`` and ``exit_code`` are None while it runs and after a crash.
    """

    id: str
    command: str
    started: datetime
    finished: datetime | None = None
    outcome: str | None = None
    exit_code: int | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    holder: str | None = None
    """User, machine and process; None in records of older versions."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeaseRecord:
    """Holder of the run lock; a dead run holds it until it expires."""

    run_id: str
    holder: str
    since: datetime
    expires: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceState:
    """State of a source between runs."""

    name: str
    tracker: str
    definition_hash: str
    cursor: Cursor | None = None
    """None: the next pull is a full one."""
    last_whole: datetime | None = None
    """Time of the last complete pull."""
    last_census: datetime | None = None
    """Time at which all ids were last known, from a census or a full pull."""
    count: int = 0
    """Number of issues at ``last_census``."""
    failing_since: datetime | None = None
    """First failure since the last successful read."""
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueEvent:
    """A change of an issue that this program noticed between two reads."""

    ref: IssueRef
    at: datetime
    """Time of the read, which is later than the change."""
    kind: EventKind
    before: Mapping[str, str | None] | None = None
    after: Mapping[str, str | None] | None = None
    """Depending on the kind: ``status`` and ``category``, ``key`` and ``container``, or ``source``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PushedLabelRecord:
    """A label that we added to an issue and did not remove since."""

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
    """Hash of the whole content."""
    urgent_hash: str
    """Hash of what is updated at once: states, health and blocked flags."""
    edited_at: datetime
    state: CommentState = "live"
    run_id: str

    @property
    def deleted_by_person(self) -> bool:
        """True if a person deleted the comment or took it over. It is not written again."""
        return self.state == "deleted-by-person"


@dataclass(frozen=True, kw_only=True, slots=True)
class OverrideRecord:
    """A manual override: a person's decision on a tracker that differs from ours."""

    ref: IssueRef
    kind: OverrideKind
    label: str
    since: datetime
    run_id: str
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class OutcomeCount:
    """Number of writes of one kind with one outcome."""

    tracker: str
    op: Operation
    outcome: WriteOutcome
    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalEntry:
    """An intended write with its before-image and its outcome."""

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
    """None while the result is unknown: the run is still writing, or died while it did."""
    resulted_at: datetime | None = None
    detail: str = ""
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AssignmentRecord:
    """The capability that an issue counts in; ``capability`` is None after it left."""

    ref: IssueRef
    capability: str | None
    rule: str | None
    """None for a pin, and without a capability."""
    team: str
    """The team that has the issue, or had it last."""
    iteration: str | None
    since: datetime
    """In ``assignments()``: since when the issue is in this capability. In a history: time of the change."""
    run_id: str
