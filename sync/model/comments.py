"""Desired and pushed status comments, and the content of a comment before it is rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from connectors.model import IssueRef
from sync.model.changes import Reason

CommentDrift = Literal["edited", "deleted", "taken over"]
"""How a person changed a status comment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DesiredComment:
    """The status comment that a capability or goal should have."""

    subject: str
    ref: IssueRef
    body: str
    urgent_hash: str
    full_hash: str
    reason: Reason
    is_final: bool = False
    """The increment is closed and this is its last write: the edit interval does not apply."""


ContentLine = str | tuple[str, tuple[IssueRef, ...]]
"""A sentence, or a sentence with the issues whose keys end the line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentContent:
    """Content of a status comment before rendering. All text is raw and not yet escaped."""

    heading: str
    context: str
    state: str
    lines: tuple[ContentLine, ...] = ()
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    omitted_rows: int = 0
    """Number of rows that are not shown."""
    footer: str = ""
    urgent_parts: tuple[str, ...] = ()
    """Facts that make an edit urgent: states, health, blocked and released flags."""
