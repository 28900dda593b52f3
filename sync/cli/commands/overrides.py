"""``overrides`` and ``overrides clear``: manual overrides on the trackers, and what ``undo`` reverted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sync.apply.undo_current import undo_lineage
from sync.cli.issue_lookup import find_issue
from sync.cli.output import Output, pick, pluralize, table
from sync.pipeline.run import recording_stop
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, describe_process
from sync.runtime.run_lock import run_lock
from sync.runtime.session import offline_context
from sync.store import OverrideRecord, PushedCommentRecord

COMMAND: Final = "overrides clear"
_HEADER: Final = ("issue", "kind", "label", "since (UTC)", "note")


@dataclass(frozen=True, kw_only=True, slots=True)
class OverrideFilter:
    """Selects the overrides that match everything that is given."""

    run: str | None = None
    """A run that was undone, the undo itself, or the run that found the override."""
    issue: str | None = None
    label: str | None = None
    """A label, or ``capability:<id>`` or ``goal:<id>`` for a status comment."""
    yes: bool = False
    """Clear without asking."""


def list_overrides(invocation: Invocation) -> int:
    """List all overrides: labels that people added or removed, deleted status comments, and what undo reverted."""
    output = Output(invocation)
    with offline_context(invocation, require_all_files=False) as context:
        rows, comments = context.store.overrides(), _deleted_comments(context)
        output.show(
            lambda: {
                "overrides": rows,
                "deleted_comments": [pick(each, "subject", issue="ref") for each in comments],
            },
            lambda: [*_lines(rows, comments), pluralize(len(rows) + len(comments), "override")],
        )
        return 0


def clear_overrides(invocation: Invocation, selection: OverrideFilter) -> int:
    """Delete overrides, so that the next run follows the rules again.

    A pin stays: it is a label on the issue and ends when the label is removed there. Raises LeaseHeld while another run
    is running.
    """
    output = Output(invocation)
    with offline_context(invocation) as context:
        rows, comments = _matching_overrides(context, selection)
        pins = [row for row in rows if row.kind == "pin"]
        rows = [row for row in rows if row.kind != "pin"]
        output.notes(
            f"left: {pin.ref}: {pin.label} is a pin; take the label off the issue to end it" for pin in pins
        )
        count = len(rows) + len(comments)
        if not output.as_json:
            output.lines(_lines(rows, comments))
        confirmed = count > 0 and (selection.yes or _confirmed(output, count))
        if confirmed:
            _clear(context, selection, rows, comments)
        if output.as_json:
            output.document({"found": count, "cleared": count if confirmed else 0, "pins": len(pins)})
        elif confirmed:
            output.line(f"{pluralize(count, 'override')} cleared; the next run follows the rules again")
        elif not count:
            output.line("there is no such override; `increment-sync overrides` lists them")
        return 0


def _matching_overrides(
    context: RunContext, selection: OverrideFilter
) -> tuple[list[OverrideRecord], list[PushedCommentRecord]]:
    ref = find_issue(context, selection.issue).issue.ref if selection.issue else None
    runs = {selection.run, undo_lineage(context, selection.run)[0]} if selection.run else None
    label = selection.label.lower() if selection.label else None

    def matches(row: OverrideRecord | PushedCommentRecord, name: str) -> bool:
        return (
            (ref is None or row.ref == ref)
            and (runs is None or row.run_id in runs)
            and (label is None or name.lower() == label)
        )

    rows = [row for row in context.store.overrides() if matches(row, row.label)]
    return rows, [row for row in _deleted_comments(context) if matches(row, row.subject)]


def _clear(
    context: RunContext,
    selection: OverrideFilter,
    rows: Sequence[OverrideRecord],
    comments: Sequence[PushedCommentRecord],
) -> None:
    options = {name: value for name in ("run", "issue", "label") if (value := getattr(selection, name))}
    context.store.start_run(context.run_id, COMMAND, options, describe_process())
    with recording_stop(context), run_lock(context, describe_process()):
        for row in rows:
            context.store.remove_override(row.ref, row.kind, row.label)
        for comment in comments:
            context.store.forget_pushed_comment(comment.subject)
    context.store.finish_run(context.run_id, "done", 0, {"cleared": len(rows) + len(comments)})


def _confirmed(output: Output, count: int) -> bool:
    question = f"Clear {pluralize(count, 'override')}? The next run follows the rules again."
    return output.confirm(question, skipped="not cleared")


def _deleted_comments(context: RunContext) -> list[PushedCommentRecord]:
    return [c for c in context.store.pushed_comments().values() if c.state == "deleted-by-person"]


_DELETED = "a person deleted the status comment; the tracker does not say who"


def _lines(rows: Iterable[OverrideRecord], comments: Iterable[PushedCommentRecord]) -> list[str]:
    cells = [(row.ref.key, row.kind, row.label, f"{row.since:%Y-%m-%d %H:%M}", _note(row)) for row in rows]
    cells += [
        (
            c.ref.key,
            "comment",
            c.subject,
            "",
            "a person deleted the status comment; the tracker does not say who",
        )
        for c in comments
    ]
    return table(_HEADER, cells) if cells else []


def _note(row: OverrideRecord) -> str:
    return f"undo of {row.run_id}, {row.note}" if row.kind in ("held", "comment") else row.note
