"""Change sets and outcomes as text, Markdown and JSON. Everything that came from a tracker is neutralised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sync.changes import Change, ChangeSet, CommentRemoval, LabelChange
from sync.neutral import neutral_github, neutral_terminal

if TYPE_CHECKING:
    from sync.collect import Collected
    from sync.run import Outcome

CHANGES_SHOWN = 200


def summary_line(changes: ChangeSet) -> str:
    """``12 labels to add, 1 to remove, 2 comments to create, 0 to edit on 8 issues``."""
    if not len(changes):
        return "nothing to change"
    deleted = f"{len(changes.removals)} to delete, " if changes.removals else ""
    return (
        f"{_n(changes.added, 'label')} to add, {changes.removed} to remove, "
        f"{_n(changes.created_comments, 'comment')} to create, {changes.edited_comments} to edit, "
        f"{deleted}"
        f"on {_n(len(changes.refs), 'issue')}"
    )


def changes_text(changes: ChangeSet) -> list[str]:
    """A line for each change with its reason, labels before comments."""
    lines = []
    for change in changes.changes[:CHANGES_SHOWN]:
        lines.append(neutral_terminal(change.describe()))
        lines += [f"    {neutral_terminal(reason)}" for reason in _reasons(change)]
    if len(changes) > CHANGES_SHOWN:
        lines.append(f"and {len(changes) - CHANGES_SHOWN} more; --json shows all")
    return lines


def changes_markdown(changes: ChangeSet) -> str:
    """A table for a pull request or a job summary."""
    lines = [f"**{summary_line(changes)}**"]
    if len(changes):
        lines += ["", "| issue | change | why |", "| --- | --- | --- |"]
        lines += [
            f"| `{_code(str(change.ref))}` | {neutral_github(_what(change))} "
            f"| {neutral_github('; '.join(_reasons(change)))} |"
            for change in changes.changes[:CHANGES_SHOWN]
        ]
    return "\n".join(lines)


def problems_text(outcome: Outcome) -> list[str]:
    """Everything that a person must know beside the changes: what could not be read, refusals, overrides."""
    collected, matched = outcome.collected, outcome.thought.matched
    lines = _unread_text(collected)
    lines += [f"not checked, left alone: {ref}: {why}" for ref, why in outcome.unchecked.items()]
    lines += list(outcome.still_open)
    lines += [f"by hand: {note.ref}: {note.text}" for note in outcome.by_hand]
    for conflict in matched.conflicts:
        claims = " and ".join(f"{claim.team} for {claim.capability}" for claim in conflict.claims)
        lines.append(f"claimed twice, counted nowhere: {conflict.ref}: by {claims}")
    lines += [f"warning: {text}" for text in (*matched.warnings, *outcome.thought.rollup.warnings)]
    lines += [f"note: {note.ref} {note.text}" for note in outcome.thought.observations]
    lines += [f"gone from its source: {item.issue.ref}" for item in collected.gone]
    lines += [f"refused ({refusal.rule}): {refusal.text}" for refusal in outcome.refusals]
    return [neutral_terminal(line) for line in lines]


def _unread_text(collected: Collected) -> list[str]:
    """Sources and anchors that could not be read. A reason that several share is told once."""
    sources: dict[str, list[str]] = {}
    for failure in collected.failed:
        sources.setdefault(failure.reason, []).append(failure.source.name)
    anchors: dict[str, list[str]] = {}
    for anchor, why in collected.unread_anchors.items():
        anchors.setdefault(why, []).append(str(anchor))
    lines = [f"not read: {', '.join(names)}: {reason}" for reason, names in sources.items()]
    for reason, names in anchors.items():
        what = "anchor" if len(names) == 1 else "anchors"
        told = "for the same reason" if reason in sources else reason
        lines.append(f"{what} not read: {', '.join(names)}: {told}")
    return lines


def applied_text(outcome: Outcome) -> list[str]:
    """What was written, what was refused by the trackers, what is left for the next run."""
    applied = outcome.applied
    if applied is None:
        return []
    lines = [f"{_n(applied.done, 'change')} written" if len(outcome.changes) else "nothing to change"]
    lines += [f"failed: {what}: {why}" for what, why in applied.failed]
    if applied.left:
        why = "; ".join(applied.left_because)
        lines.append(f"{_n(applied.left, 'change')} left for the next run: {why}")
    lines += [f"note: {note}" for note in applied.notes]
    return [neutral_terminal(line) for line in lines]


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """The whole outcome for a program. ``version`` changes when a field changes its meaning."""
    applied, collected = outcome.applied, outcome.collected
    return {
        "version": 1,
        "run": outcome.run_id,
        "exit_code": outcome.exit_code,
        "pulled": collected.pulled,
        "summary": outcome.changes.summary(),
        "changes": [change_json(change) for change in outcome.changes.changes],
        "failed_sources": [
            {"source": failure.source.name, "kind": failure.kind, "reason": failure.reason}
            for failure in collected.failed
        ],
        "unread_anchors": {str(anchor): why for anchor, why in collected.unread_anchors.items()},
        "refusals": [{"rule": refusal.rule, "text": refusal.text} for refusal in outcome.refusals],
        "observations": [
            {"issue": str(note.ref), "text": note.text} for note in outcome.thought.observations
        ],
        "by_hand": [{"issue": str(note.ref), "text": note.text} for note in outcome.by_hand],
        "gone": [str(item.issue.ref) for item in collected.gone],
        "conflicts": [str(conflict.ref) for conflict in outcome.thought.matched.conflicts],
        "warnings": [*outcome.thought.matched.warnings, *outcome.thought.rollup.warnings],
        "unplanned": len(outcome.thought.rollup.unplanned),
        "applied": None
        if applied is None
        else {
            "done": applied.done,
            "failed": [{"change": what, "reason": why} for what, why in applied.failed],
            "left": applied.left,
            "left_because": applied.left_because,
            "notes": applied.notes,
        },
    }


def change_json(change: Change) -> dict[str, Any]:
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


def terminal_line(text: str) -> str:
    """A line of ours that may hold text from a tracker: harmless, with its indentation kept."""
    return " " * (len(text) - len(text.lstrip(" "))) + neutral_terminal(text)


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Columns of plain text, as wide as their widest cell; made for terminals and logs alike."""
    grid = [list(header), *[[terminal_line(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in grid) for column in range(len(grid[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in grid]
    return [line.rstrip() for line in [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]]


def _reasons(change: Change) -> list[str]:
    reasons: Mapping[str, None]
    if isinstance(change, LabelChange):
        reasons = dict.fromkeys(reason.text for reason in [*change.add.values(), *change.remove.values()])
        return list(reasons)
    return [change.reason.text]


def _what(change: Change) -> str:
    return change.describe().removeprefix(f"{change.ref}  ")


def _code(text: str) -> str:
    return text.replace("`", "").replace("|", "")


def _n(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
