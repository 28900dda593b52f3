"""Reversal of a run: inverse changes from its journal and the current state of the trackers. Pure.

Labels of a family with at most one label an issue (all but flags) are reverted together, and only if they are exactly
as the run left them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from connectors.model import Issue, IssueRef
from mappings.labels import LabelScheme
from sync.apply.undo_comments import revert_comments
from sync.model.changes import ChangeSet, LabelChange, Reason
from sync.model.records import JournalEntry
from sync.model.renames import current_label_name
from sync.model.undo import CurrentIssue, Hold, Reversal, Skipped, UndoRequest

LABEL_OPS = ("add-label", "remove-label")
COMMENT_OPS = ("create-comment", "edit-comment", "delete-comment")


def build_reversal(request: UndoRequest, current: Mapping[IssueRef, CurrentIssue]) -> Reversal:
    """Return the reversal of all writes of the run on the given issues.

    Failed writes need no reversal. Writes with an unknown result are skipped.
    """
    parts = _ReversalParts()
    for ref, issue in sorted(current.items()):
        rows = [row for row in request.entries if row.ref == ref]
        _revert_issue(request, issue, rows, parts)
    return parts.build()


def label_group(label: str, scheme: LabelScheme) -> tuple[str, str]:
    """Return the group that a label is reverted with.

    Its family; for flags and unmanaged labels the label itself.
    """
    family = scheme.family_of(label)
    return ("", label) if family in (None, "flag") else (f"{family}", "")


@dataclass(kw_only=True, slots=True)
class _ReversalParts:
    labels: list[LabelChange] = field(default_factory=list)
    comments: list[Reversal] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    unchanged: list[Skipped] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)

    def build(self) -> Reversal:
        comments = self.comments
        return Reversal(
            changes=ChangeSet(
                labels=tuple(self.labels),
                comments=tuple(c for each in comments for c in each.changes.comments),
                removals=tuple(r for each in comments for r in each.changes.removals),
            ),
            holds=(*self.holds, *(hold for each in comments for hold in each.holds)),
            skipped=(*self.skipped, *(left for each in comments for left in each.skipped)),
            unchanged=(*self.unchanged, *(left for each in comments for left in each.unchanged)),
            notes=tuple(self.notes),
        )


def _revert_issue(
    request: UndoRequest, current: CurrentIssue, rows: list[JournalEntry], parts: _ReversalParts
) -> None:
    done = [row for row in rows if row.outcome == "done"]
    for row in rows:
        if row.outcome in (None, "unknown"):
            parts.skipped.append(Skipped(ref=current.ref, text=f"the result of its {row.op} is unknown"))
    for row in done:
        _note_permanent_effects(row, current, parts)
    labels = [row for row in done if row.op in LABEL_OPS]
    comments = [row for row in done if row.op in COMMENT_OPS]
    if current.issue is None:
        if labels or comments:
            parts.skipped.append(Skipped(ref=current.ref, text=current.problem))
        return
    if labels:
        _LabelReverter(request, current, current.issue, labels).revert(parts)
    if comments:
        parts.comments.append(revert_comments(request, current, comments))


def _note_permanent_effects(row: JournalEntry, current: CurrentIssue, parts: _ReversalParts) -> None:
    repository = row.ref.key.partition("#")[0]
    if row.op == "create-label":
        parts.notes[f"the label {row.payload['label']} was created in {repository} if missing; it stays"] = (
            None
        )
    elif row.op == "rename-label":
        text = (
            f"the label {row.payload['label']} of {repository} was renamed to {row.payload['new']} because of the "
            "plan; change the plan to revert this"
        )
        parts.skipped.append(Skipped(ref=current.ref, text=text))


class _LabelReverter:
    """Labels of one issue: before the run, after the run, and now."""

    def __init__(
        self, request: UndoRequest, current: CurrentIssue, issue: Issue, rows: list[JournalEntry]
    ) -> None:
        self.request, self.current, self.rows, self.issue = request, current, rows, issue
        self.names = {self._current_name(label): label for label in sorted(issue.labels)}
        self.before = frozenset(map(self._current_name, rows[0].before.get("labels", ())))
        self.after = self._labels_after_run()
        self.live = frozenset(self.names)

    def revert(self, parts: _ReversalParts) -> None:
        """Add the label changes, holds and skipped writes of the issue to ``parts``."""
        add: dict[str, Reason] = {}
        remove: dict[str, Reason] = {}
        pure: list[str] = []
        for group in sorted({self._group_of(self._label_of(row)) for row in self.rows}):
            labels = frozenset(
                label for label in self.before | self.after | self.live if self._group_of(label) == group
            )
            before, after, live = self.before & labels, self.after & labels, self.live & labels
            if live == before:
                parts.unchanged.append(
                    Skipped(ref=self.current.ref, text=f"{_names(labels)} is as before the run")
                )
                continue
            if conflict := self._conflict(labels, after, live, live - before):
                parts.skipped.append(Skipped(ref=self.current.ref, text=conflict))
                continue
            returning, leaving = before - live, live - before
            add |= {self._original_spelling(label): self._reason(label) for label in sorted(returning)}
            remove |= {self.names[label]: self._reason(label) for label in sorted(leaving)}
            pure += [] if returning else [self.names[label] for label in sorted(leaving)]
            parts.holds += [
                Hold(ref=self.current.ref, kind="held", label=label) for label in sorted(returning | leaving)
            ]
        if add or remove:
            parts.labels.append(
                LabelChange(
                    ref=self.current.ref,
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
