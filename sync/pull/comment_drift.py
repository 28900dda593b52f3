"""Drift of status comments: edits and deletions by people since we wrote them. Only ``reconcile`` looks for it."""

from __future__ import annotations

from connectors.errors import ConnectorError, Gone, Rejected, SkipIssue
from connectors.model import IssueRef
from sync.diff.comment_markup import text_digest
from sync.model.comments import CommentDrift
from sync.pull.comment_marker import CommentMarker, former_account_message, read_live_comment
from sync.runtime.context import RunContext
from sync.store import PushedCommentRecord


def find_comment_drift(context: RunContext) -> tuple[dict[str, CommentDrift], dict[IssueRef, str]]:
    """Read every status comment again.

    Returns subject -> drift for comments that differ from what we wrote, and issue -> reason for comments that could
    not be read. Costs one request for each comment.
    """
    marker = CommentMarker(context)
    drift: dict[str, CommentDrift] = {}
    unread: dict[IssueRef, str] = {}
    failed_trackers: dict[str, str] = {}
    for subject, row in sorted(context.store.pushed_comments().items()):
        tracker = row.ref.tracker
        if tracker not in context.readers:
            continue
        if tracker in failed_trackers:
            unread[row.ref] = failed_trackers[tracker]
            continue
        try:
            found = _check_comment(context, marker, row)
        except ConnectorError as error:
            unread[row.ref] = str(error)
            if not isinstance(error, SkipIssue):
                failed_trackers[tracker] = str(error)
            continue
        if found:
            drift[subject] = found
    return drift, unread


def _check_comment(
    context: RunContext, marker: CommentMarker, row: PushedCommentRecord
) -> CommentDrift | None:
    try:
        live = read_live_comment(context.readers[row.ref.tracker], row.ref, row.comment_id)
    except Gone:
        return "deleted"
    own = marker.own_text(live, row.ref, row.subject)
    if own is None:
        if marker.marked_text(live, row.ref, row.subject) is not None:
            raise Rejected(former_account_message(live, row.ref))
        return "taken over"
    is_ours = row.state == "live" and text_digest(own) == text_digest(row.body)
    return None if is_ours else "edited"
