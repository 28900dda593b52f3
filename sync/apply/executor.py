"""Executor of change sets.

Each write is recorded in the journal before the request and again after the response.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, timedelta

from connectors.errors import (
    ConnectorError,
    Gone,
    Rejected,
    SkipIssue,
    SkipSource,
    StopTracker,
    WriteDeferred,
    WriteRedirected,
)
from connectors.wording import pluralize
from sync.apply.backoff import Backoff
from sync.apply.comments import CommentWriter
from sync.apply.labels import LabelWriter
from sync.apply.refusals import ContainerRefusals
from sync.diff.write_budget import WriteBudget
from sync.model.changes import Change, ChangeSet, CommentChange, CommentRemoval, LabelChange
from sync.model.run import ApplyResult
from sync.pull.single_issue import locate_issue
from sync.runtime.context import RunContext
from sync.runtime.log_fields import logs_change
from sync.runtime.run_lock import LEASE_DURATION


class Executor:
    """Writes a change set. A tracker that refuses to continue is stopped; the others go on."""

    def __init__(
        self,
        context: RunContext,
        *,
        max_writes: int | None = None,
        deadline: Callable[[], bool] = lambda: False,
        budget: WriteBudget | None = None,
        checked_subjects: Collection[str] = (),
        honors_backoff: bool = False,
    ) -> None:
        """Set up the limits of this run.

        ``checked_subjects``: subjects whose anchor was checked and has no comment of ours. ``honors_backoff``: skip
        issues that rejected writes repeatedly.
        """
        self.backoff = Backoff(context, enabled=honors_backoff)
        self.context, self.store = context, context.store
        self.max_writes, self.deadline, self.budget = max_writes, deadline, budget
        self.labels, self.comments = LabelWriter(context), CommentWriter(context, checked_subjects)
        self.refusals = ContainerRefusals(context, self.labels.needs_label_object)
        self.result = ApplyResult(notes=self.comments.notes)
        self.started = 0
        self.stopped: dict[str, str] = {}
        self.blocked_subjects: set[str] = set()
        """Subjects whose former comment could not be removed. They get no new comment in this run."""

    def apply(self, changes: ChangeSet, *, total: int | None = None) -> ApplyResult:
        """Write every change and return the result. ``total``: number of changes, if they come in several sets."""
        reasons = self.result.skip_reasons
        for change in self.refusals.arrange(changes.changes):
            self.started += 1
            self.context.progress.step(f"write {change.ref}", self.started, total or len(changes))
            if self.refusals.is_blocked(change):
                self.result.skipped += 1
                self._block_subject(change)
            elif reason := self._reason_to_skip(change):
                self._skip(change, reason)
            else:
                with logs_change(self.context.workspace, change):
                    self._apply_one(change)
        reasons[:] = list(dict.fromkeys([*reasons, *self.refusals.sentences()]))
        return self.result

    def _reason_to_skip(self, change: Change) -> str | None:
        if change.ref.tracker in self.stopped:
            return self.stopped[change.ref.tracker]
        if isinstance(change, CommentChange) and change.subject in self.blocked_subjects:
            return f"the former comment of {change.subject} still exists"
        if self.max_writes is not None and self.result.done >= self.max_writes:
            return f"the limit of {pluralize(self.max_writes, 'write')} (--max-writes) is reached"
        if self.deadline():
            return "the time for this run (--max-duration) is over"
        if self.budget is not None and (reason := self.budget.reason_to_wait(change)):
            return reason
        waits = None if self.refusals.is_probe(change) else self.backoff.reason_to_wait(change)
        return waits or self._rate_limit_reason(change)

    def _rate_limit_reason(self, change: Change) -> str | None:
        """Return the rate limit that would delay the change beyond ``max_wait``, by our own count of requests."""
        if (limiter := self.context.rate_limiters.get(change.ref.tracker)) is None:
            return None
        only_removes = isinstance(change, LabelChange) and not change.add
        content = not isinstance(change, CommentRemoval) and not only_removes
        delay = limiter.required_delay(self.context.now(), content=content)
        if delay is None or delay.seconds <= self.context.settings.max_wait.total_seconds():
            return None
        free_again = (self.context.now() + timedelta(seconds=delay.seconds)).astimezone(UTC)
        return f"the {delay.reason} is used up until {free_again:%H:%M} UTC"

    def _skip(self, change: Change, reason: str) -> None:
        self.result.skipped += 1
        if reason not in self.result.skip_reasons:
            self.result.skip_reasons.append(reason)
        self._block_subject(change)

    def _apply_one(self, change: Change) -> None:
        self.store.renew_lease(self.context.run_id, LEASE_DURATION)
        notes_before = len(self.comments.notes)
        if self.budget is not None:
            self.budget.spend(change)
        try:
            self._write(change)
        except WriteDeferred as error:
            self._skip(change, str(error))
            self.stopped[change.ref.tracker] = str(error)
        except (Gone, WriteRedirected) as error:
            self._handle_missing_issue(change, error)
        except SkipIssue as error:
            self._record_failure(change, error)
            if not self.refusals.record_refusal(change, error) and isinstance(error, Rejected):
                self.backoff.record_rejection(change, str(error))
        except (StopTracker, SkipSource) as error:
            self._record_failure(change, error)
            self.stopped[change.ref.tracker] = str(error)
        else:
            if len(self.comments.notes) > notes_before:
                return
            self.result.done += 1
            self.backoff.record_success(change)
            self.refusals.record_success(change)
            self.context.log.info("change.applied", change=change.describe())

    def _write(self, change: Change) -> None:
        match change:
            case LabelChange():
                self.labels.write(change)
            case CommentRemoval():
                self.comments.remove(change)
            case CommentChange():
                self.comments.write(change)

    def _handle_missing_issue(self, change: Change, error: ConnectorError) -> None:
        """Find out why an issue is not at its place.

        Moved: the next run continues at the new place. Deleted or hidden: recorded in the store. Still there: the write
        failed.
        """
        match locate_issue(self.context, change.ref):
            case "there":
                self._record_failure(change, error)
                self.refusals.record_refusal(change, error)
            case "gone" if isinstance(change, LabelChange):
                self.result.notes.append(
                    f"{change.ref} no longer exists or is not visible to this account; nothing is written"
                )
            case "gone":
                self._record_failure(change, error)
            case moved:
                self._skip(change, f"{change.ref} is now {moved}; the next run continues there")

    def _record_failure(self, change: Change, error: ConnectorError) -> None:
        self.result.failed.append((change.describe(), str(error)))
        self.context.log.warning("change.failed", change=change.describe(), reason=str(error))
        self._block_subject(change)

    def _block_subject(self, change: Change) -> None:
        """Block the subject of a removal.

        The store holds one comment a subject: a new one would overwrite the old one's id.
        """
        if isinstance(change, CommentRemoval) and not change.duplicate_of:
            self.blocked_subjects.add(change.subject)
