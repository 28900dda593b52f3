"""``apply FILE``: write a change set that was saved by ``preview --out`` and reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sync.apply.changeset_file import SavedChangeSet, check_not_stale, load_change_set
from sync.apply.executor import Executor
from sync.cli.exit_codes import ExitCode
from sync.cli.output import Output
from sync.cli.run_output import apply_document, push_is_off, written_summary
from sync.diff.guard import check_changes, write_budget_for
from sync.model.run import ApplyResult, RunOptions
from sync.pipeline.impact_estimate import estimate_impact, tracking_rollout
from sync.pipeline.instances import check_instance, recheck_anchors
from sync.pipeline.run import finish_run_record, recording_stop
from sync.pull.recorded import load_recorded_state, save_renames
from sync.pull.state_recorder import StateRecorder
from sync.runtime.check_prefixes import check_label_prefixes
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, describe_process
from sync.runtime.run_lock import run_lock
from sync.runtime.session import online_context


def apply_file(invocation: Invocation, path: Path, options: RunOptions) -> int:
    """Write exactly what was reviewed, or refuse it as a whole."""
    saved = load_change_set(path)
    recorded_options = {"file": str(path), **options.changed()}
    with (
        online_context(
            invocation, "apply", recorded_options, writes=True, max_duration=options.max_duration
        ) as context,
        recording_stop(context),
    ):
        return _apply(Output(invocation), context, saved, options)


def _apply(output: Output, context: RunContext, saved: SavedChangeSet, options: RunOptions) -> int:
    if not context.writers:
        return _refuse(output, context, ExitCode.INVALID, [push_is_off(context)])
    started, limits = context.now(), context.guard_limits(options)
    with run_lock(context, describe_process()):
        check_instance(context)
        check_label_prefixes(context)
        check_not_stale(context, saved)
        issues = (item.issue for item in context.store.known_issues())
        impact = estimate_impact(context, saved.changes, issues)
        new_comments = [change for change in saved.changes.comments if change.creates]
        recorded = load_recorded_state(context)
        anchors = recheck_anchors(context, new_comments, StateRecorder(context, recorded))
        refusals = anchors.refusals or check_changes(saved.changes, recorded.pushed_labels, limits, impact)
        if refusals:
            reasons = [f"refused ({each.rule}): {each.text}" for each in refusals]
            return _refuse(output, context, ExitCode.REFUSED, reasons)
        save_renames(context)
        executor = Executor(
            context,
            max_writes=options.max_writes,
            deadline=context.deadline_check(options, started),
            budget=write_budget_for(impact, limits),
            checked_subjects=anchors.checked_subjects,
        )
        with tracking_rollout(context, impact, executor.result):
            applied = executor.apply(saved.changes)
    code = ExitCode.FAILED if applied.failed else ExitCode.DONE
    finish_run_record(context, applied.outcome, int(code), {"written": applied.done})
    _print_result(output, context, applied, code)
    return code


def _refuse(output: Output, context: RunContext, code: ExitCode, reasons: Sequence[str]) -> int:
    """Report why nothing of the change set is written."""
    output.notes(reasons)
    if output.as_json:
        output.document({"run": context.run_id, "exit_code": code, "error": "\n".join(reasons)})
    finish_run_record(context, "refused", int(code), {})
    return code


def _print_result(output: Output, context: RunContext, applied: ApplyResult, code: ExitCode) -> None:
    if output.as_json:
        output.document({"run": context.run_id, "exit_code": code, **apply_document(applied)})
        return
    output.line(written_summary(applied))
    output.notes(f"failed: {what}: {why}" for what, why in applied.failed)
    output.notes(f"note: {note}" for note in applied.notes)
