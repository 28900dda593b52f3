"""Reversal of a run: inverse changes from its journal and the current state of the trackers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connectors.model import IssueRef
from sync.apply.undo_comments import COMMENT_OPS, revert_comments
from sync.apply.undo_labels import LABEL_OPS, revert_labels
from sync.model.records import JournalEntry
from sync.model.undo import CurrentIssue, Reversal, UndoRequest


def build_reversal(request: UndoRequest, current: Mapping[IssueRef, CurrentIssue]) -> Reversal:
    """Return the reversal of all writes of the run on the given issues.

    Failed writes need no reversal. Writes with an unknown result are skipped. Comments come after all labels.
    """
    reversal = Reversal()
    comments: list[tuple[CurrentIssue, list[JournalEntry]]] = []
    for ref, issue in sorted(current.items()):
        rows = [row for row in request.entries if row.ref == ref]
        for row in rows:
            if row.outcome in (None, "unknown"):
                reversal.skip(issue.ref, f"the result of its {row.op} is unknown")
        done = [row for row in rows if row.outcome == "done"]
        _report_permanent_effects(issue.ref, done, reversal)
        label_rows = [row for row in done if row.op in LABEL_OPS]
        comment_rows = [row for row in done if row.op in COMMENT_OPS]
        if issue.issue is not None:
            revert_labels(request, issue, issue.issue, label_rows, reversal)
            comments.append((issue, comment_rows))
        elif label_rows or comment_rows:
            reversal.skip(issue.ref, issue.problem)
    for issue, rows in comments:
        revert_comments(request, issue, rows, reversal)
    return reversal


def _report_permanent_effects(ref: IssueRef, rows: Iterable[JournalEntry], reversal: Reversal) -> None:
    """Report labels that the run created or renamed in a container."""
    for row in rows:
        container, label = row.payload.get("container"), row.payload.get("label")
        if row.op == "create-label":
            where = f"in {container}" if container else f"for {row.ref.key}"  # journals before 2026-12
            note = f"the label {label} was created {where} if missing; it stays"
            if note not in reversal.notes:
                reversal.notes.append(note)
        elif row.op == "rename-label":
            text = (
                f"the label {label} of {container} was renamed to {row.payload['new']} because of the plan; "
            )
            reversal.skip(ref, text + "change the plan to revert this")
