"""How our comments are told from all others, on each tracker."""

from __future__ import annotations

from connectors.model import Comment, IssueRef
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
