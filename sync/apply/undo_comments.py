"""Take back what a run did with status comments. What people wrote, or changed in our text, stays."""

from __future__ import annotations

from collections.abc import Sequence

from sync.diff.comment_markup import digest
from sync.model.changes import ChangeSet, CommentChange, CommentRemoval, Reason
from sync.model.records import JournalRow
from sync.model.undo import Found, FoundComment, Hold, Left, Request, Undoing


def comments_back(request: Request, now: Found, rows: Sequence[JournalRow]) -> Undoing:
    """The inverse of comment operations on one issue. ``rows`` took effect, oldest first."""
    by_subject: dict[str, list[JournalRow]] = {}
    for row in rows:
        by_subject.setdefault(str(row.payload["subject"]), []).append(row)
    found = [_Subject(request, now, subject, of).judge() for subject, of in sorted(by_subject.items())]
    return Undoing(
        changes=ChangeSet(
            comments=tuple(c for each in found for c in each.changes.comments),
            removals=tuple(r for each in found for r in each.changes.removals),
        ),
        holds=tuple(hold for each in found for hold in each.holds),
        refused=tuple(left for each in found for left in each.refused),
        already=tuple(left for each in found for left in each.already),
    )


def comment_id_of(rows: Sequence[JournalRow]) -> str | None:
    """Id of the comment that these operations on one subject were about last, as far as the journal tells."""
    for row in reversed(rows):
        if named := row.payload.get("comment") or (row.after or {}).get("comment"):
            return str(named)
    return None


class _Subject:
    """The comment of one subject on one issue: what it was before the run, after it, and now."""

    def __init__(self, request: Request, now: Found, subject: str, rows: list[JournalRow]) -> None:
        self.request, self.ref, self.subject, self.rows = request, now.ref, subject, rows
        self.later, self.live = now.later, now.comments.get(subject)
        self.before = _text_before(rows[0])
        self.after = None if rows[-1].op == "delete-comment" else str(rows[-1].payload["body"])
        self.reason = Reason(text=f"undo of {request.run_id}, which said: {rows[-1].why}", rule=rows[-1].rule)

    def judge(self) -> Undoing:
        if self.after is None:
            return self._was_deleted()
        if self.live is None or not self.live.there:
            return (
                self._refused("was deleted since") if self.before else self._already("is not there any more")
            )
        if self.live.text is None:
            return self._refused("is not ours any more (author, marker or instance)")
        if self.before is None:
            return self._was_created(self.live, self.live.text)
        return self._was_edited(self.live, self.live.text, self.before)

    def _was_created(self, live: FoundComment, text: str) -> Undoing:
        """Later edits of ours leave it ours; those of people do not."""
        if digest(text) not in (digest(self.after or ""), self._last_text()):
            return self._refused("holds text of ours that a person changed since")
        removal = CommentRemoval(ref=self.ref, subject=self.subject, comment_id=live.id, reason=self.reason)
        return Undoing(changes=ChangeSet(removals=(removal,)), holds=(self._hold(),))

    def _was_edited(self, live: FoundComment, text: str, before: str) -> Undoing:
        if digest(text) == digest(before):
            return self._already("is as before the run")
        if digest(text) == digest(self.after or ""):
            return Undoing(changes=ChangeSet(comments=(self._write(before, live.id),)), holds=(self._hold(),))
        if digest(text) == self._last_text():
            later = [row.run_id for row in self.later if row.payload.get("subject") == self.subject]
            return self._refused(
                f"was edited by run {later[-1] if later else '?'} since; undo that run first"
            )
        return self._refused("holds text of ours that a person changed since")

    def _was_deleted(self) -> Undoing:
        if self.before is None:
            return self._already("is gone already")
        if not self.before:
            return self._refused("was deleted, and the journal does not hold its text")
        if self.live is not None and self.live.there and self.live.text is not None:
            return self._already("is there")
        if (self.ref, self.subject) in self.request.elsewhere:
            return self._refused("stands on another issue now")
        if self.request.does_again:
            return self._already("was deleted; the next run posts a new one")
        if not self.request.post_again:
            return self._refused(
                "was deleted and can only be posted anew, which mails everybody who watches; if that is wanted, "
                "add --post-again"
            )
        return Undoing(changes=ChangeSet(comments=(self._write(self.before, None),)), holds=(self._hold(),))

    def _write(self, body: str, comment_id: str | None) -> CommentChange:
        # Without an urgent hash the next run that may write the comment does so at once.
        return CommentChange(
            ref=self.ref,
            subject=self.subject,
            body=body,
            urgent_hash="",
            full_hash=digest(body),
            reason=self.reason,
            comment_id=comment_id,
        )

    def _last_text(self) -> str | None:
        text = self.request.last_texts.get((self.ref, self.subject))
        return None if text is None else digest(text)

    def _hold(self) -> Hold:
        return Hold(ref=self.ref, kind="comment", label=self.subject)

    def _refused(self, what: str) -> Undoing:
        return Undoing(refused=(Left(ref=self.ref, text=f"its status comment of {self.subject} {what}"),))

    def _already(self, what: str) -> Undoing:
        return Undoing(already=(Left(ref=self.ref, text=f"its status comment of {self.subject} {what}"),))


def _text_before(row: JournalRow) -> str | None:
    """Our text before an operation: None when there was no comment, empty when the journal does not tell."""
    if row.op == "create-comment":
        return None
    if row.op == "delete-comment":
        return str(row.before.get("own", ""))
    return str(row.before.get("body", ""))
