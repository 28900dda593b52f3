"""Reversal of comment writes. Text of people, and text of ours that people changed, stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sync.diff.comment_markup import text_digest
from sync.model.changes import CommentChange, CommentRemoval, Reason
from sync.model.records import JournalEntry
from sync.model.undo import CurrentIssue, Hold, Reversal, UndoRequest

COMMENT_OPS = ("create-comment", "edit-comment", "delete-comment")


def revert_comments(
    request: UndoRequest, current: CurrentIssue, rows: Iterable[JournalEntry], reversal: Reversal
) -> None:
    """Add the reversal of comment writes on one issue. ``rows`` took effect, oldest first."""
    for subject, writes in sorted(group_by_subject(rows).items()):
        _CommentReverter(request, current, subject, writes, reversal).revert()


def group_by_subject(rows: Iterable[JournalEntry]) -> Mapping[str, list[JournalEntry]]:
    """Return subject -> operations on its comment. A deleted duplicate is not posted again."""
    found: defaultdict[str, list[JournalEntry]] = defaultdict(list)
    for row in rows:
        if row.op in COMMENT_OPS and "duplicate_of" not in row.payload:
            found[str(row.payload["subject"])].append(row)
    return found


def comment_id_of(rows: Sequence[JournalEntry]) -> str | None:
    """Return the id of the comment that these operations wrote last; None if the journal has none."""
    for row in reversed(rows):
        if named := row.payload.get("comment") or (row.after or {}).get("comment"):
            return str(named)
    return None


class _CommentReverter:
    """Comment of one subject on one issue: before the run, after the run, and now."""

    def __init__(
        self,
        request: UndoRequest,
        current: CurrentIssue,
        subject: str,
        rows: list[JournalEntry],
        reversal: Reversal,
    ) -> None:
        self.request, self.current, self.subject, self.reversal = request, current, subject, reversal
        self.ref, self.live = current.ref, current.comments.get(subject)
        self.before = _text_before(rows[0])
        self.after = None if rows[-1].op == "delete-comment" else str(rows[-1].payload["body"])
        self.reason = Reason(
            text=f"undo of {request.run_id}, whose reason was: {rows[-1].why}", rule=rows[-1].rule
        )

    def revert(self) -> None:
        """Add the reversal of all writes to the comment."""
        if self.after is None:
            self._revert_deletion()
        elif self.live is None or not self.live.exists:
            if self.before:
                self._skip("has since been deleted")
            else:
                self._leave_unchanged("no longer exists")
        elif self.live.text is None:
            self._skip("is no longer ours (author, marker or instance)")
        elif self.before is None:
            self._revert_creation(self.live.id, text_digest(self.live.text), text_digest(self.after))
        else:
            self._revert_edit(self.live.id, text_digest(self.live.text), text_digest(self.after), self.before)

    def _revert_creation(self, comment_id: str, live: str, after: str) -> None:
        """Delete the comment if its text is still ours; later edits by increment-sync do not matter."""
        if live not in (after, self._last_digest()):
            self._skip("has since been changed by a person")
            return
        self.reversal.removals.append(
            CommentRemoval(ref=self.ref, subject=self.subject, comment_id=comment_id, reason=self.reason)
        )
        self._hold()

    def _revert_edit(self, comment_id: str, live: str, after: str, before: str) -> None:
        if live == text_digest(before):
            self._leave_unchanged("is as before the run")
        elif live == after:
            self._write(before, comment_id)
        elif live == self._last_digest():
            rows = self.current.later_writes
            later = [row.run_id for row in rows if row.payload.get("subject") == self.subject]
            self._skip(f"has since been edited by run {later[-1] if later else '?'}; undo that run first")
        else:
            self._skip("has since been changed by a person")

    def _revert_deletion(self) -> None:
        if self.before is None:
            self._leave_unchanged("is already gone")
        elif not self.before:
            self._skip("was deleted, and the journal does not have its text")
        elif self.live is not None and self.live.exists and self.live.text is not None:
            self._leave_unchanged("exists")
        elif (self.ref, self.subject) in self.request.elsewhere:
            self._skip("is on another issue now")
        elif self.request.reapplies:
            self._leave_unchanged("was deleted; the next run posts a new one")
        elif not self.request.post_again:
            self._skip(
                "was deleted and can only be posted again, which mails all watchers; if this is intended, add "
                "--post-again"
            )
        else:
            self._write(self.before, None)

    def _write(self, body: str, comment_id: str | None) -> None:
        # Without an urgent hash the next run that may write the comment does so at once.
        self.reversal.comments.append(
            CommentChange(
                ref=self.ref,
                subject=self.subject,
                body=body,
                urgent_hash="",
                full_hash=text_digest(body),
                reason=self.reason,
                comment_id=comment_id,
            )
        )
        self._hold()

    def _last_digest(self) -> str | None:
        text = self.request.last_texts.get((self.ref, self.subject))
        return None if text is None else text_digest(text)

    def _hold(self) -> None:
        self.reversal.holds.append(Hold(ref=self.ref, kind="comment", label=self.subject))

    def _skip(self, what: str) -> None:
        self.reversal.skip(self.ref, f"its status comment of {self.subject} {what}")

    def _leave_unchanged(self, what: str) -> None:
        self.reversal.leave_unchanged(self.ref, f"its status comment of {self.subject} {what}")


def _text_before(row: JournalEntry) -> str | None:
    """Return our text before an operation: None without a comment, empty if the journal does not have it."""
    if row.op == "create-comment":
        return None
    if row.op == "delete-comment":
        return str(row.before.get("own", ""))
    return str(row.before.get("body", ""))
