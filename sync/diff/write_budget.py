"""Budget of one run for a change set that is spread over several runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from connectors.wording import are, pluralize
from sync.model.changes import Change, CommentChange
from sync.model.limits import Audience, ChangeCost


@dataclass(kw_only=True, slots=True)
class WriteBudget:
    """Limits on new comments and mails, checked before each change. None means no limit."""

    audience: Audience
    max_comments: int | None = None
    """New comments."""
    max_people: int | None = None
    max_mails_per_person: int | None = None
    """Mails to one person."""
    max_mails: int | None = None
    """All mails of the run (``--max-notifications``)."""
    _created_comments: int = 0
    _mails_sent: Counter[str] = field(default_factory=Counter)

    def reason_to_wait(self, change: Change) -> str | None:
        """Return the limit that postpones a change to the next run; None if the change fits."""
        if (
            self.max_comments is not None
            and self._creates_comment(change)
            and self._created_comments >= self.max_comments
        ):
            return f"at most {are(self.max_comments, 'comment')} posted in one run (limits.new_comments)"
        mailed = self.audience.recipients(change)
        if not mailed:
            return None
        if self.max_mails is not None and self._mails_sent.total() + len(mailed) > self.max_mails:
            return f"the limit of {self.max_mails} notifications (--max-notifications) is reached"
        if self.max_people is not None and len(mailed.union(self._mails_sent)) > self.max_people:
            return f"at most {are(self.max_people, 'person')} mailed in one run (limits.notified)"
        if self.max_mails_per_person is not None and any(
            self._mails_sent[person] >= self.max_mails_per_person for person in mailed
        ):
            mails = pluralize(self.max_mails_per_person, "mail")
            return f"at most {mails} to one person in one run (limits.mails_each)"
        return None

    def is_exceeded_by(self, cost: ChangeCost) -> bool:
        """Return True if one run cannot write everything."""
        limits = (
            (self.max_comments, cost.new_comments),
            (self.max_people, cost.people),
            (self.max_mails_per_person, cost.most_mails),
            (self.max_mails, cost.mails),
        )
        return any(limit is not None and limit < count for limit, count in limits)

    def spend(self, change: Change) -> None:
        """Count a change that is about to be written."""
        self._created_comments += self._creates_comment(change)
        self._mails_sent.update(self.audience.recipients(change))

    @staticmethod
    def _creates_comment(change: Change) -> bool:
        return isinstance(change, CommentChange) and change.creates
