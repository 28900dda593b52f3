"""Change sets, their cost and results of runs as text, Markdown and JSON. All text from trackers is escaped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from connectors.escape import MAX_SENTENCE, escape_sentence, escape_terminal
from connectors.markdown import escape_markdown
from connectors.model import FailedSource
from sync.cli.output import Output, pick, pluralize, safe_terminal_line
from sync.diff.guard import write_budget_for
from sync.model.changes import Change, ChangeSet, CommentRemoval, LabelChange
from sync.model.run import ApplyResult, PullResult, RunOptions, RunResult
from sync.pipeline.override_recovery import MAX_HISTORIES_PER_RUN
from sync.pull.unreadable import MAX_LEFT_OUT_SHOWN, never_read_sentences
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation
from sync.runtime.session import online_context

if TYPE_CHECKING:
    from sync.model.limits import ChangeCost, GuardLimits, ImpactEstimate

MAX_CHANGES_SHOWN = 200


def change_summary(changes: ChangeSet) -> str:
    """``9 changes on 8 issues: 12 labels to add, 1 to remove, 2 comments to create, 0 to edit``."""
    if not len(changes):
        return "nothing to change"
    deleted = f", {len(changes.removals)} to delete" if changes.removals else ""
    return (
        f"{pluralize(len(changes), 'change')} on {pluralize(len(changes.refs), 'issue')}: "
        f"{pluralize(changes.added, 'label')} to add, {changes.removed} to remove, "
        f"{pluralize(changes.created_comments, 'comment')} to create, {changes.edited_comments} to edit{deleted}"
    )


def change_lines(changes: ChangeSet) -> list[str]:
    """List each change with its reasons, labels before comments."""
    lines = []
    for change in changes.changes[:MAX_CHANGES_SHOWN]:
        lines.append(escape_sentence(change.describe()))
        lines += [f"    {escape_sentence(reason)}" for reason in _reasons(change)]
    if len(changes) > MAX_CHANGES_SHOWN:
        lines.append(f"and {len(changes) - MAX_CHANGES_SHOWN} more; --json shows all")
    return lines


def notification_lines(impact: ImpactEstimate, limits: GuardLimits) -> list[str]:
    """Describe the notification mails and requests that a change set causes; nothing for an empty one."""
    cost = impact.cost
    if not cost.requests:
        return []
    lines = [notification_summary(cost)]
    if cost.notifying_containers and cost.mails:
        containers = ", ".join(cost.notifying_containers)
        lines.append(f"  every edit in {containers} is mailed: our account may not silence it there")
    budget = write_budget_for(impact, limits)
    if budget is not None and impact.in_rollout and budget.is_exceeded_by(cost):
        lines.append(
            f"  a first run: at most {pluralize(budget.max_comments or 0, 'new comment')} and mails to "
            f"{pluralize(budget.max_people or 0, 'person')} in one run, "
            f"{pluralize(budget.max_mails_per_person or 0, 'mail')} each; the rest is left for the runs after it"
        )
    return lines


def notification_summary(cost: ChangeCost) -> str:
    """``attention: at least 3 people would probably be mailed (7 mails); 45 requests, about 2 min of writing``."""
    mailed = "as far as we know, nobody would be mailed"
    if cost.mails:
        people = pluralize(cost.people, "person")
        mailed = f"at least {people} would probably be mailed ({pluralize(cost.mails, 'mail')})"
    requests = pluralize(cost.requests, "request")
    return f"attention: {mailed}; {requests}, {_duration(cost.seconds)} under the trackers' write limits"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"about {max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {round(seconds / 3600, 1):g} h"


def changes_markdown(changes: ChangeSet, cost: ChangeCost) -> str:
    """Format a change set as a table for a pull request or a job summary."""
    lines = [f"**{change_summary(changes)}**"]
    if len(changes):
        lines += ["", escape_markdown(notification_summary(cost))]
        lines += ["", "| issue | change | why |", "| --- | --- | --- |"]
        for change in changes.changes[:MAX_CHANGES_SHOWN]:
            issue = escape_terminal(str(change.ref)).replace("`", "").replace("|", "")
            what = change.describe().removeprefix(f"{change.ref}  ")
            why = "; ".join(_reasons(change))
            lines.append(
                f"| `{issue}` | {escape_markdown(what)} | {escape_markdown(why, limit=MAX_SENTENCE)} |"
            )
    return "\n".join(lines)


def change_document(change: Change) -> dict[str, Any]:
    """Return one change with its reasons as a JSON object."""
    base = {"issue": change.ref, "why": _reasons(change)}
    if isinstance(change, LabelChange):
        return {**base, "kind": "labels", "add": sorted(change.add), "remove": sorted(change.remove)}
    if isinstance(change, CommentRemoval):
        return {**base, "kind": "comment", "op": "delete", "subject": change.subject}
    return {
        **base,
        "kind": "comment",
        "op": "create" if change.creates else "edit",
        "subject": change.subject,
        "body": change.body,
    }


def _reasons(change: Change) -> list[str]:
    if isinstance(change, LabelChange):
        return list(dict.fromkeys(reason.text for reason in [*change.add.values(), *change.remove.values()]))
    return [change.reason.text]


def run_context(
    invocation: Invocation, command: str, options: RunOptions, *, writes: bool
) -> AbstractContextManager[RunContext]:
    """Open the context of a run, which goes on without broken mapping files."""
    return online_context(
        invocation,
        command,
        options.changed(),
        writes=writes,
        max_duration=options.max_duration,
        require_all_files=False,
    )


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
            f"left for the next run: {pluralize(len(result.postponed), 'issue')} on {trackers}: no label is changed "
            "before the issue's history was read, because a person may have decided about it; one run reads "
            f"{MAX_HISTORIES_PER_RUN} histories of a tracker, and a fresh change may not be in its history yet (this "
            "is by design, nothing is lost)"
        )


def _unread_lines(pulled: PullResult) -> Iterator[str]:
    """Sources and anchors that could not be read. Those with the same reason share a line."""
    sources: defaultdict[str, list[str]] = defaultdict(list)
    for failure in pulled.failed:
        sources[failure.reason].append(failure.source.name)
    for reason, names in sources.items():
        yield f"not read: {', '.join(names)}: {reason}"
    for name, issues in pulled.unreadable.items():
        yield (
            f"left out: {pluralize(len(issues), 'issue')} of {name}, not usable until the tracker describes it "
            "correctly; the last known state counts, and nothing is written there"
        )
        yield from (f"left out: {each.reason}" for each in issues[:MAX_LEFT_OUT_SHOWN])
        if len(issues) > MAX_LEFT_OUT_SHOWN:
            yield f"left out: and {len(issues) - MAX_LEFT_OUT_SHOWN} more of {name}; --json lists all"
    yield from never_read_sentences(pulled.unreadable, pulled.known)
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
    return list(result.planning.rollup.warnings)


def apply_result_lines(result: RunResult) -> list[str]:
    """List what was written, what the trackers rejected, and what is left for the next run."""
    applied = result.applied
    if applied is None:
        return []
    nothing = "nothing was read" if result.pulled.read_nothing else "nothing to change"
    lines = [written_summary(applied) if len(result.changes) else nothing]
    lines += [f"failed: {what}: {why}" for what, why in applied.failed]
    lines += [f"note: {note}" for note in (*applied.notes, *applied.closed_increments)]
    return [escape_sentence(line) for line in lines]


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
        "outcome": result.outcome,
        "exit_code": result.exit_code,
        "pulled": pulled.pulled_count,
        "summary": result.changes.summary(),
        "attention": {**result.impact.cost.summary(), "spread": result.impact.in_rollout},
        "changes": [change_document(change) for change in result.changes.changes],
        "unusable_files": [broken.as_json() for broken in result.broken_files],
        "failed_sources": [_failure_document(each) for each in pulled.failed],
        "left_out": [
            {"source": name, **pick(each, "id", "key", "reason")}
            for name, issues in pulled.unreadable.items()
            for each in issues
        ],
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
