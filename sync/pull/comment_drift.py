"""What people did to our status comments since we wrote them: ``reconcile`` reads each of them again."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.errors import ConnectorError, Gone, Rejected, SkipIssue
from connectors.model import IssueRef
from sync.diff.comment_markup import text_digest
from sync.model.comments import CommentDrift
from sync.pull.comment_marker import CommentMarker, former_account_message, read_live_comment
from sync.pull.recorded import former_subjects
from sync.runtime.context import RunContext
from sync.store import PushedCommentRecord


def find_comment_drift(context: RunContext) -> tuple[dict[str, CommentDrift], dict[IssueRef, str]]:
    """Subject -> what became of its comment, where that is not what we wrote; and what could not be read.

    One read for each comment; the second part gives the reason for each issue.
    """
    marker, old_names = CommentMarker(context), former_subjects(context.workspace)
    drift: dict[str, CommentDrift] = {}
    unread: dict[IssueRef, str] = {}
    silent: dict[str, str] = {}
    for subject, row in sorted(context.store.pushed_comments().items()):
        tracker = row.ref.tracker
        if tracker not in context.readers:
            continue
        if tracker in silent:
            unread[row.ref] = silent[tracker]
            continue
        try:
            found = _check_comment(context, marker, row, old_names)
        except ConnectorError as error:
            unread[row.ref] = str(error)
            if not isinstance(error, SkipIssue):
                silent[tracker] = str(error)
            continue
        if found:
            drift[subject] = found
    return drift, unread


def _check_comment(
    context: RunContext,
    marker: CommentMarker,
    row: PushedCommentRecord,
    old_names: Mapping[str, tuple[str, ...]],
) -> CommentDrift | None:
    try:
        live = read_live_comment(context.readers[row.ref.tracker], row.ref, row.comment_id)
    except Gone:
        return "deleted"
    own = marker.own_text(live, row.ref, (row.subject, *old_names.get(row.subject, ())))
    if own is None:
        if marker.marked_text(live, row.ref, (row.subject, *old_names.get(row.subject, ()))) is not None:
            raise Rejected(former_account_message(live, row.ref))
        return "taken over"
    is_ours = row.state == "live" and text_digest(own) == text_digest(row.body)
    return None if is_ours else "edited"
