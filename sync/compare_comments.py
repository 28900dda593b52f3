"""Which status comments have to be written: what we would say now against what we said last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from connectors.model import IssueRef
from sync.changes import CommentChange, Reason
from sync.compare import Observation

CommentDrift = Literal["edited", "deleted", "taken over"]
"""What people did to a comment of ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentWish:
    """The status comment that a subject should have."""

    subject: str
    ref: IssueRef
    body: str
    urgent_hash: str
    full_hash: str
    reason: Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class WrittenComment:
    """The status comment that we last wrote for a subject."""

    ref: IssueRef
    comment_id: str
    urgent_hash: str
    full_hash: str
    edited_at: datetime
    deleted_by_person: bool = False


def compare_comments(
    wishes: tuple[CommentWish, ...],
    written: Mapping[str, WrittenComment],
    *,
    now: datetime,
    counts_every: timedelta,
    drift: Mapping[str, CommentDrift] | None = None,
) -> tuple[tuple[CommentChange, ...], tuple[Observation, ...]]:
    """A comment is edited at once when its urgent part changed, for the rest at most every ``counts_every``.

    ``drift``: subjects whose comment was found to be different from what we wrote and is to be repaired.
    """
    changes, observations = [], []
    for wish in wishes:
        last = written.get(wish.subject)
        drifted = (drift or {}).get(wish.subject)
        if last and last.ref == wish.ref and drifted:
            changes.append(_repair(wish, last, drifted))
        elif last and last.ref == wish.ref and last.deleted_by_person:
            observations.append(
                Observation(
                    ref=wish.ref,
                    text=f"a person deleted the status comment of {wish.subject}; not posted again",
                )
            )
        elif last is None or last.ref != wish.ref:
            changes.append(_comment_change(wish, None))
        elif last.urgent_hash != wish.urgent_hash or (
            last.full_hash != wish.full_hash and now - last.edited_at >= counts_every
        ):
            changes.append(_comment_change(wish, last))
    return tuple(changes), tuple(observations)


def _repair(wish: CommentWish, last: WrittenComment, drifted: CommentDrift) -> CommentChange:
    """What was edited is written again; what is not there, or not ours any more, gets a successor."""
    change = _comment_change(wish, last if drifted == "edited" else None)
    return replace(change, reason=Reason(text=f"the status comment of {wish.subject} was {drifted} by hand"))


def _comment_change(wish: CommentWish, last: WrittenComment | None) -> CommentChange:
    return CommentChange(
        ref=wish.ref,
        subject=wish.subject,
        body=wish.body,
        urgent_hash=wish.urgent_hash,
        full_hash=wish.full_hash,
        reason=wish.reason,
        comment_id=last.comment_id if last else None,
        before_hash=last.full_hash if last else None,
    )
