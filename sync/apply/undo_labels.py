"""Reversal of label writes. Pure.

Labels of a family with at most one label an issue (all but flags) are reverted together, and only if they are exactly
as the run left them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connectors.model import Issue
from sync.model.changes import LabelChange, Reason
from sync.model.records import JournalEntry
from sync.model.renames import current_label_name
from sync.model.undo import CurrentIssue, Hold, Reversal, UndoRequest

LABEL_OPS = ("add-label", "remove-label")


def revert_labels(
    request: UndoRequest,
    current: CurrentIssue,
    issue: Issue,
    rows: Sequence[JournalEntry],
    reversal: Reversal,
) -> None:
    """Add the reversal of label writes on one issue. ``rows`` took effect, oldest first."""
    if rows:
        _LabelReverter(request, current, issue, rows).revert(reversal)


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

    def revert(self, reversal: Reversal) -> None:
        """Add the inverse label change, group by group."""
        ref, every_label = self.current.ref, self.before | self.after | self.live
        add: dict[str, Reason] = {}
        remove: dict[str, Reason] = {}
        pure: list[str] = []
        for group in sorted({self._group_of(self._label_of(row)) for row in self.rows}):
            labels = frozenset(label for label in every_label if self._group_of(label) == group)
            before, after, live = self.before & labels, self.after & labels, self.live & labels
            returning, leaving = before - live, live - before
            if live == before:
                reversal.leave_unchanged(ref, f"{_names(labels)} is as before the run")
            elif conflict := self._conflict(labels, after, live, leaving):
                reversal.skip(ref, conflict)
            else:
                add |= {self._original_spelling(label): self._reason(label) for label in sorted(returning)}
                remove |= {self.names[label]: self._reason(label) for label in sorted(leaving)}
                pure += [] if returning else [self.names[label] for label in sorted(leaving)]
                reversal.holds += [
                    Hold(ref=ref, kind="held", label=each) for each in sorted(returning | leaving)
                ]
        if add or remove:
            reversal.labels.append(
                LabelChange(
                    ref=ref,
                    container=self.issue.container,
                    add=add,
                    remove=remove,
                    before=tuple(sorted(self.request.scheme.managed(self.issue.labels))),
                    pure_removals=tuple(pure),
                )
            )

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
        """Return the group that a label is reverted with.

        Its family; for flags and unmanaged labels the label itself.
        """
        family = self.request.scheme.family_of(label)
        return ("", label) if family in (None, "flag") else (f"{family}", "")

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
