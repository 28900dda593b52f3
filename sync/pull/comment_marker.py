"""Our status comments on the trackers: their markers, and what people did to them since we wrote them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from connectors.errors import ConnectorError, Gone, Rejected, SkipIssue
from connectors.model import Comment, FieldSelection, IssueRef
from connectors.ports import IssueReader
from sync.diff.comment_markup import find_any_block, find_block, text_digest
from sync.model.changes import CommentRemoval, Reason
from sync.model.comments import CommentDrift
from sync.pull.recorded import former_subjects
from sync.runtime.context import RunContext
from sync.store import PushedCommentRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkerContent:
    """Content of a comment's marker. Unverified: anybody can write a marker."""

    instance: str
    subject: str


def former_account_message(comment: Comment, ref: IssueRef) -> str:
    """Return what to do about a comment of ours that a former account wrote."""
    return (
        f"comment {comment.id} is ours, but was written by the former account {comment.author_id}; it is left "
        f"as it is until trackers.{ref.tracker}.former_accounts in increment-sync.yaml names that account "
        f'("{comment.author_id}"), if the tracker then lets us edit it'
    )


class CommentMarker:
    """Recognizes our comments by author account, marker, instance id and subject."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._former = former_subjects(context.workspace)

    def accepted_subjects(self, subject: str) -> tuple[str, ...]:
        """Return the current and former names that the marker of a subject's comment may contain."""
        return (subject, *self._former.get(subject, ()))

    def is_in_text(self, ref: IssueRef) -> bool:
        """Return True if hidden markers in the text enclose our block; False if the tracker keeps them beside it."""
        return self._context.settings.spec(ref.tracker).markup.marks_in_text

    def marker_fields(self, subject: str) -> dict[str, str]:
        """Return the fields of the hidden marker."""
        return {"instance": self._context.settings.instance, "subject": subject}

    def find_own(
        self, comments: Iterable[Comment], ref: IssueRef, subject: str
    ) -> tuple[Comment, str] | None:
        """Return our first comment for a subject among these, and our text in it."""
        for comment in comments:
            if (text := self.own_text(comment, ref, subject)) is not None:
                return comment, text
        return None

    def own_text(self, comment: Comment, ref: IssueRef, subject: str) -> str | None:
        """Return our text in a comment; None unless author, marker and instance match."""
        text = self.marked_text(comment, ref, subject)
        if text is None or comment.author_id not in self._context.own_account_ids(ref.tracker):
            return None
        return text

    def marked_text(self, comment: Comment, ref: IssueRef, subject: str) -> str | None:
        """Return the text that a marker of this instance claims as ours, whoever wrote it."""
        for name in self.accepted_subjects(subject):
            if self.is_in_text(ref):
                text = find_block(comment.body, self._context.settings.instance, name)
            else:
                text = comment.body if dict(comment.marker or {}) == self.marker_fields(name) else None
            if text is not None:
                return text
        return None

    def other_instance(self, comments: Iterable[Comment], ref: IssueRef) -> str | None:
        """Return the id of another instance that has a status comment among these; None without one."""
        own = self._context.settings.instance
        markers = (self.read_marker(each, ref) for each in comments)
        return next((each.instance for each in markers if each and each.instance != own), None)

    def read_marker(self, comment: Comment, ref: IssueRef) -> MarkerContent | None:
        """Return the content of a comment's marker, of any instance and any author."""
        if self.is_in_text(ref):
            found = find_any_block(comment.body)
            return MarkerContent(instance=found[0], subject=found[1]) if found else None
        marker = dict(comment.marker or {})
        if not {"instance", "subject"} <= marker.keys():
            return None
        return MarkerContent(instance=marker["instance"], subject=marker["subject"])


def read_live_comment(reader: IssueReader, ref: IssueRef, comment_id: str) -> Comment:
    """Return a comment as it is now.

    Raises Gone only if the issue's list of comments lacks it as well: a comment that counts as deleted is never
    written again, which must not follow from one wrong response.
    """
    return locate_comment(reader, ref, comment_id)[1]


def locate_comment(reader: IssueReader, ref: IssueRef, comment_id: str) -> tuple[IssueRef, Comment]:
    """Return a comment and the current ref of its issue.

    The list of comments follows an issue that moved; the address of a single comment does not.
    """
    try:
        return ref, reader.comment(ref, comment_id)
    except Gone:
        for comment in reader.comments(ref):
            if comment.id == comment_id:
                return reader.read(ref.key, FieldSelection()).ref, comment
        raise


@dataclass(kw_only=True, slots=True)
class CommentFindings:
    """What ``reconcile`` finds out about our status comments."""

    drift: dict[str, CommentDrift] = field(default_factory=dict)
    """Subject -> what people did to its comment."""
    unread: dict[IssueRef, str] = field(default_factory=dict)
    """Issue -> reason why its comments could not be read."""
    duplicates: list[CommentRemoval] = field(default_factory=list)
    """Younger comments of ours for a subject that has one: a create was delivered twice."""
    kept: list[PushedCommentRecord] = field(default_factory=list)
    """Records of comments that stay in place of a younger one, or of one that is gone."""


def find_comment_drift(context: RunContext) -> CommentFindings:
    """Read every status comment again, for ``reconcile``. Costs one list of comments for each."""
    marker, found = CommentMarker(context), CommentFindings()
    failed_trackers: dict[str, str] = {}
    for subject, row in sorted(context.store.pushed_comments().items()):
        tracker = row.ref.tracker
        if tracker not in context.readers:
            continue
        if tracker in failed_trackers:
            found.unread[row.ref] = failed_trackers[tracker]
            continue
        try:
            drift = _check_comment(context, marker, row, found)
        except ConnectorError as error:
            found.unread[row.ref] = str(error)
            if not isinstance(error, SkipIssue):
                failed_trackers[tracker] = str(error)
            continue
        if drift:
            found.drift[subject] = drift
    return found


def _check_comment(
    context: RunContext, marker: CommentMarker, row: PushedCommentRecord, found: CommentFindings
) -> CommentDrift | None:
    reader = context.readers[row.ref.tracker]
    comments = reader.comments(row.ref)
    ours = [each for each in comments if marker.own_text(each, row.ref, row.subject) is not None]
    if ours and row.state == "live":
        live = ours[0]
        found.duplicates += [_duplicate(row, each, live) for each in ours[1:]]
        if live.id != row.comment_id:
            found.kept.append(replace(row, comment_id=live.id))
    else:
        try:
            live = next((each for each in comments if each.id == row.comment_id), None) or read_live_comment(
                reader, row.ref, row.comment_id
            )
        except Gone:
            return "deleted"
    own = marker.own_text(live, row.ref, row.subject)
    if own is None:
        if marker.marked_text(live, row.ref, row.subject) is not None:
            raise Rejected(former_account_message(live, row.ref))
        return "taken over"
    is_ours = row.state == "live" and text_digest(own) == text_digest(row.body)
    return None if is_ours else "edited"


def _duplicate(row: PushedCommentRecord, comment: Comment, older: Comment) -> CommentRemoval:
    reason = Reason(text=f"comment {comment.id} repeats our comment {older.id}, which stays")
    return CommentRemoval(
        ref=row.ref, subject=row.subject, comment_id=comment.id, reason=reason, duplicate_of=older.id
    )
