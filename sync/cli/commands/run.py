"""``run``, ``reconcile``, ``preview`` and ``apply``: the commands that talk to trackers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from sync.apply.changeset_file import SavedChangeSet, check_not_stale, load_change_set, save_change_set
from sync.apply.executor import Executor
from sync.cli.render import (
    apply_result_lines,
    change_lines,
    change_summary,
    changes_markdown,
    notification_lines,
    run_document,
    run_problem_lines,
    written_summary,
)
from sync.cli.run_telemetry import ObservedRun, run_with_telemetry
from sync.diff.limits import check_changes, write_budget_for
from sync.model.run import ApplyResult, RunOptions, RunResult
from sync.pipeline.impact_estimate import estimate_impact, tracking_rollout
from sync.pipeline.instances import check_instance, recheck_anchors
from sync.pipeline.run import (
    apply_changes,
    finish_run_record,
    plan_run,
    record_run,
    run_once,
    save_run_result,
)
from sync.pull.recorded import former_subjects, load_recorded_state, save_renames
from sync.pull.state_recorder import StateRecorder
from sync.runtime.check_prefixes import check_label_prefixes
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, confirm, describe_process, print_error, print_json, print_line
from sync.runtime.limits import deadline_check, guard_limits
from sync.runtime.run_lock import run_lock
from sync.runtime.session import online_context

EXIT_CHANGES_PENDING = 2
"""Exit code with ``--detailed-exitcode`` when there is something to change."""


def run(invocation: Invocation, options: RunOptions, metrics: Path | None = None) -> int:
    """The cron job. ``metrics``: the file for figures about it, in place of the settings' one."""
    return run_with_telemetry(invocation, metrics, lambda seen: _run(invocation, options, seen))


def _run(invocation: Invocation, options: RunOptions, observed: ObservedRun) -> int:
    with online_context(
        invocation,
        "run",
        _told(options),
        writes=True,
        max_duration=options.max_duration,
        require_all_files=False,
    ) as job:
        observed.job = job
        observed.outcome = outcome = run_once(job, options)
        _tell(invocation, job, outcome, wrote=True)
        return outcome.exit_code


def preview(
    invocation: Invocation, options: RunOptions, out: Path | None, detailed: bool, format_: str
) -> int:
    """Show what ``run`` would write, and save it for ``apply``."""
    with online_context(invocation, "preview", _told(options), writes=False, require_all_files=False) as job:

        def work() -> RunResult:
            outcome = plan_run(job, options, records=False)
            if out and not outcome.refusals:
                save_change_set(out, job, outcome.changes, outcome.impact.cost)
            return outcome

        outcome = record_run(job, work)
        if format_ == "markdown":
            print_line(changes_markdown(outcome.changes, outcome.impact.cost))
            _complain_problems(outcome)
        else:
            _tell(invocation, job, outcome, wrote=False)
        if out and not outcome.refusals:
            print_error(f"saved to {out}; write exactly this with: increment-sync apply {out}")
        if outcome.exit_code == 0 and detailed and len(outcome.changes):
            return EXIT_CHANGES_PENDING
        return outcome.exit_code


def apply_file(invocation: Invocation, path: Path, options: RunOptions) -> int:
    """Write exactly what was reviewed, or refuse it whole."""
    saved = load_change_set(path)
    told = {"file": str(path), **_told(options)}
    with online_context(invocation, "apply", told, writes=True, max_duration=options.max_duration) as job:
        try:
            return _apply(invocation, job, saved, options)
        except BaseException as error:
            finish_run_record(job, f"stopped: {type(error).__name__}", 1, {})
            raise


def _apply(invocation: Invocation, context: RunContext, saved: SavedChangeSet, options: RunOptions) -> int:
    if not context.writers:
        return _refuse(invocation, context, 3, [_push_is_off(context)])
    started, limits = context.now(), guard_limits(context, options)
    with run_lock(context, describe_process()):
        check_instance(context)
        check_label_prefixes(context)
        check_not_stale(context, saved)
        weighed = estimate_impact(
            context, saved.changes, (item.issue for item in context.store.known_issues())
        )
        starting = [change for change in saved.changes.comments if change.creates]
        remembered = load_recorded_state(context)
        around = recheck_anchors(context, starting, StateRecorder(context, remembered))
        refusals = around.refusals or check_changes(saved.changes, remembered.pushed_labels, limits, weighed)
        if refusals:
            return _refuse(
                invocation, context, 4, [f"refused ({each.rule}): {each.text}" for each in refusals]
            )
        save_renames(context)
        applier = Executor(
            context,
            max_writes=options.max_writes,
            deadline=deadline_check(context, options, started),
            aliases=former_subjects(context.workspace),
            budget=write_budget_for(weighed, limits),
            checked_subjects=around.checked_subjects,
        )
        with tracking_rollout(context, weighed, applier.result):
            applied = applier.apply(saved.changes)
    code = 1 if applied.failed else 0
    finish_run_record(context, "done" if code == 0 else "partly failed", code, {"written": applied.done})
    _tell_applied(invocation, context, applied, code)
    return code


