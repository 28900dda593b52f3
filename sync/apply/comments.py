"""Writing of status comments: create, edit and delete.

A comment is edited or deleted only if its id, author, marker and instance show that it is ours.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from connectors.errors import Gone, OutcomeUnknown, Rejected
from connectors.model import Comment, IssueRef
from sync.apply.journal import JournalWriter
from sync.diff.comment_markup import remove_block, replace_block, text_digest, wrap_block
from sync.model.anchors import comment_owners
from sync.model.changes import CommentChange, CommentRemoval
from sync.model.records import CommentState
from sync.pull.comment_marker import CommentMarker, former_account_message, locate_comment
from sync.pull.recorded import save_comment_owner
from sync.runtime.context import RunContext
from sync.store import PushedCommentRecord

AnyComment = TypeVar("AnyComment", CommentChange, CommentRemoval)


class CommentWriter:
    """Writes comment changes. ``notes`` has one sentence for each comment that was left alone."""

    def __init__(self, context: RunContext, checked_subjects: Collection[str] = ()) -> None:
        self._context, self._store = context, context.store
        self._checked_subjects = checked_subjects
        self._owners = comment_owners(context.workspace)
        self._marker, self._journal = CommentMarker(context), JournalWriter(context)
        self.notes: list[str] = []

    def write(self, change: CommentChange) -> None:
        """Create or edit a status comment."""
        if change.comment_id is None:
            self._create(change)
        else:
            self._edit(change, change.comment_id)

    def remove(self, change: CommentRemoval) -> None:
        """Delete a status comment. Text that people wrote around our block stays."""
        try:
            ref, live, own = self._read_own(change, change.comment_id)
        except Gone:
            self._remove_moved(change)
            return
        if own is None:
            if not change.duplicate_of:
                self._store.forget_pushed_comment(change.subject)
            self.notes.append(f"{ref}: the old comment of {change.subject} is no longer ours; left alone")
            return
        rest, writer = self._text_without_block(live, change), self._context.writers[ref.tracker]
        payload = {"subject": change.subject, "comment": change.comment_id, "rest": rest}
        if change.duplicate_of:
            payload["duplicate_of"] = change.duplicate_of
        before = {"body": live.body, "own": own}
        with self._journal.recording(ref, "delete-comment", payload, change.reason, before) as entry:
            if rest:
                writer.edit_comment(ref, change.comment_id, rest, {})
            else:
                writer.delete_comment(ref, change.comment_id)
        deleted = None if change.duplicate_of else change.subject
        self._store.complete_write(entry, self._context.now(), ref=ref, deleted_subject=deleted)

    def _read_own(self, change: AnyComment, comment_id: str) -> tuple[IssueRef, Comment, str | None]:
        """Return the current ref of the issue, the comment, and our text in it.

        Raise Rejected if it has our marker, but another account as its author.
        """
        ref, live = locate_comment(self._context.readers[change.ref.tracker], change.ref, comment_id)
        own = self._marker.own_text(live, ref, change.subject)
        if own is None and self._marker.marked_text(live, change.ref, change.subject) is not None:
            raise Rejected(former_account_message(live, change.ref))
        return ref, live, own

    def _remove_moved(self, change: CommentRemoval) -> None:
        """Remove the comment at the new place of its issue; forget it if it is gone."""
        if change.duplicate_of:
            return
        moved = None
        with suppress(Gone):
            moved = self._find_moved(change)
        if moved:
            self.remove(moved)
        else:
            self._store.forget_pushed_comment(change.subject)

    def _text_without_block(self, live: Comment, change: CommentRemoval) -> str:
        if not self._marker.is_in_text(change.ref):
            return ""
        return remove_block(
            live.body, self._context.settings.instance, self._marker.accepted_subjects(change.subject)
        )

    def _create(self, change: CommentChange) -> None:
        """Create a comment, or edit an existing one of ours.

        The search is skipped if this run already checked the anchor. It is needed because the store may be new, or the
        response to an earlier request lost.
        """
        if change.subject not in self._checked_subjects and (
            ours := self._find_own_comment(change, exclusive=True)
        ):
            self._edit(change, ours.id)
            return
        entry = self._record_intent(change, "create-comment", {}, {})
        writer = self._context.writers[change.ref.tracker]
        try:
            with self._journal.recording_errors([entry], except_for=OutcomeUnknown):
                created = writer.create_comment(
                    change.ref, self._full_text(change), self._marker.marker_fields(change.subject)
                )
        except OutcomeUnknown:
            with self._journal.recording_errors([entry]):
                found = self._find_own_comment(change)
                if found is None:
                    raise
            created = found
        self._complete(entry, change, created.id)

    def _edit(self, change: CommentChange, comment_id: str) -> None:
        """Read the comment, check that it is ours, and write it.

        A comment that a person deleted or took over is left alone.
        """
        try:
            ref, live, own = self._read_own(change, comment_id)
        except Gone:
            moved = self._find_moved(change)
            if moved and moved.comment_id:
                self._edit(moved, moved.comment_id)
            else:
                self._leave_to_people(
                    change, comment_id, "was deleted by a person (the tracker does not say who)"
                )
            return
        change = replace(change, ref=ref)
        if own is None:
            self._leave_to_people(change, comment_id, "has lost our marker or is not by our account")
        elif text_digest(own) == text_digest(change.body):
            self._store.record_pushed_comment(self._pushed_comment(change, comment_id, "live"))
            self._save_owner(change)
        else:
            entry = self._record_intent(change, "edit-comment", {"comment": comment_id}, {"body": own})
            with self._journal.recording_errors([entry]):
                self._context.writers[ref.tracker].edit_comment(
                    ref,
                    comment_id,
                    self._full_text(change, live),
                    self._marker.marker_fields(change.subject),
                )
            self._complete(entry, change, comment_id)

    def _find_moved(self, change: AnyComment) -> AnyComment | None:
        """Return the change for the present place of the issue and our comment there.

        The issue may have moved, or a run that this store does not know may have written another comment. None if there
        is none. Raise Gone if the issue is not visible at all, which says nothing about the comment.
        """
        moved = replace(change, ref=self._context.read_issue(change.ref).ref)
        ours = self._find_own_comment(moved)
        return replace(moved, comment_id=ours.id) if ours else None

    def _find_own_comment(
        self, change: CommentChange | CommentRemoval, *, exclusive: bool = False
    ) -> Comment | None:
        """Return our oldest comment for the subject on the issue.

        With ``exclusive``, raise Rejected if another instance has a comment there.
        """
        comments = self._context.readers[change.ref.tracker].comments(change.ref)
        if exclusive and (other := self._marker.other_instance(comments, change.ref)):
            raise Rejected(
                f"the instance {other!r} has a comment there; remove the anchor from one of the plans"
            )
        own = self._marker.find_own(comments, change.ref, change.subject)
        return own[0] if own else None

    def _full_text(self, change: CommentChange, live: Comment | None = None) -> str:
        """Return the text to send. It includes markers that are in the text, and what people wrote around them."""
        if not self._marker.is_in_text(change.ref):
            return change.body
        instance = self._context.settings.instance
        if live is None:
            return wrap_block(change.body, instance, change.subject)
        return replace_block(live.body, change.body, instance, self._marker.accepted_subjects(change.subject))

    def _leave_to_people(self, change: CommentChange, comment_id: str, what: str) -> None:
        self._store.record_pushed_comment(self._pushed_comment(change, comment_id, "deleted-by-person"))
        self.notes.append(f"{change.ref}: the status comment of {change.subject} {what}; left alone")

    def _record_intent(
        self, change: CommentChange, op: Any, payload: Mapping[str, Any], before: Mapping[str, Any]
    ) -> int:
        fields = {
            "subject": change.subject,
            "body": change.body,
            "full_hash": change.full_hash,
            "urgent_hash": change.urgent_hash,
        }
        return self._journal.record_intent(change.ref, op, {**fields, **payload}, change.reason, before)

    def _complete(self, entry: int, change: CommentChange, comment_id: str) -> None:
        pushed, after = self._pushed_comment(change, comment_id, "live"), {"comment": comment_id}
        self._store.complete_write(entry, self._context.now(), ref=change.ref, comment=pushed, after=after)
        self._save_owner(change)

    def _save_owner(self, change: CommentChange) -> None:
        if owner := self._owners.get(change.subject):
            save_comment_owner(self._store, change.subject, owner)

    def _pushed_comment(
        self, change: CommentChange, comment_id: str, state: CommentState
    ) -> PushedCommentRecord:
        return PushedCommentRecord(
            subject=change.subject,
            ref=change.ref,
            comment_id=comment_id,
            body=change.body,
            full_hash=change.full_hash,
            urgent_hash=change.urgent_hash,
            edited_at=self._context.now(),
            state=state,
            run_id=self._context.run_id,
        )
