"""How much of a change set one run carries out, where all of it would be too much for people at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sync.model.changes import Change, CommentChange
from sync.model.limits import Attention, Audience


@dataclass(kw_only=True, slots=True)
class Spread:
    """Asked before each change. What has to wait is left for the next run; None means no limit."""

    audience: Audience
    comments: int | None = None
    """New comments."""
    people: int | None = None
    each: int | None = None
    """Mails to one person."""
    mails: int | None = None
    """In all, as asked for with ``--max-notifications``."""
    _created: int = 0
    _mails: Counter[str] = field(default_factory=Counter)

    def must_wait(self, change: Change) -> str | None:
        """Why a change has to wait for another run."""
        if self.comments is not None and self._creates(change) and self._created >= self.comments:
            return f"at most {self.comments} comments are posted in one run (limits.new_comments)"
        mailed = self.audience.mailed(change)
        if not mailed:
            return None
        if self.mails is not None and self._mails.total() + len(mailed) > self.mails:
            return f"the limit of {self.mails} notifications (--max-notifications) is reached"
        if self.people is not None and len(mailed.union(self._mails)) > self.people:
            return f"at most {self.people} people are mailed in one run (limits.notified)"
        if self.each is not None and any(self._mails[person] >= self.each for person in mailed):
            return f"nobody gets more than {self.each} mails from one run (limits.mails_each)"
        return None

    def is_less_than(self, attention: Attention) -> bool:
        """Whether one run will not do for all that was weighed."""
        asked = (
            (self.comments, attention.new_comments),
            (self.people, attention.people),
            (self.each, attention.most),
            (self.mails, attention.mails),
        )
        return any(limit is not None and limit < count for limit, count in asked)

    def take(self, change: Change) -> None:
        """A change is about to be carried out."""
        self._created += self._creates(change)
        self._mails.update(self.audience.mailed(change))

    @staticmethod
    def _creates(change: Change) -> bool:
        return isinstance(change, CommentChange) and change.creates
