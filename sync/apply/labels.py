"""Writing of labels.

Where labels are objects, a label is created with color and description before its first use, and renamed in place where
the plan or prefix has a new name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from connectors.errors import Rejected, WriteRedirected
from connectors.model import IssueRef, KnownIssue
from connectors.spec import Traits
from sync.apply.journal import JournalWriter
from sync.model.changes import LabelChange, Reason
from sync.model.records import Operation
from sync.model.redaction_policy import container_id
from sync.runtime.context import RunContext


class LabelWriter:
    """Writes label changes. Raises the errors of the connectors; the journal has the result of each write."""

    def __init__(self, context: RunContext) -> None:
        self._context, self._journal = context, JournalWriter(context)
        self._renamed: dict[tuple[str, str, str], bool] = {}
        """(tracker, container, former label) -> True if it was renamed in place in this run."""
        self._made: set[tuple[str, str]] = set()
        """Tracker and cache key of labels that are known to exist."""

    def write(self, change: LabelChange) -> None:
        """Add labels, then remove labels.

        There is one request for each step, so that added labels are recorded as ours even if a removal is rejected.
        Some trackers change all labels of an issue in one request.
        """
        renamed = {old for old, new in change.renames.items() if self._rename(change, old, new)}
        add = [label for label in change.add if label not in {change.renames[old] for old in renamed}]
        remove = [label for label in change.remove if label.lower() not in renamed]
        for label in add:
            self._ensure_label_exists(change, label)
        for added, removed in self._request_steps(change, add, remove):
            try:
                self._send_step(change, added, removed)
            except Rejected as error:
                is_permission = error.answer.startswith("HTTP 403")
                if len(added) < 2 or removed or is_permission or isinstance(error, WriteRedirected):
                    raise
                self._add_one_by_one(change, added)

    def _add_one_by_one(self, change: LabelChange, add: list[str]) -> None:
        """Add labels one at a time after several at once were rejected, because some of them may have been accepted."""
        rejections = []
        for label in add:
            try:
                self._send_step(change, [label], [])
            except Rejected as error:
                rejections.append(error)
        if rejections:
            raise rejections[0]

    def _request_steps(
        self, change: LabelChange, add: list[str], remove: list[str]
    ) -> Iterator[tuple[list[str], list[str]]]:
        if self._traits(change).labels_in_one_write:
            if add or remove:
                yield add, remove
            return
        if add:
            yield add, []
        for label in remove:
            yield [], [label]

    def _send_step(self, change: LabelChange, add: list[str], remove: list[str]) -> None:
        added: list[tuple[Operation, str, Reason]] = [("add-label", each, change.add[each]) for each in add]
        removed: list[tuple[Operation, str, Reason]] = [
            ("remove-label", each, change.remove[each]) for each in remove
        ]
        before, now, store = {"labels": list(change.before)}, self._context.now, self._context.store
        entries = [
            self._journal.record_intent(change.ref, op, {"label": label}, reason, before)
            for op, label, reason in (*added, *removed)
        ]
        with self._journal.recording_errors(entries):
            self._context.writers[change.ref.tracker].change_labels(change.ref, add, remove)
        for entry, label in zip(entries, [*add, *remove], strict=True):
            if label in add:
                store.complete_write(entry, now(), ref=change.ref, added=[label], removed=[])
            else:
                store.complete_write(entry, now(), ref=change.ref, added=[], removed=[label.lower()])
        if known := store.known_issue(change.ref.tracker, change.ref.id):
            save_confirmed_labels(self._context, known, add=add, remove=remove)

    def needs_label_object(self, change: LabelChange) -> bool:
        """Return True if a label of the container has to be created or renamed before the issue gets it."""
        if not self._traits(change).label_objects:
            return False
        return bool(change.renames) or not all(self._exists(change, label) for label in change.add)

    def _exists(self, change: LabelChange, label: str) -> bool:
        """Return True if an earlier change created the label."""
        key = (change.ref.tracker, _made_key(change.container, label))
        if key not in self._made and self._context.store.cache_for(key[0]).get(key[1]):
            self._made.add(key)
        return key in self._made

    def _ensure_label_exists(self, change: LabelChange, label: str) -> None:
        """Create a label before its first use, where labels are objects."""
        if not self._traits(change).label_objects or self._exists(change, label):
            return
        payload, before = {"label": label, "container": change.container}, {"labels": list(change.before)}
        with self._journal.recording(change.ref, "create-label", payload, change.add[label], before) as entry:
            self._context.writers[change.ref.tracker].ensure_label(
                change.container,
                label,
                self._context.workspace.labels.color(label, change.team),
                f"Managed by increment-sync ({self._context.settings.instance})",
            )
        self._context.store.journal_result(entry, "done", self._context.now())
        cache = self._context.store.cache_for(change.ref.tracker)
        cache.put(_made_key(change.container, label), True, days=90)

    def _rename(self, change: LabelChange, old: str, new: str) -> bool:
        """Rename a label in place, once for each container. All its issues have the new name then."""
        key = (change.ref.tracker, change.container.lower(), old)
        if key not in self._renamed:
            self._renamed[key] = self._rename_in_place(change, old, new)
        return self._renamed[key]

    def _rename_in_place(self, change: LabelChange, old: str, new: str) -> bool:
        if not self._traits(change).label_objects:
            return False
        payload = {"label": old, "new": new, "container": change.container}
        reason = Reason(text=f"renamed to {new}", rule=change.add[new].rule)
        before, store = {"labels": list(change.before)}, self._context.store
        with self._journal.recording(change.ref, "rename-label", payload, reason, before) as entry:
            done = self._context.writers[change.ref.tracker].rename_label(change.container, old, new)
        if done:
            record_label_rename(self._context, change.ref.tracker, change.container, old, new)
            store.journal_result(entry, "done", self._context.now())
        else:
            why = "the new label already exists, or the old one does not"
            store.journal_result(entry, "not-sent", self._context.now(), detail=why)
        return done

    def _traits(self, change: LabelChange) -> Traits:
        return self._context.settings.spec(change.ref.tracker).traits


def _made_key(container: str, label: str) -> str:
    """Return the cache key of a label that we created in a container."""
    return f"label-made:{container}:{label}"


def save_confirmed_labels(
    context: RunContext, known: KnownIssue, *, add: Collection[str], remove: Collection[str]
) -> None:
    """Save the labels that the tracker confirmed.

    Without this, a list that lags would look as if people had changed the labels.
    """
    issue, gone = known.issue, {label.lower() for label in remove}
    remaining = frozenset(label for label in issue.labels if label.lower() not in gone)
    if not known.vanished:
        context.store.save_issue(replace(issue, labels=remaining | frozenset(add)), context.now())


def record_label_rename(context: RunContext, tracker: str, container: str, old: str, new: str) -> None:
    """Update the store after a rename in place: pushed and known labels of that container get the new name."""
    place = container_id(tracker, container)

    def is_there(ref: IssueRef) -> bool:
        return ref.tracker == tracker and container_id(tracker, context.container_of(ref)) == place

    run_id, store = context.run_id, context.store
    for ref, labels in store.pushed_labels().items():
        if is_there(ref) and old in labels:
            store.record_pushed_labels(ref, added=[new], removed=[old], run_id=run_id, at=context.now())
    for known in list(store.known_issues(tracker=tracker)):
        if is_there(known.issue.ref) and old in {label.lower() for label in known.issue.labels}:
            save_confirmed_labels(context, known, add=[new], remove=[old])
    store.cache_for(tracker).put(_made_key(container, new), True, days=90)
