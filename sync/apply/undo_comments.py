"""Reversal of comment writes. Text of people, and text of ours that people changed, stays."""

from __future__ import annotations

from collections.abc import Sequence

from sync.diff.comment_markup import text_digest
from sync.model.changes import ChangeSet, CommentChange, CommentRemoval, Reason
from sync.model.records import JournalEntry
from sync.model.undo import CurrentComment, CurrentIssue, Hold, Reversal, Skipped, UndoRequest

COMMENT_OPS = ("create-comment", "edit-comment", "delete-comment")


def revert_comments(request: UndoRequest, current: CurrentIssue, rows: Sequence[JournalEntry]) -> Reversal:
    """Return the reversal of comment writes on one issue. ``rows`` took effect, oldest first."""
    by_subject: dict[str, list[JournalEntry]] = {}
    for row in rows:
        by_subject.setdefault(str(row.payload["subject"]), []).append(row)
    return Reversal.merged(
        _CommentReverter(request, current, subject, writes).revert()
        for subject, writes in sorted(by_subject.items())
    )


def comment_id_of(rows: Sequence[JournalEntry]) -> str | None:
    """Return the id of the comment that these operations wrote last; None if the journal has none."""
    for row in reversed(rows):
        if named := row.payload.get("comment") or (row.after or {}).get("comment"):
            return str(named)
    return None


class _CommentReverter:
    """Comment of one subject on one issue: before the run, after the run, and now."""

    def __init__(
        self, request: UndoRequest, current: CurrentIssue, subject: str, rows: list[JournalEntry]
    ) -> None:
        self.request, self.ref, self.subject, self.rows = request, current.ref, subject, rows
        self.later, self.live = current.later_writes, current.comments.get(subject)
        self.before = _text_before(rows[0])
        self.after = None if rows[-1].op == "delete-comment" else str(rows[-1].payload["body"])
        self.reason = Reason(
            text=f"undo of {request.run_id}, whose reason was: {rows[-1].why}", rule=rows[-1].rule
        )

    def revert(self) -> Reversal:
        """Return the reversal of all writes to the comment."""
        if self.after is None:
            return self._revert_deletion()
        if self.live is None or not self.live.exists:
            return (
                self._skip("has since been deleted") if self.before else self._unchanged("no longer exists")
            )
        if self.live.text is None:
            return self._skip("is no longer ours (author, marker or instance)")
        if self.before is None:
            return self._revert_creation(self.live, self.live.text)
        return self._revert_edit(self.live, self.live.text, self.before)

    def _revert_creation(self, live: CurrentComment, text: str) -> Reversal:
        """Delete the comment if its text is still ours; later edits by increment-sync do not matter."""
        if text_digest(text) not in (text_digest(self.after or ""), self._last_text()):
            return self._skip("has since been changed by a person")
        removal = CommentRemoval(ref=self.ref, subject=self.subject, comment_id=live.id, reason=self.reason)
        return Reversal(changes=ChangeSet(removals=(removal,)), holds=(self._hold(),))

    def _revert_edit(self, live: CurrentComment, text: str, before: str) -> Reversal:
        if text_digest(text) == text_digest(before):
            return self._unchanged("is as before the run")
        if text_digest(text) == text_digest(self.after or ""):
            return Reversal(
                changes=ChangeSet(comments=(self._comment_change(before, live.id),)), holds=(self._hold(),)
            )
        if text_digest(text) == self._last_text():
            later = [row.run_id for row in self.later if row.payload.get("subject") == self.subject]
            return self._skip(
                f"has since been edited by run {later[-1] if later else '?'}; undo that run first"
            )
        return self._skip("has since been changed by a person")

    def _revert_deletion(self) -> Reversal:
        if self.before is None:
            return self._unchanged("is already gone")
        if not self.before:
            return self._skip("was deleted, and the journal does not have its text")
        if self.live is not None and self.live.exists and self.live.text is not None:
            return self._unchanged("exists")
        if (self.ref, self.subject) in self.request.elsewhere:
            return self._skip("is on another issue now")
        if self.request.reapplies:
            return self._unchanged("was deleted; the next run posts a new one")
        if not self.request.post_again:
            return self._skip(
                "was deleted and can only be posted again, which mails all watchers; if this is intended, add "
                "--post-again"
            )
        return Reversal(
            changes=ChangeSet(comments=(self._comment_change(self.before, None),)), holds=(self._hold(),)
        )

    def _comment_change(self, body: str, comment_id: str | None) -> CommentChange:
        # Without an urgent hash the next run that may write the comment does so at once.
        return CommentChange(
            ref=self.ref,
            subject=self.subject,
            body=body,
            urgent_hash="",
            full_hash=text_digest(body),
            reason=self.reason,
            comment_id=comment_id,
        )

    def _last_text(self) -> str | None:
        text = self.request.last_texts.get((self.ref, self.subject))
        return None if text is None else text_digest(text)

    def _hold(self) -> Hold:
        return Hold(ref=self.ref, kind="comment", label=self.subject)

    def _skip(self, what: str) -> Reversal:
        return Reversal(skipped=(Skipped(ref=self.ref, text=f"its status comment of {self.subject} {what}"),))

    def _unchanged(self, what: str) -> Reversal:
        return Reversal(
            unchanged=(Skipped(ref=self.ref, text=f"its status comment of {self.subject} {what}"),)
        )


def _text_before(row: JournalEntry) -> str | None:
    """Return our text before an operation: None without a comment, empty if the journal does not have it."""
    if row.op == "create-comment":
        return None
    if row.op == "delete-comment":
        return str(row.before.get("own", ""))
    return str(row.before.get("body", ""))
