"""Which status comments have to be written: what we would say now against what we said last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.model import IssueRef
from sync.model.changes import CommentChange, CommentRemoval, Reason
from sync.model.comments import CommentDrift, DesiredComment, PushedStatusComment
from sync.model.labels import Notice


def diff_comments(
    desired: tuple[DesiredComment, ...],
    pushed: Mapping[str, PushedStatusComment],
    *,
    now: datetime,
    counts_every: timedelta,
    drift: Mapping[str, CommentDrift] | None = None,
    reverted: Mapping[IssueRef, frozenset[str]] | None = None,
) -> tuple[tuple[CommentChange, ...], tuple[Notice, ...]]:
    """A comment is edited at once when its urgent part changed, for the rest at most every ``counts_every``.

    A twenty-fourth of that time is forgiven: a daily crontab that starts some seconds early is not a day late.

    ``drift``: subjects whose comment was found to be different from what we wrote and is to be repaired.
    ``reverted``: issue -> subjects whose comment there was taken back by ``undo`` and stays as it is.
    """
    changes, observations = [], []
    for wish in desired:
        last = pushed.get(wish.subject)
        drifted = (drift or {}).get(wish.subject)
        if wish.subject in (reverted or {}).get(wish.ref, ()):
            observations.append(
                Notice(
                    ref=wish.ref,
                    text=f"its status comment of {wish.subject} was taken back by undo and stays as it is; let it "
                    "go on with `increment-sync overrides clear`",
                )
            )
        elif last and last.ref == wish.ref and drifted:
            changes.append(_repair(wish, last, drifted))
        elif last and last.ref == wish.ref and last.deleted_by_person:
            observations.append(
                Notice(
                    ref=wish.ref,
                    text=f"a person deleted the status comment of {wish.subject}; not posted again",
                )
            )
        elif last is None or last.ref != wish.ref:
            changes.append(_comment_change(wish, None))
        elif last.urgent_hash != wish.urgent_hash or (
            last.full_hash != wish.full_hash
            and (wish.is_final or now - last.edited_at >= counts_every * 23 / 24)
        ):
            changes.append(_comment_change(wish, last))
    return tuple(changes), tuple(observations)


def _repair(desired: DesiredComment, last: PushedStatusComment, drift: CommentDrift) -> CommentChange:
    """What was edited is written again; what is not there, or not ours any more, gets a successor."""
    change = _comment_change(desired, last if drift == "edited" else None)
    return replace(change, reason=Reason(text=f"the status comment of {desired.subject} was {drift} by hand"))


def _comment_change(desired: DesiredComment, last: PushedStatusComment | None) -> CommentChange:
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
    """Where comments belong now."""

    desired: Mapping[str, IssueRef]
    """Subjects that get a comment in this run -> their anchor."""
    without_anchor: frozenset[str] = frozenset()
    """Subjects of the plans that have no anchor (any more), and may be written for."""
    removed_subjects: frozenset[str] = frozenset()
    """Subjects that are in no plan any more, although the plan of their increment is still there."""


def comments_to_remove(
    pushed: Mapping[str, PushedStatusComment],
    placement: CommentPlacement,
    reverted: Mapping[IssueRef, frozenset[str]] | None = None,
) -> tuple[CommentRemoval, ...]:
    """Comments on issues that do not stand for their subject any more: they would tell stale figures for ever.

    One whose whole plan is gone stays, because an archived plan ends in a last word, and so does one whose subject
    gets no comment in this run (a source failed, push is off): then nothing is certain. ``reverted`` as above.
    """
    removals = []
    for subject, last in sorted(pushed.items()):
        if last.deleted_by_person or subject in (reverted or {}).get(last.ref, ()):
            continue
        moved_to = placement.desired.get(subject)
        if moved_to and moved_to != last.ref:
            text = f"{subject} has another anchor now: {moved_to}"
        elif subject in placement.without_anchor:
            text = f"{subject} has no anchor any more"
        elif subject in placement.removed_subjects:
            text = f"the plan has no {subject} any more"
        else:
            continue
        removals.append(
            CommentRemoval(
                ref=last.ref, subject=subject, comment_id=last.comment_id, reason=Reason(text=text)
            )
        )
    return tuple(removals)
