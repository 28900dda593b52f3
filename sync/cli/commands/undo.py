"""``undo RUN``: show what would be taken back, ask, hold it, and write issue by issue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from connectors.model import IssueRef
from sync.apply.executor import Executor
from sync.apply.recover import recover_pending_writes
from sync.apply.undo import build_reversal
from sync.apply.undo_current import COMMAND, build_undo_request, read_current_issue, undo_lineage
from sync.cli.commands.undo_text import UndoReport, print_undo_plan, print_undo_report, run_summary
from sync.cli.issue_lookup import candidate_issues
from sync.cli.render import change_summary
from sync.diff.limits import check_atomic_changes
from sync.model.run import RunOptions
from sync.model.undo import Reversal, Skipped, UndoRequest
from sync.pipeline.impact_estimate import estimate_impact
from sync.pull.recorded import former_subjects, load_recorded_state
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, confirm, describe_process
from sync.runtime.limits import guard_limits
from sync.runtime.run_lock import run_lock
from sync.runtime.session import online_context
from sync.store import OverrideRecord

_OFF = (
    "nothing was written: push is switched off in increment-sync.yaml (push.enabled: false); undo writes only where "
    "runs may, and what it takes back stays away when push is on again"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoOptions:
    """What the person asked for."""

    run_id: str
    issues: Sequence[str] = ()
    yes: bool = False
    dry_run: bool = False
    post_again: bool = False
    limits: RunOptions = field(default_factory=RunOptions)
    """``max_removals``, ``max_comments`` and ``max_notifications`` count."""


def undo(invocation: Invocation, options: UndoOptions) -> int:
    """0 all taken back, 1 something was left, 3 push is off, 4 the guard refused, 6 another run is at work."""
    told = {"run": options.run_id, **({"issues": list(options.issues)} if options.issues else {})}
    with online_context(invocation, COMMAND, told, writes=not options.dry_run) as job:
        try:
            with run_lock(job, describe_process()):
                story = _work(invocation, job, options)
        except BaseException as error:
            job.store.finish_run(job.run_id, f"stopped: {type(error).__name__}", 1, {})
            raise
        words = {0: "done", 1: "partly failed", 3: "refused", 4: "refused"}
        job.store.finish_run(job.run_id, words[story.exit_code], story.exit_code, run_summary(story))
        print_undo_report(invocation, story)
        return story.exit_code


def _work(invocation: Invocation, context: RunContext, options: UndoOptions) -> UndoReport:
    root, takes_back = undo_lineage(context, options.run_id)
    only = _only(context, options)
    still_open = recover_pending_writes(context)
    request = build_undo_request(
        context, options.run_id, only, reapplies=not takes_back, post_again=options.post_again
    )
    story = UndoReport(
        run_id=context.run_id,
        undoes=options.run_id,
        original_run=root,
        undoing=_look(context, request),
        still_open=still_open,
    )
    lifting = () if takes_back else _overrides_to_release(context, root, only)
    if not invocation.as_json:
        print_undo_plan(story.undoing, lifting)
    if not len(story.undoing.changes) and not lifting:
        story.not_written_reason = "nothing to take back"
        return story
    changes, limits = story.undoing.changes, guard_limits(context, options.limits)
    weighed = estimate_impact(context, changes, (item.issue for item in context.store.known_issues()))
    story.refusals = check_atomic_changes(
        changes, load_recorded_state(context).pushed_labels, limits, weighed
    )
    if story.refusals or options.dry_run:
        return story
    if not context.writers:
        story.push_is_off, story.not_written_reason = True, _OFF
        return story
    if not options.yes and not _confirmed(invocation, context, story.undoing):
        story.not_written_reason = "nothing was written"
        return story
    _write_undo(context, request, root, lifting, story)
    return story


def _only(context: RunContext, options: UndoOptions) -> frozenset[IssueRef]:
    """The issues that were named, as the run's journal has them."""
    rows = context.store.journal(run_id=options.run_id)
    found = set()
    for text in options.issues:
        named = {(tracker, key.casefold()) for tracker, key in candidate_issues(context, text)}
        known = [context.store.known_issue(tracker, key) for tracker, key in candidate_issues(context, text)]
        refs = {each.issue.ref for each in known if each}
        here = {r.ref for r in rows if r.ref in refs or (r.ref.tracker, r.ref.key.casefold()) in named}
        if not here:
            raise LookupError(f"run {options.run_id} wrote nothing on {text}")
        found |= here
    return frozenset(found)


def _look(context: RunContext, request: UndoRequest) -> Reversal:
    refs = sorted({row.ref for row in request.entries if row.outcome not in ("failed", "not-sent")})
    found = {}
    for number, ref in enumerate(refs, start=1):
        context.progress.step(f"read {ref}", number, len(refs))
        found[ref] = read_current_issue(context, request, ref)
    return build_reversal(request, found)


def _overrides_to_release(
    context: RunContext, root: str, only: Iterable[IssueRef]
) -> tuple[OverrideRecord, ...]:
    refs = frozenset(only)
    return tuple(
        row
        for row in context.store.overrides()
        if row.kind in ("held", "comment") and row.run_id == root and (not refs or row.ref in refs)
    )


def _write_undo(
    context: RunContext, request: UndoRequest, root: str, lifting: Sequence[OverrideRecord], story: UndoReport
) -> None:
    """Everything is held before the first write: whatever dies in between, no run works against the undo. Each issue
    is read again directly before it is written."""
    undoing = story.undoing
    if not request.reapplies:
        note = f"taken back by {context.run_id}"
        context.store.add_overrides(
            OverrideRecord(
                ref=hold.ref, kind=hold.kind, label=hold.label, since=context.now(), run_id=root, note=note
            )
            for hold in undoing.holds
        )
        story.overrides_added = len(undoing.holds)
    for row in lifting:
        context.store.remove_override(row.ref, row.kind, row.label)
    story.overrides_removed = len(lifting)
    applier = Executor(context, aliases=former_subjects(context.workspace))
    moving = {removal.ref for removal in undoing.changes.removals}
    refused: list[Skipped] = list(undoing.skipped)
    for ref in sorted(undoing.changes.refs, key=lambda each: (each not in moving, each)):
        fresh = build_reversal(request, {ref: read_current_issue(context, request, ref)})
        refused += [left for left in fresh.skipped if left not in refused]
        applier.apply(fresh.changes, total=len(undoing.changes))
    story.applied = applier.result
    story.undoing = replace(undoing, skipped=tuple(refused))


def _confirmed(invocation: Invocation, context: RunContext, undoing: Reversal) -> bool:
    with context.progress.paused():
        return confirm(invocation, f"Take back? {change_summary(undoing.changes)}", skipped="not taken back")
