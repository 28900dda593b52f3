"""Recorder of overrides and pushed state that a run finds out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from connectors.model import IssueRef
from sync.model.labels import Notice
from sync.model.planning import RecordedState
from sync.model.records import OverrideKind, PushedCommentRecord
from sync.pull.recorded import FIELD_BY_KIND, FROM_HISTORY, RECOVERED_KEY, label_renamer
from sync.runtime.context import RunContext

_NOTICE_BY_KIND = {
    "pin": "{} was added",
    "veto": "{} was removed",
    "held": "{} stays reverted",
    "comment": "the status comment of {} stays reverted",
    "left": "{} was not added by us, as far as the tracker's history says; left alone",
}


class StateRecorder:
    """Applies new findings about overrides to the recorded state at once, and to the store with ``save()``.

    If the guard refuses, or in a preview, ``save()`` is not called and the store stays as it is.
    """

    def __init__(self, context: RunContext, recorded: RecordedState) -> None:
        self.context, self.recorded = context, recorded
        self._current_name = label_renamer(context)
        self._pending_writes: list[Callable[[], None]] = []
        self.notices: list[Notice] = []
        """Overrides found in this run."""

    def save(self) -> None:
        """Write all findings to the store."""
        for write in self._pending_writes:
            write()
        self._pending_writes.clear()

    def record_override(
        self, ref: IssueRef, kind: OverrideKind, label: str, note: str, at: datetime | None = None
    ) -> None:
        """Record an override that a direct read or the tracker's history confirmed.

        ``at``: when the person acted, if the history says so.
        """
        name, store, since = self._current_name(label), self.context.store, at or self.context.now()
        self._change_override(kind, ref, add=name)
        if kind == "left" and note.startswith(FROM_HISTORY):
            self._change_field("put_by_people", ref, add=name)
        when = f" on {at:%Y-%m-%d}, according to the tracker's history" if at else ""
        if kind in ("veto", "pin") and not at:
            when = ", and the tracker's history does not say by whom"
        self.notices.append(Notice(ref=ref, text=_NOTICE_BY_KIND[kind].format(label) + when))
        self.context.log.info("override.found", issue=str(ref), kind=kind, label=name)
        self._pending_writes.append(
            lambda: store.add_override(ref, kind, name, since=since, run_id=self.context.run_id, note=note)
        )
        if kind == "veto":
            self.forget_labels(ref, frozenset({label}))

    def drop_override(self, ref: IssueRef, kind: OverrideKind, label: str) -> None:
        """Drop an override that the person withdrew."""
        name = self._current_name(label)
        if name not in getattr(self.recorded.overrides, FIELD_BY_KIND[kind]).get(ref, frozenset()):
            return
        self._change_override(kind, ref, drop=name)
        self.notices.append(Notice(ref=ref, text=f"the {kind} of {label} was withdrawn"))
        self._pending_writes.append(lambda: self.context.store.remove_override(ref, kind, name))

    def mark_recovered(self, ref: IssueRef) -> None:
        """Note that the issue's history was searched for overrides older than the store."""
        key = f"{RECOVERED_KEY}{ref.tracker}:{ref.id}"
        at = self.context.now().isoformat()
        self._pending_writes.append(lambda: self.context.store.cache.put(key, at, days=3650))

    def adopt_label(self, ref: IssueRef, label: str) -> None:
        """Record a label as pushed that the issue's history attributes to our account."""
        self._set_pushed(ref, self._pushed(ref) | {label})
        self._pending_writes.append(lambda: self._record_labels(ref, added=[label], removed=[]))

    def adopt_comment(self, row: PushedCommentRecord, then: Callable[[], None] = lambda: None) -> None:
        """Record a comment as ours that the store did not know."""
        comments = {**self.recorded.status_comments, row.subject: row}
        self.recorded = replace(self.recorded, status_comments=comments)
        self._pending_writes += [lambda: self.context.store.record_pushed_comment(row), then]

    def forget_labels(self, ref: IssueRef, labels: frozenset[str], *, permanently: bool = True) -> None:
        """Drop pushed labels that are gone from the issue; only for this run unless ``permanently``."""
        gone = labels & self._pushed(ref)
        self._set_pushed(ref, self._pushed(ref) - labels)
        if permanently and gone:
            self._pending_writes.append(lambda: self._record_labels(ref, added=[], removed=sorted(gone)))

    def equivalent_labels(self, ref: IssueRef, label: str) -> frozenset[str]:
        """Return the pushed labels with the same meaning as ``label``, whatever their prefix."""
        name = self._current_name(label)
        return frozenset(each for each in self._pushed(ref) if self._current_name(each) == name)

    def _pushed(self, ref: IssueRef) -> frozenset[str]:
        return self.recorded.pushed_labels.get(ref, frozenset())

    def _set_pushed(self, ref: IssueRef, labels: frozenset[str]) -> None:
        self.recorded = replace(self.recorded, pushed_labels={**self.recorded.pushed_labels, ref: labels})

    def _record_labels(self, ref: IssueRef, *, added: list[str], removed: list[str]) -> None:
        self.context.store.record_pushed_labels(
            ref, added=added, removed=removed, run_id=self.context.run_id, at=self.context.now()
        )

    def _change_override(
        self, kind: str, ref: IssueRef, *, add: str | None = None, drop: str | None = None
    ) -> None:
        self._change_field(FIELD_BY_KIND[kind], ref, add=add, drop=drop)

    def _change_field(
        self, field: str, ref: IssueRef, *, add: str | None = None, drop: str | None = None
    ) -> None:
        by_issue: dict[IssueRef, frozenset[str]] = dict(getattr(self.recorded.overrides, field))
        names = by_issue.get(ref, frozenset())
        by_issue[ref] = (names | ({add} if add else set())) - ({drop} if drop else set())
        overrides = replace(self.recorded.overrides, **{field: by_issue})
        self.recorded = replace(self.recorded, overrides=overrides)
