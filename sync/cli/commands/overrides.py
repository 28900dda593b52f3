"""``list_overrides`` and ``overrides clear``: what people decided and what ``undo`` holds, and how it is let go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from sync.apply.undo_current import undo_lineage
from sync.cli.issue_lookup import find_issue
from sync.cli.render import table
from sync.runtime.context import RunContext
from sync.runtime.invocation import (
    Invocation,
    confirm,
    describe_process,
    pluralize,
    print_error,
    print_json,
    print_line,
)
from sync.runtime.run_lock import run_lock
from sync.runtime.session import offline_context
from sync.store import OverrideRecord, PushedCommentRecord

COMMAND: Final = "overrides clear"
_HEADER: Final = ("issue", "kind", "label", "since (UTC)", "note")


def list_overrides(invocation: Invocation) -> int:
    """People's decisions on the trackers that differ from ours, and what undo took back."""
    with offline_context(invocation, require_all_files=False) as job:
        rows, comments = job.store.overrides(), _deleted_comments(job)
        if invocation.as_json:
            print_json(
                {
                    "version": 1,
                    "overrides": [{**asdict(row), "ref": str(row.ref)} for row in rows],
                    "deleted_comments": [{"subject": c.subject, "issue": str(c.ref)} for c in comments],
                }
            )
            return 0
        _list(rows, comments)
        print_line(f"{len(rows) + len(comments)} overrides")
        return 0


@dataclass(frozen=True, kw_only=True, slots=True)
class OverrideFilter:
    """Which overrides are meant: those that fit everything that is given."""

    run: str | None = None
    """A run that was undone, or the undo, or the run that found the decision."""
    issue: str | None = None
    label: str | None = None
    """A label, or ``capability:<id>`` or ``goal:<id>`` for a status comment."""
    yes: bool = False


def clear_overrides(invocation: Invocation, selection: OverrideFilter) -> int:
    """Forget decisions, so that the next run does as the rules say. A pin is not forgotten: it is a label on the
    issue, and goes with it. 6 when a run is at work."""
    with offline_context(invocation) as job:
        rows, comments = _matching_overrides(job, selection)
        pins = [row for row in rows if row.kind == "pin"]
        rows = [row for row in rows if row.kind != "pin"]
        for pin in pins:
            print_error(f"left: {pin.ref}: {pin.label} is a pin; take the label off the issue to end it")
        count = len(rows) + len(comments)
        if not invocation.as_json:
            _list(rows, comments)
        agreed = count > 0 and (selection.yes or _confirmed(invocation, count))
        if agreed:
            _clear(job, selection, rows, comments)
        if invocation.as_json:
            print_json({"version": 1, "found": count, "cleared": count if agreed else 0, "pins": len(pins)})
        elif agreed:
            print_line(f"{pluralize(count, 'override')} cleared; the next run does as the rules say")
        elif not count:
            print_line("there is no such override; `increment-sync overrides` lists them")
        return 0


def _matching_overrides(
    context: RunContext, wanted: OverrideFilter
) -> tuple[list[OverrideRecord], list[PushedCommentRecord]]:
    ref = find_issue(context, wanted.issue).issue.ref if wanted.issue else None
    runs = {wanted.run, undo_lineage(context, wanted.run)[0]} if wanted.run else None
    label = wanted.label.lower() if wanted.label else None

    def fits(row: OverrideRecord | PushedCommentRecord, name: str) -> bool:
        return (
            (ref is None or row.ref == ref)
            and (runs is None or row.run_id in runs)
            and (label is None or name.lower() == label)
        )

    rows = [row for row in context.store.overrides() if fits(row, row.label)]
    return rows, [row for row in _deleted_comments(context) if fits(row, row.subject)]


def _clear(
    context: RunContext,
    wanted: OverrideFilter,
    rows: Sequence[OverrideRecord],
    comments: Sequence[PushedCommentRecord],
) -> None:
    options = {name: value for name in ("run", "issue", "label") if (value := getattr(wanted, name))}
    context.store.start_run(context.run_id, COMMAND, options, describe_process())
    try:
        with run_lock(context, describe_process()):
            for row in rows:
                context.store.remove_override(row.ref, row.kind, row.label)
            for comment in comments:
                context.store.forget_pushed_comment(comment.subject)
    except BaseException as error:
        context.store.finish_run(context.run_id, f"stopped: {type(error).__name__}", 1, {})
        raise
    context.store.finish_run(context.run_id, "done", 0, {"cleared": len(rows) + len(comments)})


def _confirmed(invocation: Invocation, count: int) -> bool:
    question = f"Clear {pluralize(count, 'override')}? The next run does as the rules say."
    return confirm(invocation, question, skipped="not cleared")


def _deleted_comments(context: RunContext) -> list[PushedCommentRecord]:
    return [c for c in context.store.pushed_comments().values() if c.state == "deleted-by-person"]


def _list(rows: Sequence[OverrideRecord], comments: Sequence[PushedCommentRecord]) -> None:
    listed = [(row.ref.key, row.kind, row.label, f"{row.since:%Y-%m-%d %H:%M}", _note(row)) for row in rows]
    listed += [(c.ref.key, "comment", c.subject, "", "a person deleted the status comment") for c in comments]
    if listed:
        for line in table(_HEADER, listed):
            print_line(line)


def _note(row: OverrideRecord) -> str:
    return f"undo of {row.run_id}, {row.note}" if row.kind in ("held", "comment") else row.note
