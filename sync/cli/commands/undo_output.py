"""Result of ``undo`` as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connectors.escape import escape_sentence
from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output, pick, pluralize, shorten
from sync.cli.run_output import apply_document, change_document, change_lines, change_summary
from sync.model.limits import Refusal
from sync.model.run import ApplyResult
from sync.model.undo import Reversal
from sync.store import OverrideRecord

_MAX_UNCHANGED: Final = 50


@dataclass(kw_only=True, slots=True)
class UndoReport:
    """Result of an undo."""

    run_id: str
    undoes: str
    original_run: str
    """The run whose writes are reverted, or written again, in the end."""
    reversal: Reversal
    unresolved_writes: Sequence[str] = ()
    refusals: Sequence[Refusal] = ()
    applied: ApplyResult | None = None
    overrides_added: int = 0
    overrides_removed: int = 0
    not_written_reason: str = ""
    """Empty when something was written, or would have been without ``--dry-run``."""
    push_is_off: bool = False

    @property
    def exit_code(self) -> int:
        """Exit code of the command."""
        if self.push_is_off:
            return ExitCode.INVALID
        if self.refusals:
            return ExitCode.REFUSED
        incomplete = self.applied and (self.applied.failed or self.applied.skipped or self.applied.notes)
        failed = incomplete or self.reversal.skipped or self.unresolved_writes
        return ExitCode.FAILED if failed else ExitCode.DONE

    @property
    def outcome(self) -> str:
        """Return how the undo ended, for the history: ``failed`` if every write was rejected."""
        if self.exit_code == ExitCode.FAILED:
            rejected = self.applied and self.applied.outcome == "failed"
            return "failed" if rejected else "partly failed"
        return "done" if self.exit_code == ExitCode.DONE else "refused"


def print_undo_plan(output: Output, reversal: Reversal, released: Sequence[OverrideRecord]) -> None:
    """Print what would be written."""
    output.lines(change_lines(reversal.changes))
    if released:
        output.line(f"{pluralize(len(released), 'override')} of the undo cleared: runs write there again")
    if len(reversal.changes):
        output.line(change_summary(reversal.changes))


def print_undo_report(output: Output, report: UndoReport) -> None:
    """Print what was skipped and what was written."""
    if output.as_json:
        output.document(_document(report))
        return
    output.notes(escape_sentence(line) for line in _notes(report))
    if report.not_written_reason:
        output.line(report.not_written_reason)
    if report.applied is not None:
        _print_applied(output, report, report.applied)


def _notes(report: UndoReport) -> Iterator[str]:
    reversal = report.reversal
    yield from (f"left: {each.ref}: {each.text}" for each in reversal.skipped)
    more = "already so: {} more; --json shows all"
    yield from shorten(
        reversal.unchanged, _MAX_UNCHANGED, more, lambda each: f"already so: {each.ref}: {each.text}"
    )
    yield from (f"note: {note}" for note in reversal.notes)
    yield from report.unresolved_writes
    yield from (f"refused ({refusal.rule}): {refusal.text}" for refusal in report.refusals)


def _print_applied(output: Output, report: UndoReport, applied: ApplyResult) -> None:
    output.line(f"{pluralize(applied.done, 'change')} written by run {report.run_id}")
    output.notes(escape_sentence(f"failed: {what}: {why}") for what, why in applied.failed)
    output.notes(escape_sentence(f"note: {note}") for note in applied.notes)
    if applied.skipped:
        why = "; ".join(applied.skip_reasons)
        output.line(f"{pluralize(applied.skipped, 'change')} left, run the same command again: {why}")
    if report.overrides_added:
        output.line(
            f"runs leave this as it is until: increment-sync overrides clear --run {report.original_run}"
        )


def run_summary(report: UndoReport) -> dict[str, Any]:
    """Return the summary for the record of the run."""
    applied = report.applied
    return {
        "changes": report.reversal.changes.summary(),
        "written": applied.done if applied else 0,
        "failed": len(applied.failed) if applied else 0,
        "refused": len(report.reversal.skipped),
    }


def _document(report: UndoReport) -> dict[str, Any]:
    reversal, applied = report.reversal, report.applied
    return {
        "run": report.run_id,
        **pick(report, "undoes", "exit_code", "refusals", why_not="not_written_reason"),
        **pick(report, open="unresolved_writes", held="overrides_added", let_go="overrides_removed"),
        "summary": reversal.changes.summary(),
        "changes": [change_document(change) for change in reversal.changes.changes],
        "left": [pick(each, issue="ref", why="text") for each in reversal.skipped],
        "already": [pick(each, issue="ref", why="text") for each in reversal.unchanged],
        "notes": reversal.notes,
        "applied": apply_document(applied) if applied else None,
    }
