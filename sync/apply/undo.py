"""Reversal of a run: inverse changes from its journal and the current state of the trackers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connectors.model import IssueRef
from sync.apply.undo_comments import COMMENT_OPS, revert_comments
from sync.apply.undo_labels import LABEL_OPS, revert_labels
from sync.model.records import JournalEntry
from sync.model.undo import CurrentIssue, Reversal, Skipped, UndoRequest


def build_reversal(request: UndoRequest, current: Mapping[IssueRef, CurrentIssue]) -> Reversal:
    """Return the reversal of all writes of the run on the given issues.

    Failed writes need no reversal. Writes with an unknown result are skipped.
    """
    labels: list[Reversal] = []
    comments: list[Reversal] = []
    for ref, issue in sorted(current.items()):
        rows = [row for row in request.entries if row.ref == ref]
        done = [row for row in rows if row.outcome == "done"]
        label_rows = [row for row in done if row.op in LABEL_OPS]
        comment_rows = [row for row in done if row.op in COMMENT_OPS]
        labels += [_unknown_results(issue, rows), _permanent_effects(issue, done)]
        if issue.issue is None:
            if label_rows or comment_rows:
                labels.append(Reversal(skipped=(Skipped(ref=issue.ref, text=issue.problem),)))
            continue
        if label_rows:
            labels.append(revert_labels(request, issue, issue.issue, label_rows))
        if comment_rows:
            comments.append(revert_comments(request, issue, comment_rows))
    return Reversal.merged([*labels, *comments])


def _unknown_results(issue: CurrentIssue, rows: Iterable[JournalEntry]) -> Reversal:
    return Reversal(
        skipped=tuple(
            Skipped(ref=issue.ref, text=f"the result of its {row.op} is unknown")
            for row in rows
            if row.outcome in (None, "unknown")
        )
    )


def _permanent_effects(issue: CurrentIssue, rows: Iterable[JournalEntry]) -> Reversal:
    """Report labels that the run created or renamed in the repository."""
    notes, skipped = [], []
    for row in rows:
        repository, label = row.ref.key.partition("#")[0], row.payload.get("label")
        if row.op == "create-label":
            notes.append(f"the label {label} was created in {repository} if missing; it stays")
        elif row.op == "rename-label":
            text = (
                f"the label {label} of {repository} was renamed to {row.payload['new']} because of the plan; "
                "change the plan to revert this"
            )
            skipped.append(Skipped(ref=issue.ref, text=text))
    return Reversal(skipped=tuple(skipped), notes=tuple(notes))
