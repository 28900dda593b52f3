"""Results of ``run``, ``reconcile``, ``preview`` and ``apply`` as text and JSON. All text from trackers is escaped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from connectors.model import FailedSource
from sync.cli.change_output import change_document, change_lines, change_summary, notification_lines
from sync.cli.output import Output, pick, pluralize, safe_terminal_line
from sync.config.escape import escape_terminal
from sync.model.run import ApplyResult, PullResult, RunOptions, RunResult
from sync.pipeline.override_recovery import MAX_HISTORIES_PER_RUN
from sync.runtime.context import RunContext


def print_result(output: Output, context: RunContext, result: RunResult) -> None:
    """Print what a run found and wrote."""
    print_plan(output, context, result)
    output.show(lambda: run_document(result), lambda: apply_result_lines(result))


def print_plan(output: Output, context: RunContext, result: RunResult) -> None:
    """Print the changes and everything that was noticed; the summary only while nothing is written."""
    if output.as_json:
        return
    output.lines(change_lines(result.changes))
    if result.applied is None and (len(result.changes) or not result.refusals):
        output.line(change_summary(result.changes))
        output.lines(notification_lines(result.impact, context.guard_limits(RunOptions())))
    output.notes(run_problem_lines(result))
    if result.refusals:
        output.note("nothing is written because of what was refused")
    if not context.settings.push.enabled:
        output.note(push_is_off(context))


def push_is_off(context: RunContext) -> str:
    """Explain why nothing was written while push is switched off."""
    return (
        "nothing was written: push is switched off in increment-sync.yaml "
        f"(push.enabled: false, instance {context.settings.instance})"
    )


def run_problem_lines(result: RunResult) -> list[str]:
    """List what a person must know beside the changes: unread sources, manual overrides, conflicts, refusals."""
    pulled, planning = result.pulled, result.planning
    lines = [line for broken in result.broken_files for line in broken.describe()]
    lines += _unread_lines(pulled)
    lines += [f"not checked, left alone: {ref}: {why}" for ref, why in result.unchecked.items()]
    lines += _postponed_lines(result)
    lines += result.unresolved_writes
    lines += [f"manual change: {note.ref}: {note.text}" for note in result.manual_changes]
    for conflict in planning.matched.conflicts:
        claims = " and ".join(f"{claim.team} for {claim.capability}" for claim in conflict.claims)
        lines.append(f"claimed by several teams, counted nowhere: {conflict.ref}: by {claims}")
    lines += [f"warning: {text}" for text in _warnings(result)]
    lines += [f"note: {note.ref} {note.text}" for note in planning.notices]
    lines += [f"note: {result.missing_forecast}"] if result.missing_forecast else []
    lines += [f"left its source: {item.issue.ref}" for item in pulled.newly_missing]
    lines += [f"refused ({refusal.rule}): {refusal.text}" for refusal in result.refusals]
    return [safe_terminal_line(line) for line in lines]


def _postponed_lines(result: RunResult) -> Iterator[str]:
    if result.postponed:
        trackers = ", ".join(sorted({ref.tracker for ref in result.postponed}))
        yield (
            f"left for the next run: {pluralize(len(result.postponed), 'issue')} on {trackers}: no label is added "
            "before the issue's history was read, because a person may have removed it; we wrote there before this "
            f"store existed, and one run reads {MAX_HISTORIES_PER_RUN} histories of a tracker (this is by design, "
            "nothing is lost)"
        )


def _unread_lines(pulled: PullResult) -> Iterator[str]:
    """Sources and anchors that could not be read. Those with the same reason share a line."""
    sources: defaultdict[str, list[str]] = defaultdict(list)
    for failure in pulled.failed:
        sources[failure.reason].append(failure.source.name)
    for reason, names in sources.items():
        yield f"not read: {', '.join(names)}: {reason}"
    for failure in pulled.failed_histories:
        yield (
            f"history not read: {failure.source.name}: {failure.reason}; its issues were read, their histories are "
            "requested again later"
        )
    anchors: defaultdict[str, list[str]] = defaultdict(list)
    for anchor, reason in pulled.unread_anchors.items():
        anchors[reason].append(str(anchor))
    for reason, names in anchors.items():
        what = "anchor" if len(names) == 1 else "anchors"
        why = "for the same reason" if reason in sources else reason
        yield f"{what} not read: {', '.join(names)}: {why}"


def _warnings(result: RunResult) -> list[str]:
    return [*result.planning.matched.warnings, *result.planning.rollup.warnings]


def apply_result_lines(result: RunResult) -> list[str]:
    """List what was written, what the trackers rejected, and what is left for the next run."""
    applied = result.applied
    if applied is None:
        return []
    lines = [written_summary(applied) if len(result.changes) else "nothing to change"]
    lines += [f"failed: {what}: {why}" for what, why in applied.failed]
    lines += [f"note: {note}" for note in (*applied.notes, *applied.closed_increments)]
    return [escape_terminal(line) for line in lines]


def written_summary(applied: ApplyResult) -> str:
    """``40 changes written``, or ``40 of 120 changes written, 80 left for the next run: ...``."""
    if not applied.skipped:
        return f"{pluralize(applied.done, 'change')} written"
    total = applied.done + len(applied.failed) + applied.skipped + len(applied.notes)
    why = "; ".join(applied.skip_reasons)
    meant = "" if applied.failed else " (this is by design, nothing is lost)"
    return (
        f"{applied.done} of {pluralize(total, 'change')} written, "
        f"{applied.skipped} left for the next run: {why}{meant}"
    )


def run_document(result: RunResult) -> dict[str, Any]:
    """Return the whole result as a JSON document."""
    applied, pulled, planning = result.applied, result.pulled, result.planning
    return {
        "run": result.run_id,
        "exit_code": result.exit_code,
        "pulled": pulled.pulled_count,
        "summary": result.changes.summary(),
        "attention": {**result.impact.cost.summary(), "spread": result.impact.in_rollout},
        "changes": [change_document(change) for change in result.changes.changes],
        "unusable_files": [broken.as_json() for broken in result.broken_files],
        "failed_sources": [_failure_document(each) for each in pulled.failed],
        "unread_histories": [_failure_document(each) for each in pulled.failed_histories],
        "unread_anchors": {str(anchor): why for anchor, why in pulled.unread_anchors.items()},
        "refusals": result.refusals,
        "not_looked_back": sorted(map(str, result.postponed)),
        "observations": [pick(each, "text", issue="ref") for each in planning.notices],
        "by_hand": [pick(each, "text", issue="ref") for each in result.manual_changes],
        "gone": [item.issue.ref for item in pulled.newly_missing],
        "conflicts": [conflict.ref for conflict in planning.matched.conflicts],
        "warnings": _warnings(result),
        "unplanned": len(planning.rollup.unplanned),
        "applied": apply_document(applied, notes=[*applied.notes, *applied.closed_increments])
        if applied
        else None,
    }


def apply_document(applied: ApplyResult, **more: Any) -> dict[str, Any]:
    """Return what became of a change set as a JSON object."""
    document = pick(applied, "done", "notes", left="skipped", left_because="skip_reasons")
    return document | {"failed": [{"change": what, "reason": why} for what, why in applied.failed]} | more


def _failure_document(failure: FailedSource) -> dict[str, Any]:
    return {"source": failure.source.name, **pick(failure, "kind", "reason")}
