"""Carry out changes one by one. Each write is journalled before it is sent and again when it was answered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, timedelta

from connectors.errors import (
    ConnectorError,
    Gone,
    MovedAway,
    OutOfTurn,
    Rejected,
    SkipIssue,
    SkipSource,
    StopTracker,
)
from sync.apply.backoff import Patience
from sync.apply.comments import CommentWriting
from sync.apply.labels import LabelWriting
from sync.diff.write_budget import Spread
from sync.model.changes import Change, ChangeSet, CommentChange, CommentRemoval, LabelChange
from sync.model.run import Applied
from sync.pull.relocated import find_again
from sync.runtime.context import Job
from sync.runtime.run_lock import LEASE


class Applier:
    """Writes a change set. Stops a tracker that stops us, goes on with the others."""

    def __init__(
        self,
        job: Job,
        *,
        max_writes: int | None = None,
        deadline: Callable[[], bool] = lambda: False,
        aliases: Mapping[str, tuple[str, ...]] | None = None,
        spread: Spread | None = None,
        looked: Collection[str] = (),
        waits: bool = False,
    ) -> None:
        """``looked``: subjects on whose anchor there certainly is no comment of ours yet. ``waits``: issues that were
        refused again and again are left for some time."""
        self.patience = Patience(job, waits=waits)
        self.job, self.store = job, job.store
        self.max_writes, self.deadline, self.spread = max_writes, deadline, spread
        self.labels, self.comments = LabelWriting(job), CommentWriting(job, aliases or {}, looked)
        self.result = Applied(notes=self.comments.notes)
        self.begun = 0
        self.stopped: dict[str, str] = {}
        self.stuck: set[str] = set()
        """Subjects whose old comment could not be removed; they get no new one in this run."""

    def apply(self, changes: ChangeSet, *, of: int | None = None) -> Applied:
        """Carry out every change; the result says what was done, refused and left. ``of``: how many there are in all,
        where they come in several sets."""
        for change in changes.changes:
            self.begun += 1
            self.job.progress.step(f"write {change.ref}", self.begun, of or len(changes))
            if reason := self._must_leave(change):
                self._left(change, reason)
            else:
                self._one(change)
        return self.result

    def _must_leave(self, change: Change) -> str | None:
        if change.ref.tracker in self.stopped:
            return self.stopped[change.ref.tracker]
        if isinstance(change, CommentChange) and change.subject in self.stuck:
            return f"the old comment of {change.subject} is still there"
        if self.max_writes is not None and self.result.done >= self.max_writes:
            return f"the limit of {self.max_writes} writes (--max-writes) is reached"
        if self.deadline():
            return "the time for this run (--max-duration) is over"
        if self.spread is not None and (reason := self.spread.must_wait(change)):
            return reason
        return self.patience.must_wait(change) or self._out_of_turn(change)

    def _out_of_turn(self, change: Change) -> str | None:
        """Why the tracker would make us wait for longer than a run sleeps, by our own count of what was sent."""
        if (pace := self.job.paces.get(change.ref.tracker)) is None:
            return None
        only_removes = isinstance(change, LabelChange) and not change.add
        content = not isinstance(change, CommentRemoval) and not only_removes
        hold = pace.hold(self.job.now(), content=content)
        if hold is None or hold.seconds <= self.job.settings.max_wait.total_seconds():
            return None
        free_at = (self.job.now() + timedelta(seconds=hold.seconds)).astimezone(UTC)
        return f"the {hold.reason} is used up until {free_at:%H:%M} UTC"

    def _left(self, change: Change, reason: str) -> None:
        self.result.left += 1
        if reason not in self.result.left_because:
            self.result.left_because.append(reason)
        self._hold_back(change)

    def _one(self, change: Change) -> None:
        self.store.renew_lease(self.job.run_id, LEASE)
        left_to_people = len(self.comments.notes)
        if self.spread is not None:
            self.spread.take(change)
        try:
            self._write(change)
        except OutOfTurn as error:
            self._left(change, str(error))
            self.stopped[change.ref.tracker] = str(error)
        except (Gone, MovedAway) as error:
            self._look_again(change, error)
        except SkipIssue as error:
            self._failed(change, error)
            if isinstance(error, Rejected):
                self.patience.refused(change, str(error))
        except (StopTracker, SkipSource) as error:
            self._failed(change, error)
            self.stopped[change.ref.tracker] = str(error)
        else:
            if len(self.comments.notes) > left_to_people:
                return
            self.result.done += 1
            self.patience.accepted(change)
            self.job.log.info("change.applied", issue=str(change.ref), change=change.describe())

    def _write(self, change: Change) -> None:
        match change:
            case LabelChange():
                self.labels.write(change)
            case CommentRemoval():
                self.comments.remove(change)
            case CommentChange():
                self.comments.write(change)

    def _look_again(self, change: Change, error: ConnectorError) -> None:
        """Where we wanted to write there is nothing any more. Moved: the next run goes on at its new place. Deleted or
        hidden: that is known from now on. Still there: then this write was refused, and nothing else."""
        match find_again(self.job, change.ref):
            case "there":
                self._failed(change, error)
            case "gone" if isinstance(change, LabelChange):
                self.result.notes.append(
                    f"{change.ref} is not there any more, or not visible to this account; nothing is written on it"
                )
            case "gone":
                self._failed(change, error)
            case moved:
                self._left(change, f"{change.ref} is {moved} now; the next run goes on there")

    def _failed(self, change: Change, error: ConnectorError) -> None:
        self.result.failed.append((change.describe(), str(error)))
        self.job.log.warning("change.failed", issue=str(change.ref), reason=str(error))
        self._hold_back(change)

    def _hold_back(self, change: Change) -> None:
        """The store knows one comment for a subject: a new one would make us forget the old one for ever."""
        if isinstance(change, CommentRemoval):
            self.stuck.add(change.subject)
