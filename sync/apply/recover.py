"""Recovery after a run that crashed or lost a response.

For each intent without a result, the tracker is read to find out whether the write took effect.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from connectors.errors import ConnectorError, Gone
from connectors.model import Comment
from sync.apply.labels import record_label_rename
from sync.diff.comment_markup import text_digest
from sync.pull.comment_marker import CommentMarker, read_live_comment
from sync.runtime.context import RunContext
from sync.store import JournalEntry, PushedCommentRecord

MISSING_GRACE: Final = timedelta(days=1)
"""Time after which a missing issue counts as deleted, together with what was written on it.

One wrong 404 must not turn a label of ours into a foreign one."""


def recover_pending_writes(context: RunContext) -> list[str]:
    """Read the trackers for every pending write and record its result.

    Return one sentence for each write that stays pending because its tracker does not respond.
    """
    unresolved = []
    for row in context.store.pending_writes():
        if row.ref.tracker not in context.readers:
            continue
        recovery = _Recovery(context, row)
        try:
            recovery.recover()
        except Gone:
            if context.now() - row.at > MISSING_GRACE:
                recovery.give_up()
        except ConnectorError as error:
            unresolved.append(f"{row.ref}: the result of an earlier {row.op} is unknown: {error}")
    return unresolved


class _Recovery:
    """Recovery of one pending write."""

    def __init__(self, context: RunContext, row: JournalEntry) -> None:
        self._context, self._store, self._row = context, context.store, row

    def recover(self) -> None:
        """Find out whether the write took effect. Raise Gone if the issue is missing."""
        match self._row.op:
            case "add-label" | "remove-label":
                self._recover_label()
            case "create-comment" | "edit-comment":
                self._recover_comment()
            case "delete-comment":
                self._recover_deletion()
            case "rename-label":
                self._recover_rename()
            case "create-label":
                self._not_sent("repeated when needed")

    def _complete_deletion(self) -> None:
        is_duplicate = "duplicate_of" in self._row.payload
        self._complete(deleted_subject=None if is_duplicate else self._payload("subject"))

    def give_up(self) -> None:
        """Record what remains of a write on an issue that no longer exists."""
        if self._row.op == "delete-comment":
            self._complete_deletion()
        else:
            self._not_sent("the issue no longer exists")

    def _recover_label(self) -> None:
        label, adds = self._payload("label").lower(), self._row.op == "add-label"
        is_live = label in self._live_labels()
        if adds and not is_live and self._removed_since(label):
            self._complete(added=[label], removed=[])
        elif adds != is_live:
            self._not_sent()
        elif adds and self._put_by_others(label):
            self._not_sent("put by another account")
        else:
            self._complete(added=[label] if adds else [], removed=[] if adds else [label])

    def _put_by_others(self, label: str) -> bool:
        """Return True if another account put the label after the crash. Without a history the label counts as ours."""
        ref = self._row.ref
        events = self._context.readers[ref.tracker].label_origins(ref)
        authors = {name.lower(): event.author_id for name, event in events.items()}
        return label in authors and authors[label] not in self._context.own_account_ids(ref.tracker)

    def _removed_since(self, label: str) -> bool:
        """Return True if the label's history shows our addition and a later removal.

        The write took effect then, and the comparison finds who removed the label.
        """
        tracker = self._row.ref.tracker
        histories = self._context.readers[tracker].label_histories([self._row.ref])
        history = histories.get(self._row.ref, {}).get(label)
        added = history.added if history and history.removed else None
        return added is not None and added.author_id in self._context.own_account_ids(tracker)

    def _recover_rename(self) -> None:
        """Check on the issue that caused the rename whether the label has its new name."""
        labels, old, new = self._live_labels(), self._payload("label"), self._payload("new")
        if new not in labels:
            self._not_sent()
            return
        if old not in labels:
            record_label_rename(self._context, self._row.ref.tracker, self._payload("container"), old, new)
        self._store.journal_result(self._row.id, "done", self._context.now())

    def _recover_deletion(self) -> None:
        """Record the deletion if the comment is gone, or no longer contains our text."""
        if self._find_own_comment() is None:
            self._complete_deletion()
        else:
            self._not_sent()

    def _recover_comment(self) -> None:
        row, found = self._row, self._find_own_comment()
        took_effect = found is not None and text_digest(found[1]) == text_digest(self._payload("body"))
        if found is None or (row.op == "edit-comment" and not took_effect):
            self._not_sent()
            return
        comment, own = found
        pushed = PushedCommentRecord(
            subject=self._payload("subject"),
            ref=row.ref,
            comment_id=comment.id,
            body=own,
            full_hash=self._payload("full_hash") if took_effect else text_digest(own),
            urgent_hash=self._payload("urgent_hash") if took_effect else "",
            edited_at=row.at,
            run_id=row.run_id,
        )
        self._complete(comment=pushed, after={"comment": comment.id})

    def _find_own_comment(self) -> tuple[Comment, str] | None:
        """Return our comment for the subject of the intent and our text in it. Raise Gone if the issue is missing."""
        reader, ref = self._context.readers[self._row.ref.tracker], self._row.ref
        try:
            comments = (
                reader.comments(ref)
                if self._row.op == "create-comment"
                else [read_live_comment(reader, ref, self._payload("comment"))]
            )
        except Gone:
            self._live_labels()
            return None
        return CommentMarker(self._context).find_own(comments, ref, self._payload("subject"))

    def _live_labels(self) -> set[str]:
        issue = self._context.read_issue(self._row.ref)
        self._store.save_issue(issue, self._context.now())
        return {name.lower() for name in issue.labels}

    def _payload(self, key: str) -> str:
        return str(self._row.payload[key])

    def _not_sent(self, detail: str = "the tracker shows no effect") -> None:
        self._store.journal_result(self._row.id, "not-sent", self._context.now(), detail=detail)

    def _complete(self, **result: Any) -> None:
        self._store.complete_write(self._row.id, self._context.now(), ref=self._row.ref, **result)
