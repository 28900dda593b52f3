"""How our comments are told from all others, on each tracker."""

from __future__ import annotations

from connectors.errors import Gone
from connectors.model import Comment, IssueRef
from connectors.ports import IssueReader
from sync.comment import find_block
from sync.job import Job


class Marker:
    """Ours is what our account wrote, with our marker, this installation's instance id and the subject."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def fields(self, subject: str) -> dict[str, str]:
        """The hidden marker of a comment."""
        return {"instance": self._job.settings.instance, "subject": subject}

    def own_text(self, comment: Comment, ref: IssueRef, subjects: tuple[str, ...]) -> str | None:
        """Our text in a comment, or None when the comment is not ours: author, marker and instance must fit."""
        if comment.author_id != self._job.readers[ref.tracker].whoami().id:
            return None
        for subject in subjects:
            if self._job.markup(ref.tracker) == "github":
                text = find_block(comment.body, self._job.settings.instance, subject)
            else:
                text = comment.body if dict(comment.marker or {}) == self.fields(subject) else None
            if text is not None:
                return text
        return None


def live_comment(reader: IssueReader, ref: IssueRef, comment_id: str) -> Comment:
    """A comment as it is now. Gone only when the list of the issue's comments does not hold it either: what is
    taken for deleted is left alone for ever, and one wrong answer must not have that effect."""
    try:
        return reader.comment(ref, comment_id)
    except Gone:
        for comment in reader.comments(ref):
            if comment.id == comment_id:
                return comment
        raise
