"""Planning and writing of a reversal: the issues are read before both."""

from __future__ import annotations

from dataclasses import replace

from sync.apply.executor import Executor
from sync.apply.undo import build_reversal
from sync.apply.undo_current import read_current_issue
from sync.model.run import ApplyResult
from sync.model.undo import Reversal, Skipped, UndoRequest
from sync.runtime.context import RunContext
from sync.store import OverrideRecord


def plan_reversal(context: RunContext, request: UndoRequest) -> Reversal:
    """Read the issues of the request and return the reversal."""
    refs = sorted({entry.ref for entry in request.entries if entry.outcome not in ("failed", "not-sent")})
    current = {}
    for number, ref in enumerate(refs, start=1):
        context.progress.step(f"read {ref}", number, len(refs))
        current[ref] = read_current_issue(context, request, ref)
    return build_reversal(request, current)


def hold_reverted(context: RunContext, request: UndoRequest, reversal: Reversal, original_run: str) -> int:
    """Save the overrides of a reversal, before its first write; return their number.

    So no run works against an undo that was stopped halfway. An undo of an undo saves none.
    """
    if request.reapplies:
        return 0
    context.store.add_overrides(
        OverrideRecord(
            ref=hold.ref,
            kind=hold.kind,
            label=hold.label,
            since=context.now(),
            run_id=original_run,
            note=f"reverted by {context.run_id}",
        )
        for hold in reversal.holds
    )
    return len(reversal.holds)


def write_reversal(
    context: RunContext, request: UndoRequest, reversal: Reversal
) -> tuple[ApplyResult, Reversal]:
    """Write a reversal. Each issue is read again directly before. Return the result, and what was skipped."""
    executor = Executor(context)
    # Comments are deleted before others are created, so that no subject has two at any time.
    deletions = {removal.ref for removal in reversal.changes.removals}
    skipped: list[Skipped] = list(reversal.skipped)
    for ref in sorted(reversal.changes.refs, key=lambda each: (each not in deletions, each)):
        fresh = build_reversal(request, {ref: read_current_issue(context, request, ref)})
        skipped += [each for each in fresh.skipped if each not in skipped]
        executor.apply(fresh.changes, total=len(reversal.changes))
    return executor.result, replace(reversal, skipped=skipped)
