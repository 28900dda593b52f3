"""The steps of a run.

pull -> recover pending writes -> plan -> resolve overrides -> guard -> write -> save
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from connectors.wording import pluralize
from sync.apply.executor import Executor
from sync.apply.recover import recover_pending_writes
from sync.diff.guard import check_changes, write_budget_for
from sync.forecast.closing_times import load_closing_times
from sync.forecast.health.save import missing_dependencies_notice, save_health
from sync.insights.record_counts import save_counts
from sync.model.interruption import as_interruption
from sync.model.labels import Notice
from sync.model.limits import ImpactEstimate, Refusal
from sync.model.planning import PlanningInputs, RecordedState
from sync.model.run import PullResult, RunOptions, RunResult
from sync.pipeline.impact_estimate import estimate_impact, tracking_rollout
from sync.pipeline.instances import check_instance, save_instance
from sync.pipeline.resolve_overrides import OverrideResolution, resolve_overrides
from sync.pull.comment_marker import CommentFindings, find_comment_drift
from sync.pull.current_sources import load_current_issues, save_source_coverage, workspace_sources
from sync.pull.pull import pull_sources
from sync.pull.recorded import load_recorded_state, save_finished_increment, save_renames
from sync.pull.rollup_snapshot import rollup_snapshot
from sync.pull.state_recorder import StateRecorder
from sync.pull.unreadable import unreadable_refs
from sync.pull.visibility import determine_redaction_policy
from sync.rollup.baseline import baseline_refs, is_baseline_due
from sync.runtime.check_prefixes import check_label_prefixes, save_label_prefixes
from sync.runtime.context import RunContext
from sync.runtime.invocation import describe_process
from sync.runtime.last_known_good import save_mapping_files
from sync.runtime.run_lock import run_lock
from sync.store import StoreError


def plan_run(context: RunContext, options: RunOptions, *, records: bool) -> RunResult:
    """Plan a run: read the trackers and decide, without writing to them.

    ``records``: save found overrides and renames in the store.
    """
    started = context.now()
    check_instance(context)
    check_label_prefixes(context)
    pulled = pull_sources(context, full=options.full, accept_shrink=options.accept_shrink)
    unresolved = recover_pending_writes(context)
    pulled = replace(pulled, known=load_current_issues(context.store, context.workspace))
    recorder = StateRecorder(context, load_recorded_state(context))
    found = find_comment_drift(context) if options.full else CommentFindings()
    for row in found.kept:
        recorder.adopt_comment(row)
    resolution = resolve_overrides(
        context,
        options,
        _planning_inputs(context, pulled, found),
        recorder,
        histories=pulled.label_histories,
        # Another instance may have a comment on an anchor. Only runs that write and their previews look for it.
        checks_anchors=bool(context.writers) or not records,
    )
    impact, unsafe = _check_guard(context, options, resolution, recorder.recorded)
    refusals = resolution.refusals or unsafe
    missing_forecast = missing_dependencies_notice(context, resolution.health)
    if records and not refusals:
        _save_configuration(context)
    if records and not resolution.refusals:
        recorder.save()
    return RunResult(
        run_id=context.run_id,
        started=started,
        pulled=replace(pulled, known=resolution.observed.known, anchors=resolution.observed.anchors),
        planning=resolution.planning,
        health=resolution.health,
        missing_forecast=missing_forecast,
        recorded=recorder.recorded,
        impact=impact,
        refusals=refusals,
        unchecked={**found.unread, **resolution.unchecked},
        postponed=frozenset(resolution.recovery.postponed | resolution.postponed),
        unresolved_writes=tuple(unresolved),
        checked_subjects=resolution.checked_subjects,
        manual_changes=(*recorder.notices, *_comment_notices(found, recorder.recorded)),
        broken_files=context.broken_files,
    )


def apply_changes(context: RunContext, options: RunOptions, result: RunResult) -> RunResult:
    """Write the planned changes. Without writers, or after a refusal, nothing is written."""
    if result.refusals or not context.writers:
        return result
    deadline = context.deadline_check(options, result.started)
    executor = Executor(
        context,
        max_writes=options.max_writes,
        deadline=deadline,
        budget=write_budget_for(result.impact, context.guard_limits(options)),
        checked_subjects=result.checked_subjects,
        honors_backoff=not options.full,
    )
    with tracking_rollout(context, result.impact, executor.result):
        applied = executor.apply(result.changes)
    return replace(result, applied=applied)


def save_run_result(context: RunContext, result: RunResult) -> None:
    """Save what the next run, ``status`` and ``explain`` need."""
    now, store = context.now(), context.store
    if result.refusals:
        return
    save_health(context, result.health, now)
    store.save_assignments(context.run_id, now, result.planning.matched.assignments)
    save_source_coverage(
        context, result.pulled.known, result.planning.overrides, result.pulled.unread_sources
    )
    save_counts(context, result.planning, result.pulled.known, now, result.started)
    snapshot, last = rollup_snapshot(result.planning.rollup), store.last_rollup()
    if last is None or last[1] != snapshot:
        # Runs without a change add no row: a cron job makes a hundred of them a day.
        store.save_rollup(context.run_id, now, snapshot)
    for capability in result.planning.rollup.capabilities:
        found = context.workspace.capability(capability.id)
        existing = result.recorded.baselines.get(capability.id)
        if found and is_baseline_due(found[2], found[0], now, existing, capability.uncertain):
            store.save_baseline(capability.id, now, baseline_refs(capability))
    _close_increments(context, result)


def _save_configuration(context: RunContext) -> None:
    """Note in the store what the settings and mappings of this run say."""
    save_renames(context)
    save_label_prefixes(context)
    save_instance(context)
    save_mapping_files(context)


def _check_guard(
    context: RunContext, options: RunOptions, resolution: OverrideResolution, recorded: RecordedState
) -> tuple[ImpactEstimate, tuple[Refusal, ...]]:
    changes, observed = resolution.planning.changes, resolution.observed
    issues = (item.issue for item in observed.known.values())
    impact = estimate_impact(context, changes, (*issues, *observed.anchors.values()))
    return impact, check_changes(changes, recorded.pushed_labels, context.guard_limits(options), impact)


def _planning_inputs(context: RunContext, pulled: PullResult, found: CommentFindings) -> PlanningInputs:
    return PlanningInputs(
        known=pulled.known,
        anchors=pulled.anchors,
        unread_sources=pulled.unread_sources,
        failing_since=pulled.failing_since,
        unreadable=unreadable_refs(context, workspace_sources(context.workspace)),
        omitted_files=context.omitted_files,
        orphans=pulled.orphans,
        comment_drift=found.drift,
        duplicate_comments=tuple(found.duplicates),
        evidence=context.evidence,
        redaction=determine_redaction_policy(context, pulled.anchors.values()),
        closing_times=load_closing_times(context.store, context.workspace, pulled.known.values()),
    )


def _comment_notices(found: CommentFindings, recorded: RecordedState) -> tuple[Notice, ...]:
    return tuple(
        Notice(ref=recorded.status_comments[subject].ref, text=f"the status comment of {subject} was {what}")
        for subject, what in found.drift.items()
    )


def _close_increments(context: RunContext, result: RunResult) -> None:
    """Mark closed increments as finished, once everything that may be written was written."""
    applied, pulled = result.applied, result.pulled
    if applied is None or applied.failed or applied.skipped:
        return
    if pulled.failed or pulled.unread_anchors or result.unchecked or result.unresolved_writes:
        return
    if result.postponed:
        return
    for increment in result.planning.rollup.increments:
        if increment.phase != "closed" or increment.id in result.recorded.finished_increments:
            continue
        if others := save_finished_increment(context, increment.id):
            applied.closed_increments.append(
                f"{increment.id} is closed and had its last write, except for {', '.join(others)}, which push.teams "
                "does not name"
            )


def run_once(context: RunContext, options: RunOptions) -> RunResult:
    """Run the three steps under the run lock. Refusals and failed sources are part of the result."""

    def work() -> RunResult:
        result = apply_changes(context, options, plan_run(context, options, records=True))
        save_run_result(context, result)
        return result

    return record_run(context, work)


def record_run(context: RunContext, work: Callable[[], RunResult]) -> RunResult:
    """Call ``work`` under the run lock and record how the run ended, also after an exception."""
    with recording_stop(context), run_lock(context, describe_process()):
        result = work()
    finish_run_record(context, result.outcome, result.exit_code, _summary(result))
    return result


@contextmanager
def recording_stop(context: RunContext) -> Iterator[None]:
    """Record in the store how far a run came that an error or a signal stops; then raise it again."""
    try:
        yield
    except BaseException as error:
        with suppress(StoreError):  # the error itself may be that of the store
            _record_stop(context, error)
        raise


def _record_stop(context: RunContext, error: BaseException) -> None:
    outcomes = [entry.outcome for entry in context.store.journal(run_id=context.run_id)]
    written = outcomes.count("done")
    unanswered = sum(outcome in (None, "unknown") for outcome in outcomes)
    done = f"after {pluralize(written, 'write')}" if written else "before the first write"
    done += f" and {unanswered} without an answer, which the next run looks up" if unanswered else ""
    outcome, code = f"stopped {done}: {type(error).__name__}", getattr(error, "exit_code", 1)
    if isinstance(error, KeyboardInterrupt):
        interruption = as_interruption(error)
        outcome, code = f"interrupted {done}", interruption.exit_code
        interruption.outcome = f"{outcome}; the next run goes on from there"
    finish_run_record(context, outcome, code, {"written": written})


def _summary(result: RunResult) -> dict[str, Any]:
    applied = result.applied
    return {
        "pulled": result.pulled.pulled_count,
        "changes": result.changes.summary(),
        "written": applied.done if applied else 0,
        "failed": len(applied.failed) if applied else 0,
        "left": applied.skipped if applied else 0,
        "failed_sources": [failure.source.name for failure in result.pulled.failed],
        "left_out": sum(map(len, result.pulled.unreadable.values())),
    }


def finish_run_record(context: RunContext, outcome: str, code: int, summary: dict[str, Any]) -> None:
    """Save the outcome of a run in the store and log it."""
    context.store.finish_run(context.run_id, outcome, code, summary)
    context.log.info("run.finished", outcome=outcome, exit_code=code, **summary)