def _refuse(invocation: Invocation, context: RunContext, code: int, reasons: list[str]) -> int:
    """Nothing of a saved change set is written; say why."""
    for reason in reasons:
        print_error(reason)
    if invocation.as_json:
        print_json({"version": 1, "run": context.run_id, "exit_code": code, "error": "\n".join(reasons)})
    finish_run_record(context, "refused", code, {})
    return code


def reconcile(invocation: Invocation, options: RunOptions, *, yes: bool) -> int:
    """Read everything again, show the drift, ask, repair."""
    options = replace(options, full=True)
    with online_context(
        invocation,
        "reconcile",
        _told(options),
        writes=True,
        max_duration=options.max_duration,
        require_all_files=False,
    ) as job:

        def work() -> RunResult:
            outcome = plan_run(job, options, records=True)
            _show(invocation, job, outcome)
            if outcome.refusals or not len(outcome.changes) or not job.writers:
                save_run_result(job, outcome)
                return outcome
            if not yes and not _confirmed(invocation, job, outcome):
                return outcome
            outcome = apply_changes(job, options, outcome)
            save_run_result(job, outcome)
            return outcome

        outcome = record_run(job, work)
        if invocation.as_json:
            print_json(run_document(outcome))
        else:
            for line in apply_result_lines(outcome):
                print_line(line)
        return outcome.exit_code


def _confirmed(invocation: Invocation, context: RunContext, outcome: RunResult) -> bool:
    """Ask on a terminal; without one nothing is repaired unless ``--yes`` said so."""
    with context.progress.paused():
        return confirm(
            invocation, f"Repair? {change_summary(outcome.changes)}", skipped="not repaired", action="repair"
        )


def _tell(invocation: Invocation, context: RunContext, outcome: RunResult, *, wrote: bool) -> None:
    if invocation.as_json:
        print_json(run_document(outcome))
        return
    _show(invocation, context, outcome, entry=wrote and outcome.applied is not None)
    for line in apply_result_lines(outcome):
        print_line(line)


def _show(invocation: Invocation, context: RunContext, outcome: RunResult, *, entry: bool = False) -> None:
    if invocation.as_json:
        return
    for line in change_lines(outcome.changes):
        print_line(line)
    if not entry and (outcome.changes.changes or not outcome.refusals):
        print_line(change_summary(outcome.changes))
        for line in notification_lines(outcome.impact, guard_limits(context, RunOptions())):
            print_line(line)
    _complain_problems(outcome)
    if outcome.refusals:
        print_error("nothing is written because of what was refused")
    if not context.settings.push.enabled:
        print_error(_push_is_off(context))


def _complain_problems(outcome: RunResult) -> None:
    for line in run_problem_lines(outcome):
        print_error(line)


def _tell_applied(invocation: Invocation, context: RunContext, applied: ApplyResult, code: int) -> None:
    if invocation.as_json:
        print_json(
            {
                "version": 1,
                "run": context.run_id,
                "exit_code": code,
                "done": applied.done,
                "left": applied.skipped,
                "left_because": applied.skip_reasons,
                "failed": [{"change": what, "reason": why} for what, why in applied.failed],
                "notes": applied.notes,
            }
        )
        return
    print_line(written_summary(applied))
    for what, why in applied.failed:
        print_error(f"failed: {what}: {why}")
    for note in applied.notes:
        print_error(f"note: {note}")


def _push_is_off(context: RunContext) -> str:
    return (
        "nothing was written: push is switched off in increment-sync.yaml "
        f"(push.enabled: false, instance {context.settings.instance})"
    )


def _told(options: RunOptions) -> dict[str, Any]:
    """The options that differ from their defaults, for the run's row."""
    default = RunOptions()
    return {
        name: str(getattr(options, name))
        for name in RunOptions.__dataclass_fields__
        if getattr(options, name) != getattr(default, name)
    }
