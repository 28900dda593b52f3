"""Recovery after a run that crashed or lost a response.

For each intent without a result, the tracker is read to find out whether the write took effect.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from connectors.errors import ConnectorError, Gone
from connectors.model import Comment, Issue
from mappings.rules.conditions import field_selection_for
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
        try:
            _recover_write(context, row)
        except Gone:
            if context.now() - row.at > MISSING_GRACE:
                _give_up(context, row)
        except ConnectorError as error:
            unresolved.append(f"{row.ref}: the result of an earlier {row.op} is unknown: {error}")
    return unresolved


def _recover_write(context: RunContext, row: JournalEntry) -> None:
    if row.op in ("add-label", "remove-label"):
        _recover_label(context, row)
    elif row.op in ("create-comment", "edit-comment"):
        _recover_comment(context, row)
    elif row.op == "delete-comment":
        _recover_deletion(context, row)
    elif row.op == "rename-label":
        _recover_rename(context, row)
    else:
        # Creating a label is repeated harmlessly before its next use.
        context.store.journal_result(row.id, "not-sent", context.now(), detail="repeated when needed")


def _give_up(context: RunContext, row: JournalEntry) -> None:
    deleted_subject = str(row.payload["subject"]) if row.op == "delete-comment" else None
    if deleted_subject:
        context.store.complete_write(row.id, context.now(), ref=row.ref, deleted_subject=deleted_subject)
    else:
        context.store.journal_result(row.id, "not-sent", context.now(), detail="the issue no longer exists")


def _recover_label(context: RunContext, row: JournalEntry) -> None:
    label = str(row.payload["label"]).lower()
    is_live = label in {name.lower() for name in _read_issue(context, row).labels}
    if row.op == "add-label" and is_live and _put_by_others(context, row, label):
        context.store.journal_result(row.id, "not-sent", context.now(), detail="put by another account")
    elif row.op == "add-label" and is_live:
        context.store.complete_write(row.id, context.now(), ref=row.ref, added=[label], removed=[])
    elif row.op == "remove-label" and not is_live:
        context.store.complete_write(row.id, context.now(), ref=row.ref, added=[], removed=[label])
    else:
        context.store.journal_result(row.id, "not-sent", context.now(), detail="the tracker shows no effect")


def _put_by_others(context: RunContext, row: JournalEntry, label: str) -> bool:
    """Return True if another account put the label after the crash. Without a history the label counts as ours."""
    events = context.readers[row.ref.tracker].label_origins(row.ref)
    authors = {name.lower(): event.author_id for name, event in events.items()}
    return label in authors and authors[label] not in context.own_account_ids(row.ref.tracker)


def _recover_rename(context: RunContext, row: JournalEntry) -> None:
    """Check on the issue that caused the rename whether the label has its new name."""
    issue, new = _read_issue(context, row), str(row.payload["new"])
    if new not in {name.lower() for name in issue.labels}:
        context.store.journal_result(row.id, "not-sent", context.now(), detail="the tracker shows no effect")
        return
    container, old = str(row.payload["container"]), str(row.payload["label"])
    if old not in {name.lower() for name in issue.labels}:
        record_label_rename(context, row.ref.tracker, container, old, new)
    context.store.journal_result(row.id, "done", context.now())


def _recover_deletion(context: RunContext, row: JournalEntry) -> None:
    """Record the deletion if the comment is gone, or no longer contains our text."""
    if _find_own_comment(context, row) is None:
        context.store.complete_write(
            row.id, context.now(), ref=row.ref, deleted_subject=str(row.payload["subject"])
        )
    else:
        context.store.journal_result(row.id, "not-sent", context.now(), detail="the tracker shows no effect")


def _read_issue(context: RunContext, row: JournalEntry) -> Issue:
    issue = context.readers[row.ref.tracker].read(row.ref.key, field_selection_for(context.workspace.teams))
    context.store.save_issue(issue, context.now())
    return issue


def _recover_comment(context: RunContext, row: JournalEntry) -> None:
    found = _find_own_comment(context, row)
    subject = str(row.payload["subject"])
    if found is None:
        context.store.journal_result(row.id, "not-sent", context.now(), detail="the tracker shows no effect")
        return
    comment, own = found
    took_effect = text_digest(own) == text_digest(str(row.payload["body"]))
    if not took_effect and row.op == "edit-comment":
        context.store.journal_result(row.id, "not-sent", context.now(), detail="the tracker shows no effect")
        return
    pushed = PushedCommentRecord(
        subject=subject,
        ref=row.ref,
        comment_id=comment.id,
        body=own,
        full_hash=str(row.payload["full_hash"]) if took_effect else text_digest(own),
        urgent_hash=str(row.payload["urgent_hash"]) if took_effect else "",
        edited_at=row.at,
        run_id=row.run_id,
    )
    context.store.complete_write(
        row.id, context.now(), ref=row.ref, comment=pushed, after={"comment": comment.id}
    )


def _find_own_comment(context: RunContext, row: JournalEntry) -> tuple[Comment, str] | None:
    """Return our comment for the subject of the intent and our text in it. Raise Gone if the issue is missing."""
    reader, marker = context.readers[row.ref.tracker], CommentMarker(context)
    subjects = (str(row.payload["subject"]),)
    try:
        comments = (
            reader.comments(row.ref)
            if row.op == "create-comment"
            else [read_live_comment(reader, row.ref, str(row.payload["comment"]))]
        )
    except Gone:
        _read_issue(context, row)
        return None
    for comment in comments:
        own = marker.own_text(comment, row.ref, subjects)
        if own is not None:
            return comment, own
    return None
