"""Carry out changes one by one. Each write is journalled before it is sent and again when it was answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connectors.errors import (
    ConnectorError,
    Gone,
    OutcomeUnknown,
    SkipIssue,
    SkipSource,
    StopTracker,
)
from connectors.model import Comment, IssueRef
from sync.changes import Change, ChangeSet, CommentChange, LabelChange
from sync.comment import digest, find_block, replace_block, wrap
from sync.job import Job
from sync.store import PushedComment

LEASE = timedelta(minutes=5)
"""How long a run may be silent before another may take its place; renewed before every write."""


@dataclass(kw_only=True, slots=True)
class Applied:
    """What became of a change set."""

    done: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(change, why) for what the tracker refused; the next run tries again."""
    left: int = 0
    """Changes not tried: a limit of this run, a stopped tracker."""
    left_because: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Marker:
    """How our comments are told from all others, on each tracker."""

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


class Applier:
    """Writes a change set. Stops a tracker that stops us, goes on with the others."""

    def __init__(
        self,
        job: Job,
        *,
        max_writes: int | None = None,
        deadline: Callable[[], bool] = lambda: False,
        aliases: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.job, self.store = job, job.store
        self.max_writes, self.deadline = max_writes, deadline
        self.aliases = aliases or {}
        self.marker = Marker(job)
        self.result = Applied()
        self.stopped: dict[str, str] = {}

    def apply(self, changes: ChangeSet) -> Applied:
        """Carry out every change; the result says what was done, refused and left."""
        todo = changes.changes
        for number, change in enumerate(todo, start=1):
            self.job.progress.step(f"write {change.ref}", number, len(todo))
            if reason := self._must_leave(change):
                self.result.left += 1
                if reason not in self.result.left_because:
                    self.result.left_because.append(reason)
                continue
            self._one(change)
        return self.result

    def _must_leave(self, change: Change) -> str | None:
        if change.ref.tracker in self.stopped:
            return self.stopped[change.ref.tracker]
        if self.max_writes is not None and self.result.done >= self.max_writes:
            return f"the limit of {self.max_writes} writes (--max-writes) is reached"
        if self.deadline():
            return "the time for this run (--max-duration) is over"
        return None

    def _one(self, change: Change) -> None:
        self.store.renew_lease(self.job.run_id, LEASE)
        try:
            if isinstance(change, LabelChange):
                self._labels(change)
            else:
                self._comment(change)
        except SkipIssue as error:
            self._failed(change, error)
        except (StopTracker, SkipSource) as error:
            self._failed(change, error)
            self.stopped[change.ref.tracker] = str(error)
        else:
            self.result.done += 1
            self.job.log.info("change.applied", issue=str(change.ref), change=change.describe())

    def _failed(self, change: Change, error: ConnectorError) -> None:
        self.result.failed.append((change.describe(), str(error)))
        self.job.log.warning("change.failed", issue=str(change.ref), reason=str(error))

    def _labels(self, change: LabelChange) -> None:
        writer = self.job.writers[change.ref.tracker]
        for label in change.add:
            self._ensure_label(change, label)
        intents = {
            ("add-label", label): self._intend(change, "add-label", {"label": label}, reason)
            for label, reason in change.add.items()
        } | {
            ("remove-label", label): self._intend(change, "remove-label", {"label": label}, reason)
            for label, reason in change.remove.items()
        }
        with self._told(intents.values()):
            writer.change_labels(change.ref, list(change.add), list(change.remove))
        for (op, label), intent in intents.items():
            added, removed = ([label], []) if op == "add-label" else ([], [label.lower()])
            self.store.complete(intent, self.job.now(), ref=change.ref, added=added, removed=removed)

    def _ensure_label(self, change: LabelChange, label: str) -> None:
        """On GitHub a label is made with colour and description before its first use."""
        if self.job.markup(change.ref.tracker) != "github":
            return
        key = f"label-made:{change.container}:{label}"
        cache = self.store.cache_for(change.ref.tracker)
        if cache.get(key):
            return
        intent = self._intend(change, "create-label", {"label": label}, change.add[label])
        with self._told([intent]):
            self.job.writers[change.ref.tracker].ensure_label(
                change.container,
                label,
                self.job.settings.scheme.color(label),
                f"Kept by increment-sync ({self.job.settings.instance})"[:100],
            )
        self.store.journal_result(intent, "done", self.job.now())
        cache.put(key, True, days=90)

    def _comment(self, change: CommentChange) -> None:
        subjects = (change.subject, *self.aliases.get(change.subject, ()))
        if change.comment_id is None:
            self._create(change, subjects)
        else:
            self._edit(change, change.comment_id, subjects)

    def _create(self, change: CommentChange, subjects: tuple[str, ...]) -> None:
        """Look for a comment of ours first: the store may be new, or an answer may have been lost."""
        if ours := self._find_ours(change.ref, subjects):
            self._edit(change, ours.id, subjects)
            return
        intent = self._intend(change, "create-comment", {"subject": change.subject}, change.reason)
        try:
            with self._told([intent], unknown_on=OutcomeUnknown):
                created = self.job.writers[change.ref.tracker].create_comment(
                    change.ref, self._written(change), self.marker.fields(change.subject)
                )
        except OutcomeUnknown:
            found = self._find_ours(change.ref, subjects)
            if found is None:
                raise
            created = found
        self._complete(intent, change, created.id)

    def _edit(self, change: CommentChange, comment_id: str, subjects: tuple[str, ...]) -> None:
        """Read, check that it is ours, write. What a person deleted or took over is left to that person."""
        reader, ref = self.job.readers[change.ref.tracker], change.ref
        try:
            live = reader.comment(ref, comment_id)
        except Gone:
            self._record_deletion(change, comment_id, "was deleted by a person")
            return
        own = self.marker.own_text(live, ref, subjects)
        if own is None:
            self._record_deletion(change, comment_id, "lost our marker or is not by our account")
            return
        if digest(own) == digest(change.body):
            self.store.record_comment(self._pushed(change, comment_id, "live"))
            return
        payload = {"subject": change.subject, "comment": comment_id}
        intent = self._intend(change, "edit-comment", payload, change.reason, before={"body": own})
        with self._told([intent]):
            self.job.writers[ref.tracker].edit_comment(
                ref, comment_id, self._written(change, live, subjects), self.marker.fields(change.subject)
            )
        self._complete(intent, change, comment_id)

    def _find_ours(self, ref: IssueRef, subjects: tuple[str, ...]) -> Comment | None:
        ours = [
            comment
            for comment in self.job.readers[ref.tracker].comments(ref)
            if self.marker.own_text(comment, ref, subjects) is not None
        ]
        return ours[0] if ours else None

    def _written(
        self, change: CommentChange, live: Comment | None = None, subjects: tuple[str, ...] = ()
    ) -> str:
        """The whole text to send: on GitHub with our markers and what people wrote around them."""
        if self.job.markup(change.ref.tracker) != "github":
            return change.body
        instance = self.job.settings.instance
        if live is None:
            return wrap(change.body, instance, change.subject)
        text = live.body
        for old in subjects[1:]:
            text = text.replace(f"subject={old} -->", f"subject={change.subject} -->")
        return replace_block(text, change.body, instance, change.subject)

    def _record_deletion(self, change: CommentChange, comment_id: str, what: str) -> None:
        self.store.record_comment(self._pushed(change, comment_id, "deleted-by-person"))
        self.result.notes.append(f"{change.ref}: the status comment of {change.subject} {what}; left alone")

    def _complete(self, intent: int, change: CommentChange, comment_id: str) -> None:
        self.store.complete(
            intent, self.job.now(), ref=change.ref, comment=self._pushed(change, comment_id, "live")
        )

    def _pushed(self, change: CommentChange, comment_id: str, state: Any) -> PushedComment:
        return PushedComment(
            subject=change.subject,
            ref=change.ref,
            comment_id=comment_id,
            body=change.body,
            full_hash=change.full_hash,
            urgent_hash=change.urgent_hash,
            edited_at=self.job.now(),
            state=state,
            run_id=self.job.run_id,
        )

    def _intend(
        self, change: Change, op: Any, payload: Mapping[str, Any], reason: Any, before: Any = None
    ) -> int:
        if before is None:
            before = {"labels": list(change.before)} if isinstance(change, LabelChange) else {}
        if isinstance(change, CommentChange):
            payload = {
                **payload,
                "body": change.body,
                "full_hash": change.full_hash,
                "urgent_hash": change.urgent_hash,
            }
        return self.store.journal_intent(
            run_id=self.job.run_id,
            at=self.job.now(),
            ref=change.ref,
            op=op,
            payload=payload,
            before=before,
            rule=reason.rule,
            why=reason.text,
        )

    def _told(self, intents: Any, unknown_on: type[Exception] | None = None) -> _Told:
        return _Told(self, list(intents), unknown_on)


class _Told:
    """Journals the result of intents whose write raised. What may have taken effect stays ``unknown``."""

    def __init__(self, applier: Applier, intents: list[int], unknown_on: type[Exception] | None) -> None:
        self.applier, self.intents, self.unknown_on = applier, intents, unknown_on

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, ConnectorError) or (self.unknown_on and isinstance(error, self.unknown_on)):
            return
        refused = isinstance(error, SkipIssue) and not isinstance(error, OutcomeUnknown)
        for intent in self.intents:
            self.applier.store.journal_result(
                intent, "failed" if refused else "unknown", self.applier.job.now(), detail=str(error)
            )
