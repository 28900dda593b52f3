"""How our comments are told from all others, on each tracker."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.errors import Gone
from connectors.model import Comment, FieldSelection, IssueRef
from connectors.ports import IssueReader
from sync.diff.comment_markup import find_any_block, find_block
from sync.runtime.context import RunContext


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkerContent:
    """What the marker of a comment says. Anybody can write such a thing."""

    instance: str
    subject: str


def former_account_message(comment: Comment, ref: IssueRef) -> str:
    """What to do about a comment of ours that is by another account than the one of today."""
    return (
        f"comment {comment.id} is ours, but by the account {comment.author_id}, which is not the one of today; it is "
        f"left as it is until trackers.{ref.tracker}.former_accounts in increment-sync.yaml names that account "
        f'("{comment.author_id}"), if the tracker then lets us edit it'
    )


class CommentMarker:
    """Ours is what our account wrote, with our marker, this installation's instance id and the subject."""

    def __init__(self, context: RunContext) -> None:
        self._context = context

    def marker_fields(self, subject: str) -> dict[str, str]:
        """The hidden marker of a comment."""
        return {"instance": self._context.settings.instance, "subject": subject}

    def own_text(self, comment: Comment, ref: IssueRef, subjects: tuple[str, ...]) -> str | None:
        """Our text in a comment, or None when the comment is not ours: author, marker and instance must fit."""
        text = self.marked_text(comment, ref, subjects)
        if text is None or comment.author_id not in self._context.own_account_ids(ref.tracker):
            return None
        return text

    def marked_text(self, comment: Comment, ref: IssueRef, subjects: tuple[str, ...]) -> str | None:
        """The text that is marked as ours, whoever wrote it."""
        for subject in subjects:
            if self._context.markup(ref.tracker) == "github":
                text = find_block(comment.body, self._context.settings.instance, subject)
            else:
                text = comment.body if dict(comment.marker or {}) == self.marker_fields(subject) else None
            if text is not None:
                return text
        return None

    def other_instance(self, comments: Iterable[Comment], ref: IssueRef) -> str | None:
        """The instance of another installation that keeps a comment there."""
        said = (self.read_marker(each, ref) for each in comments)
        return next((s.instance for s in said if s and s.instance != self._context.settings.instance), None)

    def read_marker(self, comment: Comment, ref: IssueRef) -> MarkerContent | None:
        """What the comment's marker says, of whatever installation, whoever wrote it."""
        if self._context.markup(ref.tracker) == "github":
            found = find_any_block(comment.body)
            return MarkerContent(instance=found[0], subject=found[1]) if found else None
        marker = dict(comment.marker or {})
        if not {"instance", "subject"} <= marker.keys():
            return None
        return MarkerContent(instance=marker["instance"], subject=marker["subject"])


def read_live_comment(reader: IssueReader, ref: IssueRef, comment_id: str) -> Comment:
    """A comment as it is now. Gone only when the list of the issue's comments does not hold it either: what is
    taken for deleted is left alone for ever, and one wrong answer must not have that effect."""
    return locate_comment(reader, ref, comment_id)[1]


def locate_comment(reader: IssueReader, ref: IssueRef, comment_id: str) -> tuple[IssueRef, Comment]:
    """The same, with the issue as it is called now: the list of comments follows an issue that moved, the address of
    a single comment does not."""
    try:
        return ref, reader.comment(ref, comment_id)
    except Gone:
        for comment in reader.comments(ref):
            if comment.id == comment_id:
                return reader.read(ref.key, FieldSelection()).ref, comment
        raise
