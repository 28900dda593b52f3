"""What people did to our status comments since we wrote them: ``reconcile`` reads each of them again."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.errors import ConnectorError, Gone, Rejected, SkipIssue
from connectors.model import IssueRef
from sync.diff.comment_markup import digest
from sync.model.comments import CommentDrift
from sync.pull.comment_marker import Marker, former_account, live_comment
from sync.pull.recorded import aliases
from sync.runtime.context import Job
from sync.store import PushedComment


def comment_drift(job: Job) -> tuple[dict[str, CommentDrift], dict[IssueRef, str]]:
    """Subject -> what became of its comment, where that is not what we wrote; and what could not be read.

    One read for each comment; the second part gives the reason for each issue.
    """
    marker, old_names = Marker(job), aliases(job.workspace)
    drift: dict[str, CommentDrift] = {}
    unread: dict[IssueRef, str] = {}
    silent: dict[str, str] = {}
    for subject, row in sorted(job.store.pushed_comments().items()):
        tracker = row.ref.tracker
        if tracker not in job.readers:
            continue
        if tracker in silent:
            unread[row.ref] = silent[tracker]
            continue
        try:
            found = _look_at(job, marker, row, old_names)
        except ConnectorError as error:
            unread[row.ref] = str(error)
            if not isinstance(error, SkipIssue):
                silent[tracker] = str(error)
            continue
        if found:
            drift[subject] = found
    return drift, unread


def _look_at(
    job: Job, marker: Marker, row: PushedComment, old_names: Mapping[str, tuple[str, ...]]
) -> CommentDrift | None:
    try:
        live = live_comment(job.readers[row.ref.tracker], row.ref, row.comment_id)
    except Gone:
        return "deleted"
    own = marker.own_text(live, row.ref, (row.subject, *old_names.get(row.subject, ())))
    if own is None:
        if marker.marked_text(live, row.ref, (row.subject, *old_names.get(row.subject, ()))) is not None:
            raise Rejected(former_account(live, row.ref))
        return "taken over"
    is_ours = row.state == "live" and digest(own) == digest(row.body)
    return None if is_ours else "edited"
