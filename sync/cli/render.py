"""Change sets and outcomes as text, Markdown and JSON. Everything that came from a tracker is neutralised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sync.config.escape import escape_github, escape_terminal
from sync.diff.limits import write_budget_for
from sync.model.changes import Change, ChangeSet, CommentRemoval, LabelChange

if TYPE_CHECKING:
    from sync.model.limits import ChangeCost, GuardLimits, ImpactEstimate
    from sync.model.run import ApplyResult, PullResult, RunResult

MAX_CHANGES_SHOWN = 200


def change_summary(changes: ChangeSet) -> str:
    """``9 changes on 8 issues: 12 labels to add, 1 to remove, 2 comments to create, 0 to edit``."""
    if not len(changes):
        return "nothing to change"
    deleted = f", {len(changes.removals)} to delete" if changes.removals else ""
    return (
        f"{_n(len(changes), 'change')} on {_n(len(changes.refs), 'issue')}: "
        f"{_n(changes.added, 'label')} to add, {changes.removed} to remove, "
        f"{_n(changes.created_comments, 'comment')} to create, {changes.edited_comments} to edit{deleted}"
    )


def change_lines(changes: ChangeSet) -> list[str]:
    """A line for each change with its reason, labels before comments."""
    lines = []
    for change in changes.changes[:MAX_CHANGES_SHOWN]:
        lines.append(escape_terminal(change.describe()))
        lines += [f"    {escape_terminal(reason)}" for reason in _reasons(change)]
    if len(changes) > MAX_CHANGES_SHOWN:
        lines.append(f"and {len(changes) - MAX_CHANGES_SHOWN} more; --json shows all")
    return lines


def notification_lines(weighed: ImpactEstimate, limits: GuardLimits) -> list[str]:
    """What the changes would ask of people and trackers; nothing when there are no changes."""
    attention = weighed.cost
    if not attention.requests:
        return []
    lines = [notification_summary(attention)]
    if attention.notifying_projects and attention.mails:
        lines.append(
            f"  every edit in {', '.join(attention.notifying_projects)} is mailed: our account may not silence it there"
        )
    spread = write_budget_for(weighed, limits)
    if spread is not None and weighed.in_rollout and spread.is_exceeded_by(attention):
        lines.append(
            f"  a first run: at most {spread.max_comments} new comments and mails to {spread.max_people} people in one run, "
            f"{spread.max_mails_per_person} mails each; what is over goes into the runs after it"
        )
    return lines


def notification_summary(attention: ChangeCost) -> str:
    """``attention: at least 3 people would probably be mailed (7 mails); 45 requests, about 2 min of writing``."""
    mailed = "as far as we know, nobody would be mailed"
    if attention.mails:
        mailed = (
            f"at least {_people(attention.people)} would probably be mailed ({_n(attention.mails, 'mail')})"
        )
    time = _about(attention.seconds)
    return (
        f"attention: {mailed}; {_n(attention.requests, 'request')}, {time} under the trackers' write limits"
    )


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"


def _about(seconds: float) -> str:
    if seconds < 60:
        return f"about {max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {round(seconds / 3600, 1):g} h"


def changes_markdown(changes: ChangeSet, attention: ChangeCost) -> str:
    """A table for a pull request or a job summary."""
    lines = [f"**{change_summary(changes)}**"]
    if len(changes):
        lines += ["", escape_github(notification_summary(attention))]
        lines += ["", "| issue | change | why |", "| --- | --- | --- |"]
        lines += [
            f"| `{_code(str(change.ref))}` | {escape_github(_what(change))} "
            f"| {escape_github('; '.join(_reasons(change)))} |"
            for change in changes.changes[:MAX_CHANGES_SHOWN]
        ]
    return "\n".join(lines)


def run_problem_lines(outcome: RunResult) -> list[str]:
    """Everything that a person must know beside the changes: what could not be read, refusals, overrides."""
    collected, matched = outcome.pulled, outcome.planning.matched
    lines = [line for unusable in outcome.broken_files for line in unusable.describe()]
    lines += _unread_text(collected)
    lines += [f"not checked, left alone: {ref}: {why}" for ref, why in outcome.unchecked.items()]
    lines += _postponed_text(outcome)
    lines += list(outcome.unresolved_writes)
    lines += [f"by hand: {note.ref}: {note.text}" for note in outcome.manual_changes]
    for conflict in matched.conflicts:
        claims = " and ".join(f"{claim.team} for {claim.capability}" for claim in conflict.claims)
        lines.append(f"claimed twice, counted nowhere: {conflict.ref}: by {claims}")
    lines += [f"warning: {text}" for text in (*matched.warnings, *outcome.planning.rollup.warnings)]
    lines += [f"note: {note.ref} {note.text}" for note in outcome.planning.notices]
    lines += [f"note: {outcome.missing_forecast}"] if outcome.missing_forecast else []
    lines += [f"gone from its source: {item.issue.ref}" for item in collected.newly_missing]
    lines += [f"refused ({refusal.rule}): {refusal.text}" for refusal in outcome.refusals]
    return [safe_terminal_line(line) for line in lines]


def _postponed_text(outcome: RunResult) -> list[str]:
    if not outcome.postponed:
        return []
    # Most commands draw a table only: with this they would load the store and all thinking first.
    from sync.pipeline.override_recovery import MAX_HISTORIES_PER_RUN

    trackers = ", ".join(sorted({ref.tracker for ref in outcome.postponed}))
    text = (
        f"left for the next run: {_n(len(outcome.postponed), 'issue')} on {trackers}: no label is put before "
        f"the history was asked whether a person took it off; we wrote there before this store was there, and one run "
        f"asks about {MAX_HISTORIES_PER_RUN} issues of a tracker (this is by design, nothing is lost)"
    )
    return [text]


def _unread_text(collected: PullResult) -> list[str]:
    """Sources and anchors that could not be read. A reason that several share is told once."""
    sources: dict[str, list[str]] = {}
    for failure in collected.failed:
        sources.setdefault(failure.reason, []).append(failure.source.name)
    anchors: dict[str, list[str]] = {}
    for anchor, why in collected.unread_anchors.items():
        anchors.setdefault(why, []).append(str(anchor))
    lines = [f"not read: {', '.join(names)}: {reason}" for reason, names in sources.items()]
    lines += [
        f"history not read: {failure.source.name}: {failure.reason}; its issues were read, what happened to them "
        "is asked for again later"
        for failure in collected.failed_histories
    ]
    for reason, names in anchors.items():
        what = "anchor" if len(names) == 1 else "anchors"
        told = "for the same reason" if reason in sources else reason
        lines.append(f"{what} not read: {', '.join(names)}: {told}")
    return lines


def apply_result_lines(outcome: RunResult) -> list[str]:
    """What was written, what was refused by the trackers, what is left for the next run."""
    applied = outcome.applied
    if applied is None:
        return []
    lines = [written_summary(applied) if len(outcome.changes) else "nothing to change"]
    lines += [f"failed: {what}: {why}" for what, why in applied.failed]
    lines += [f"note: {note}" for note in (*applied.notes, *applied.closed_increments)]
    return [escape_terminal(line) for line in lines]


def written_summary(applied: ApplyResult) -> str:
    """``40 changes written``, or ``40 of 120 changes written, 80 left for the next run: ...``."""
    if not applied.skipped:
        return f"{_n(applied.done, 'change')} written"
    total = applied.done + len(applied.failed) + applied.skipped + len(applied.notes)
    why = "; ".join(applied.skip_reasons)
    meant = "" if applied.failed else " (this is by design, nothing is lost)"
    return f"{applied.done} of {_n(total, 'change')} written, {applied.skipped} left for the next run: {why}{meant}"


def run_document(outcome: RunResult) -> dict[str, Any]:
    """The whole outcome for a program. ``version`` changes when a field changes its meaning."""
    applied, collected = outcome.applied, outcome.pulled
    return {
        "version": 1,
        "run": outcome.run_id,
        "exit_code": outcome.exit_code,
        "pulled": collected.pulled_count,
        "summary": outcome.changes.summary(),
        "attention": {**outcome.impact.cost.summary(), "spread": outcome.impact.in_rollout},
        "changes": [change_document(change) for change in outcome.changes.changes],
        "unusable_files": [unusable.as_json() for unusable in outcome.broken_files],
        "failed_sources": [
            {"source": failure.source.name, "kind": failure.kind, "reason": failure.reason}
            for failure in collected.failed
        ],
        "unread_histories": [
            {"source": failure.source.name, "kind": failure.kind, "reason": failure.reason}
            for failure in collected.failed_histories
        ],
        "unread_anchors": {str(anchor): why for anchor, why in collected.unread_anchors.items()},
        "refusals": [{"rule": refusal.rule, "text": refusal.text} for refusal in outcome.refusals],
        "not_looked_back": sorted(map(str, outcome.postponed)),
        "observations": [{"issue": str(note.ref), "text": note.text} for note in outcome.planning.notices],
        "by_hand": [{"issue": str(note.ref), "text": note.text} for note in outcome.manual_changes],
        "gone": [str(item.issue.ref) for item in collected.newly_missing],
        "conflicts": [str(conflict.ref) for conflict in outcome.planning.matched.conflicts],
        "warnings": [*outcome.planning.matched.warnings, *outcome.planning.rollup.warnings],
        "unplanned": len(outcome.planning.rollup.unplanned),
        "applied": None
        if applied is None
        else {
            "done": applied.done,
            "failed": [{"change": what, "reason": why} for what, why in applied.failed],
            "left": applied.skipped,
            "left_because": applied.skip_reasons,
            "notes": [*applied.notes, *applied.closed_increments],
        },
    }


def change_document(change: Change) -> dict[str, Any]:
    """One change with its reasons."""
    base = {"issue": str(change.ref), "why": _reasons(change)}
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


def safe_terminal_line(text: str) -> str:
    """A line of ours that may hold text from a tracker: harmless, with its indentation kept."""
    return " " * (len(text) - len(text.lstrip(" "))) + escape_terminal(text)


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Columns of plain text, as wide as their widest cell; made for terminals and logs alike."""
    grid = [list(header), *[[safe_terminal_line(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in grid) for column in range(len(grid[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in grid]
    return [line.rstrip() for line in [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]]


def sparse_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A table without the columns in which no row has anything."""
    names, grid = list(header), [list(row) for row in rows]
    kept = (
        [column for column in range(len(names)) if any(row[column] for row in grid)]
        if grid
        else range(len(names))
    )
    return table([names[column] for column in kept], ([row[column] for column in kept] for row in grid))


def _reasons(change: Change) -> list[str]:
    reasons: Mapping[str, None]
    if isinstance(change, LabelChange):
        reasons = dict.fromkeys(reason.text for reason in [*change.add.values(), *change.remove.values()])
        return list(reasons)
    return [change.reason.text]


def _what(change: Change) -> str:
    return change.describe().removeprefix(f"{change.ref}  ")


def _code(text: str) -> str:
    return escape_terminal(text).replace("`", "").replace("|", "")


def _n(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
