"""Reversal of label writes. Pure.

Labels of a family with at most one label an issue (all but flags) are reverted together, and only if they are exactly
as the run left them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from connectors.model import Issue
from mappings.labels import LabelScheme
from sync.model.changes import ChangeSet, LabelChange, Reason
from sync.model.records import JournalEntry
from sync.model.renames import current_label_name
from sync.model.undo import CurrentIssue, Hold, Reversal, Skipped, UndoRequest

LABEL_OPS = ("add-label", "remove-label")


def revert_labels(
    request: UndoRequest, current: CurrentIssue, issue: Issue, rows: Sequence[JournalEntry]
) -> Reversal:
    """Return the reversal of label writes on one issue. ``rows`` took effect, oldest first."""
    return _LabelReverter(request, current, issue, rows).revert()


def label_group(label: str, scheme: LabelScheme) -> tuple[str, str]:
    """Return the group that a label is reverted with.

    Its family; for flags and unmanaged labels the label itself.
    """
    family = scheme.family_of(label)
    return ("", label) if family in (None, "flag") else (f"{family}", "")


class _LabelReverter:
    """Labels of one issue: before the run, after the run, and now."""

    def __init__(
        self, request: UndoRequest, current: CurrentIssue, issue: Issue, rows: Sequence[JournalEntry]
    ) -> None:
        self.request, self.current, self.rows, self.issue = request, current, rows, issue
        self.names = {self._current_name(label): label for label in sorted(issue.labels)}
        self.before = frozenset(map(self._current_name, rows[0].before.get("labels", ())))
        self.after = self._labels_after_run()
        self.live = frozenset(self.names)

    def revert(self) -> Reversal:
        """Return the inverse label change, group by group."""
        add: dict[str, Reason] = {}
        remove: dict[str, Reason] = {}
        pure: list[str] = []
        skipped, unchanged, holds = [], [], []
        for group in sorted({self._group_of(self._label_of(row)) for row in self.rows}):
            labels = frozenset(
                label for label in self.before | self.after | self.live if self._group_of(label) == group
            )
            before, after, live = self.before & labels, self.after & labels, self.live & labels
            returning, leaving = before - live, live - before
            if live == before:
                unchanged.append(Skipped(ref=self.current.ref, text=f"{_names(labels)} is as before the run"))
            elif conflict := self._conflict(labels, after, live, leaving):
                skipped.append(Skipped(ref=self.current.ref, text=conflict))
            else:
                add |= {self._original_spelling(label): self._reason(label) for label in sorted(returning)}
                remove |= {self.names[label]: self._reason(label) for label in sorted(leaving)}
                pure += [] if returning else [self.names[label] for label in sorted(leaving)]
                holds += [
                    Hold(ref=self.current.ref, kind="held", label=each)
                    for each in sorted(returning | leaving)
                ]
        return Reversal(
            changes=self._change(add, remove, pure),
            holds=tuple(holds),
            skipped=tuple(skipped),
            unchanged=tuple(unchanged),
        )

    def _change(
        self, add: Mapping[str, Reason], remove: Mapping[str, Reason], pure: Sequence[str]
    ) -> ChangeSet:
        if not add and not remove:
            return ChangeSet()
        change = LabelChange(
            ref=self.current.ref,
            container=self.issue.container,
            add=add,
            remove=remove,
            before=tuple(sorted(self.request.scheme.managed(self.issue.labels))),
            pure_removals=tuple(pure),
        )
        return ChangeSet(labels=(change,))

    def _conflict(
        self, group: frozenset[str], after: frozenset[str], live: frozenset[str], leaving: frozenset[str]
    ) -> str | None:
        """Return the later change that prevents the reversal; None if there is none."""
        if live != after:
            later = [
                row
                for row in self.current.later_writes
                if row.op in LABEL_OPS and self._label_of(row) in group | live
            ]
            shown, left = _names(live) or "nothing", _names(after) or "nothing"
            if later:
                return f"run {later[-1].run_id} has since changed {_names(live | after)}; undo that run first"
            return f"a person has since changed it: after the run it had {left}, now {shown}"
        if replaced := leaving & frozenset(map(self._current_name, self.current.put_by_others)):
            return f"a person has since removed and put back {_names(replaced)}"
        return None

    def _group_of(self, label: str) -> tuple[str, str]:
        return label_group(label, self.request.scheme)

    def _labels_after_run(self) -> frozenset[str]:
        labels = set(self.before)
        for row in self.rows:
            (labels.add if row.op == "add-label" else labels.discard)(self._label_of(row))
        return frozenset(labels)

    def _original_spelling(self, name: str) -> str:
        """Return the label text from before the run, unless the label has another name now."""
        labels = map(str, self.rows[0].before.get("labels", ()))
        return next(
            (label for label in labels if label.lower() == name or self._is_current(label, name)), name
        )

    def _is_current(self, label: str, name: str) -> bool:
        parsed = self.request.scheme.parse_managed(label)
        return parsed is not None and parsed.canonical_name == name and not parsed.has_former_prefix

    def _label_of(self, row: JournalEntry) -> str:
        return self._current_name(str(row.payload["label"]))

    def _current_name(self, label: str) -> str:
        return current_label_name(label.lower(), self.request.scheme, self.request.renames)

    def _reason(self, label: str) -> Reason:
        row = next((row for row in reversed(self.rows) if self._label_of(row) == label), self.rows[0])
        return Reason(text=f"undo of {self.request.run_id}, whose reason was: {row.why}", rule=row.rule)


def _names(labels: Iterable[str]) -> str:
    return ", ".join(sorted(labels))
