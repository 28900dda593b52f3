"""What ``undo`` says, to people and to programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sync.cli.render import change_document, change_lines, change_summary
from sync.config.escape import escape_terminal
from sync.model.limits import Refusal
from sync.model.run import ApplyResult
from sync.model.undo import Reversal, Skipped
from sync.runtime.invocation import Invocation, pluralize, print_error, print_json, print_line
from sync.store import OverrideRecord

_SHOWN: Final = 50
_LONGEST: Final = 400


@dataclass(kw_only=True, slots=True)
class UndoReport:
    """What came of an undo."""

    run_id: str
    undoes: str
    original_run: str
    """The run whose writes are taken back, or done again, in the end."""

    undoing: Reversal
    still_open: Sequence[str] = ()
    refusals: Sequence[Refusal] = ()
    applied: ApplyResult | None = None
    overrides_added: int = 0
    overrides_removed: int = 0
    not_written_reason: str = ""
    """Why nothing was written, when nothing was."""
    push_is_off: bool = False

    @property
    def exit_code(self) -> int:
        if self.push_is_off:
            return 3
        if self.refusals:
            return 4
        failed = self.applied and (self.applied.failed or self.applied.skipped or self.applied.notes)
        return 1 if failed or self.undoing.skipped or self.still_open else 0


def print_undo_plan(undoing: Reversal, lifting: Sequence[OverrideRecord]) -> None:
    """What would be written."""
    for line in change_lines(undoing.changes):
        print_line(line)
    if lifting:
        print_line(f"{pluralize(len(lifting), 'hold')} of the undo let go: runs write there again")
    if len(undoing.changes):
        print_line(change_summary(undoing.changes))


def print_undo_report(invocation: Invocation, story: UndoReport) -> None:
    """What was left, and what was written."""
    if invocation.as_json:
        print_json(_as_json(story))
        return
    for line in _beside(story):
        print_error(escape_terminal(line, _LONGEST))
    if story.not_written_reason:
        print_line(story.not_written_reason)
    if story.applied is not None:
        _tell_applied(story, story.applied)


def _beside(story: UndoReport) -> Iterator[str]:
    undoing = story.undoing
    yield from (f"left: {left.ref}: {left.text}" for left in undoing.skipped)
    yield from (f"already so: {left.ref}: {left.text}" for left in undoing.unchanged[:_SHOWN])
    if len(undoing.unchanged) > _SHOWN:
        yield f"already so: {len(undoing.unchanged) - _SHOWN} more; --json shows all"
    yield from (f"note: {note}" for note in undoing.notes)
    yield from story.still_open
    yield from (f"refused ({refusal.rule}): {refusal.text}" for refusal in story.refusals)


def _tell_applied(story: UndoReport, applied: ApplyResult) -> None:
    print_line(f"{pluralize(applied.done, 'change')} written by run {story.run_id}")
    for what, why in applied.failed:
        print_error(escape_terminal(f"failed: {what}: {why}", _LONGEST))
    for note in applied.notes:
        print_error(escape_terminal(f"note: {note}", _LONGEST))
    if applied.skipped:
        why = "; ".join(applied.skip_reasons)
        print_line(f"{pluralize(applied.skipped, 'change')} left, run the same command again: {why}")
    if story.overrides_added:
        print_line(
            f"runs leave this as it is until: increment-sync overrides clear --run {story.original_run}"
        )


def run_summary(story: UndoReport) -> dict[str, Any]:
    """For the row of the run."""
    applied = story.applied
    return {
        "changes": story.undoing.changes.summary(),
        "written": applied.done if applied else 0,
        "failed": len(applied.failed) if applied else 0,
        "refused": len(story.undoing.skipped),
    }


def _as_json(story: UndoReport) -> Mapping[str, Any]:
    undoing, applied = story.undoing, story.applied

    def listed(lefts: Iterable[Skipped]) -> list[dict[str, str]]:
        return [{"issue": str(left.ref), "why": left.text} for left in lefts]

    return {
        "version": 1,
        "run": story.run_id,
        "undoes": story.undoes,
        "exit_code": story.exit_code,
        "why_not": story.not_written_reason,
        "summary": undoing.changes.summary(),
        "changes": [change_document(change) for change in undoing.changes.changes],
        "left": listed(undoing.skipped),
        "already": listed(undoing.unchanged),
        "notes": list(undoing.notes),
        "open": list(story.still_open),
        "refusals": [{"rule": each.rule, "text": each.text} for each in story.refusals],
        "held": story.overrides_added,
        "let_go": story.overrides_removed,
        "applied": None
        if applied is None
        else {
            "done": applied.done,
            "left": applied.skipped,
            "failed": [{"change": what, "reason": why} for what, why in applied.failed],
            "notes": applied.notes,
        },
    }
