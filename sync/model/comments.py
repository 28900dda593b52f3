"""Status comments: content, desired state, recorded state and drift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from connectors.model import IssueRef
from sync.model.changes import Reason

CommentDrift = Literal["edited", "deleted", "taken over"]
"""What people did to a comment of ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DesiredComment:
    """The status comment that a subject should have."""

    subject: str
    ref: IssueRef
    body: str
    urgent_hash: str
    full_hash: str
    reason: Reason
    is_final: bool = False
    """The increment is closed and this is the last write: figures do not wait for their day."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PushedStatusComment:
    """The status comment that we last wrote for a subject."""

    ref: IssueRef
    comment_id: str
    urgent_hash: str
    full_hash: str
    edited_at: datetime
    deleted_by_person: bool = False


ContentLine = str | tuple[str, tuple[IssueRef, ...]]
"""A sentence; one with refs ends in their keys."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentContent:
    """What a comment says, before it is written in a tracker's markup. All text is still raw."""

    heading: str
    context: str
    state: str
    lines: tuple[ContentLine, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    omitted_rows: int = 0
    """Rows that are not shown."""
    footer: str = ""
    urgent_parts: tuple[str, ...] = ()
    """What makes an edit urgent: states, health words, blocked and released flags."""
