"""Comparison of desired status comments with the pushed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.model import IssueRef
from sync.model.changes import CommentChange, CommentRemoval, Reason
from sync.model.comments import CommentDrift, DesiredComment
from sync.model.labels import Notice
from sync.model.records import PushedCommentRecord


def diff_comments(
    desired: tuple[DesiredComment, ...],
    pushed: Mapping[str, PushedCommentRecord],
    *,
    now: datetime,
    counts_every: timedelta,
    drift: Mapping[str, CommentDrift] | None = None,
    reverted: Mapping[IssueRef, frozenset[str]] | None = None,
) -> tuple[tuple[CommentChange, ...], tuple[Notice, ...]]:
    """Return the comments to create or edit, and notices about those left alone.

    A change of the urgent part is written at once, any other change at most once in ``counts_every``. The interval is
    shortened by a twenty-fourth, so that a daily cron job that starts some seconds early is not postponed by a day.

    ``drift``: subjects whose comment a person changed and that this run repairs. ``reverted``: issue -> subjects whose
    comment ``undo`` reverted; it stays as it is.
    """
    changes: list[CommentChange] = []
    notices: list[Notice] = []
    for comment in desired:
        last = pushed.get(comment.subject)
        if last is not None and last.ref != comment.ref:
            last = None  # on the former anchor, see comments_to_remove
        if comment.subject in (reverted or {}).get(comment.ref, ()):
            text = f"its status comment of {comment.subject} was reverted by undo and is not updated until "
            notices.append(Notice(ref=comment.ref, text=text + "`increment-sync overrides clear`"))
        elif last is None:
            changes.append(_comment_change(comment, None))
        elif drifted := (drift or {}).get(comment.subject):
            changes.append(_repair(comment, last, drifted))
        elif last.deleted_by_person:
            text = f"a person deleted the status comment of {comment.subject}; not posted again"
            notices.append(Notice(ref=comment.ref, text=text))
        elif _is_edit_due(comment, last, now, counts_every):
            changes.append(_comment_change(comment, last))
    return tuple(changes), tuple(notices)


def _is_edit_due(
    desired: DesiredComment, last: PushedCommentRecord, now: datetime, counts_every: timedelta
) -> bool:
    if desired.urgent_hash != last.urgent_hash:
        return True
    is_time = desired.is_final or now - last.edited_at >= counts_every * 23 / 24
    return desired.full_hash != last.full_hash and is_time


def _repair(desired: DesiredComment, last: PushedCommentRecord, drift: CommentDrift) -> CommentChange:
    """Write an edited comment again; replace one that was deleted or taken over by a new one."""
    change = _comment_change(desired, last if drift == "edited" else None)
    return replace(
        change, reason=Reason(text=f"the status comment of {desired.subject} was {drift} manually")
    )


def _comment_change(desired: DesiredComment, last: PushedCommentRecord | None) -> CommentChange:
    return CommentChange(
        ref=desired.ref,
        subject=desired.subject,
        body=desired.body,
        urgent_hash=desired.urgent_hash,
        full_hash=desired.full_hash,
        reason=desired.reason,
        comment_id=last.comment_id if last else None,
        before_hash=last.full_hash if last else None,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class CommentPlacement:
    """Anchors of the subjects as the plans define them now."""

    desired: Mapping[str, IssueRef]
    """Subjects that get a comment in this run -> their anchor."""
    without_anchor: frozenset[str] = frozenset()
    """Subjects of the plans without an anchor for which pushing is enabled."""
    removed_subjects: frozenset[str] = frozenset()
    """Subjects that were removed from a plan that still exists."""


def comments_to_remove(
    pushed: Mapping[str, PushedCommentRecord],
    placement: CommentPlacement,
    reverted: Mapping[IssueRef, frozenset[str]] | None = None,
) -> tuple[CommentRemoval, ...]:
    """Return removals of comments on issues that are no longer the anchor of their subject.

    A comment stays if its whole plan is gone, because an archived plan keeps its last comment. It also stays if its
    subject gets no comment in this run (a source failed, pushing is disabled), because then its anchor is not certain.
    """
    removals = []
    for subject, last in sorted(pushed.items()):
        if last.deleted_by_person or subject in (reverted or {}).get(last.ref, ()):
            continue
        moved_to = placement.desired.get(subject)
        if moved_to and moved_to != last.ref:
            text = f"the anchor of {subject} is now {moved_to}"
        elif subject in placement.without_anchor:
            text = f"{subject} no longer has an anchor"
        elif subject in placement.removed_subjects:
            text = f"{subject} was removed from the plan"
        else:
            continue
        removals.append(
            CommentRemoval(
                ref=last.ref, subject=subject, comment_id=last.comment_id, reason=Reason(text=text)
            )
        )
    return tuple(removals)
