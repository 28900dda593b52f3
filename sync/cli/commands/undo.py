"""``undo RUN``: revert what a run wrote, issue by issue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from connectors.model import IssueRef
from sync.apply.recover import recover_pending_writes
from sync.apply.undo_current import COMMAND, build_undo_request, undo_lineage
from sync.apply.undo_execution import hold_reverted, plan_reversal, write_reversal
from sync.cli.commands.undo_output import UndoReport, print_undo_plan, print_undo_report, run_summary
from sync.cli.issue_lookup import candidate_issues
from sync.cli.output import Output
from sync.cli.run_output import change_summary
from sync.diff.guard import check_atomic_changes
from sync.model.run import RunOptions
from sync.model.undo import Reversal, UndoRequest
from sync.pipeline.impact_estimate import estimate_impact
from sync.pipeline.run import recording_stop
from sync.pull.recorded import load_recorded_state
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, describe_process
from sync.runtime.run_lock import run_lock
from sync.runtime.session import online_context
from sync.store import OverrideRecord

_PUSH_IS_OFF = (
    "nothing was written: push is switched off in increment-sync.yaml (push.enabled: false); undo writes only where "
    "runs may, and what it reverts stays reverted when push is on again"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoOptions:
    """Options of ``undo``."""

    run_id: str
    issues: Sequence[str] = ()
    """Only on these issues; empty: on all."""
    yes: bool = False
    dry_run: bool = False
    post_again: bool = False
    limits: RunOptions = field(default_factory=RunOptions)
    """``max_removals``, ``max_comments`` and ``max_notifications`` apply."""


def undo(invocation: Invocation, options: UndoOptions) -> int:
    """Show what would be reverted, ask, and revert it.

    Return 0 when everything was reverted, 1 when something was skipped, 3 while push is off, 4 when the guard refused.
    """
    output = Output(invocation)
    recorded = {"run": options.run_id, **({"issues": list(options.issues)} if options.issues else {})}
    with online_context(invocation, COMMAND, recorded, writes=not options.dry_run) as context:
        with recording_stop(context), run_lock(context, describe_process()):
            report = _undo(output, context, options)
        code = int(report.exit_code)
        context.store.finish_run(context.run_id, report.outcome, code, run_summary(report))
        print_undo_report(output, report)
        return code


def _undo(output: Output, context: RunContext, options: UndoOptions) -> UndoReport:
    original_run, reverts = undo_lineage(context, options.run_id)
    only = _selected_issues(context, options)
    unresolved_writes = recover_pending_writes(context)
    request = build_undo_request(
        context, options.run_id, only, reapplies=not reverts, post_again=options.post_again
    )
    report = UndoReport(
        run_id=context.run_id,
        undoes=options.run_id,
        original_run=original_run,
        reversal=plan_reversal(context, request),
        unresolved_writes=unresolved_writes,
    )
    released = () if reverts else _overrides_to_release(context, original_run, only)
    changes, limits = report.reversal.changes, context.guard_limits(options.limits)
    if not output.as_json:
        print_undo_plan(output, report.reversal, released)
    if not len(changes) and not released:
        report.not_written_reason = "nothing was reverted" if report.reversal.skipped else "nothing to revert"
        return report
    impact = estimate_impact(context, changes, (item.issue for item in context.store.known_issues()))
    pushed_labels = load_recorded_state(context).pushed_labels
    report.refusals = check_atomic_changes(changes, pushed_labels, limits, impact)
    if report.refusals or options.dry_run:
        return report
    if not context.writers:
        report.push_is_off, report.not_written_reason = True, _PUSH_IS_OFF
    elif not options.yes and not _confirmed(output, context, report.reversal):
        report.not_written_reason = "nothing was written"
    else:
        _write(context, request, released, report)
    return report


def _selected_issues(context: RunContext, options: UndoOptions) -> frozenset[IssueRef]:
    """Find the named issues in the run's journal. Raises LookupError for one that the run did not write."""
    entries = context.store.journal(run_id=options.run_id)
    selected: set[IssueRef] = set()
    for text in options.issues:
        candidates = candidate_issues(context, text)
        keys = {(tracker, key.casefold()) for tracker, key in candidates}
        store = context.store
        known = [store.known_issue(*place) or store.moved_issue(*place) for place in candidates]
        refs = {each.issue.ref for each in known if each}
        written = {e.ref for e in entries if e.ref in refs or (e.ref.tracker, e.ref.key.casefold()) in keys}
        if not written:
            raise LookupError(f"run {options.run_id} wrote nothing on {text}")
        selected |= written
    return frozenset(selected)


def _overrides_to_release(
    context: RunContext, original_run: str, only: Iterable[IssueRef]
) -> tuple[OverrideRecord, ...]:
    """Overrides of an earlier undo that end when that undo is undone."""
    refs = frozenset(only)
    return tuple(
        row
        for row in context.store.overrides()
        if row.kind in ("held", "comment") and row.run_id == original_run and (not refs or row.ref in refs)
    )


def _write(
    context: RunContext, request: UndoRequest, released: Sequence[OverrideRecord], report: UndoReport
) -> None:
    report.overrides_added = hold_reverted(context, request, report.reversal, report.original_run)
    for row in released:
        context.store.remove_override(row.ref, row.kind, row.label)
    report.overrides_removed = len(released)
    report.applied, report.reversal = write_reversal(context, request, report.reversal)


def _confirmed(output: Output, context: RunContext, reversal: Reversal) -> bool:
    with context.progress.paused():
        return output.confirm(f"Revert? {change_summary(reversal.changes)}", skipped="not reverted")
