"""Content of status comments for capabilities and goals, before rendering.

The content holds nothing that changes by itself (no run id, no current date, no days left). The same roll-up always
gives the same content.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from connectors.model import IssueRef
from connectors.wording import pluralize
from mappings.model import Increment
from sync.diff.comment_forecast import aging_lines, expected_cell, expected_lines, health_lines
from sync.model.comments import CommentContent, ContentLine
from sync.model.rollup import Answers, CapabilityRollup, Counts, GoalRollup

MAX_ROWS = 40
MAX_BLOCKED = 8
"""Number of capabilities that the comment of a goal lists as blocked."""


def capability_comment(
    rollup: CapabilityRollup, goal_title: str, increment: Increment, *, overrides: int, instance: str
) -> CommentContent:
    """Return the content for the anchor of a capability.

    ``overrides``: number of manual overrides that affect its counts.
    """
    return CommentContent(
        heading=rollup.title,
        context=f"capability of {goal_title}, increment {increment.id}, due {rollup.target or increment.end}",
        state=_headline(rollup, _done_count(rollup.counts)),
        lines=(
            *health_lines(rollup),
            *expected_lines(rollup.expected, "that everything is done"),
            *_count_lines(rollup.counts),
            *_blocked_lines(rollup),
            *_scope_lines(rollup, increment),
            *([("Reopened", rollup.scope.reopened)] if rollup.scope.reopened else []),
            *aging_lines(rollup),
            *_iteration_lines(rollup),
            *_evidence_lines(rollup),
            *_missing_result_lines(rollup),
            *_warning_lines(rollup),
            *_override_lines(overrides),
        ),
        footer=_footer(instance),
        urgent_parts=_urgent(rollup),
    )


def goal_comment(
    rollup: GoalRollup, increment: Increment, *, overrides: int, instance: str
) -> CommentContent:
    """Return the content for the anchor of a goal, with one row for each capability."""
    header, rows = _capability_table(rollup, increment)
    required = "capability" if rollup.required_total == 1 else "capabilities"
    finished = f"{rollup.required_done} of {rollup.required_total} required {required} done, "
    return CommentContent(
        heading=rollup.title,
        context=f"{rollup.commitment} goal of increment {increment.id}, due {increment.end}",
        state=_headline(rollup, f"{finished if rollup.required_total else ''}{_done_count(rollup.counts)}"),
        lines=(
            *expected_lines(rollup.expected, "that all required capabilities are done", ranges=False),
            *_goal_scope_lines(rollup),
            *_blocked_capabilities(rollup),
            *_experiment_lines(rollup),
            *(("The goal still has to be accepted in the plan",) if rollup.acceptance_open else ()),
            *_override_lines(overrides),
        ),
        header=header,
        rows=rows,
        omitted_rows=len(rollup.capabilities) - len(rows),
        footer=_footer(instance),
        urgent_parts=(
            rollup.id,
            *_urgent(rollup),
            *(word for each in rollup.capabilities for word in (each.id, *_urgent(each))),
        ),
    )


def _capability_table(
    rollup: GoalRollup, increment: Increment
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return header and rows. Columns without any value are left out."""
    shown = rollup.capabilities[:MAX_ROWS]
    forecasts = [expected_cell(capability.expected) for capability in shown]
    scopes = [_scope_cell(capability, increment) for capability in shown]
    optional = (("Forecast for the end", forecasts), ("Scope since the start", scopes))
    columns = [(name, cells) for name, cells in optional if any(cells)]
    rows = tuple(
        (
            capability.title if capability.required else f"{capability.title} (optional)",
            _state_words(capability),
            _fraction(capability.counts),
            *(cells[number] for _, cells in columns),
        )
        for number, capability in enumerate(shown)
    )
    return ("Capability", "State", "Issues done", *(name for name, _ in columns)), rows


def _headline(rollup: CapabilityRollup | GoalRollup, numbers: str) -> str:
    """Return ``In progress, blocked: 3 of 8 issues done``."""
    words = _state_words(rollup)
    return words if rollup.state == "cancelled" else f"{words}: {numbers}"


def _state_words(rollup: CapabilityRollup | GoalRollup) -> str:
    words = [rollup.state.replace("-", " ").capitalize()]
    if isinstance(rollup, CapabilityRollup) and rollup.not_proven:
        words.append("not proven")
    if rollup.released:
        on = rollup.released_on if isinstance(rollup, CapabilityRollup) else None
        words.append(f"released {on}" if on else "released")
    if rollup.blocked:
        words.append("blocked")
    if rollup.health:
        words.append(rollup.health.replace("-", " "))
    return ", ".join(words)


def _urgent(rollup: CapabilityRollup | GoalRollup) -> tuple[str, ...]:
    facts = (rollup.state, str(rollup.health), f"blocked={rollup.blocked}", f"released={rollup.released}")
    is_open = isinstance(rollup, CapabilityRollup) and rollup.not_proven
    return (*facts, "not proven") if is_open else facts


def _done_count(counts: Counts) -> str:
    return f"{counts.done} of {_issues(counts.scope)} done" if counts.scope else "no issues yet"


def _goal_scope_lines(goal: GoalRollup) -> list[str]:
    """Return the scope of the goal against its start.

    Empty if the baseline of any capability was taken later, because numbers of different days do not add up.
    """
    scopes = [each.scope for each in goal.capabilities if not each.cancelled]
    if not all(scope.complete_from_start for scope in scopes):
        return []
    before, now = sum(scope.baseline or 0 for scope in scopes), goal.counts.scope
    return [] if before == now else [f"Scope since the start: {before} → {_issues(now)}"]


def _experiment_lines(goal: GoalRollup) -> list[str]:
    answers = sum((each.answers for each in goal.capabilities if not each.cancelled), Answers())
    text = _answer_counts(answers)
    return [f"Experiments: {text}"] if text else []


def _count_lines(counts: Counts) -> list[str]:
    """Return the number of open and dropped issues; empty if there are none."""
    text = _list_numbers(
        (counts.doing, "in progress"),
        (counts.todo, "to do"),
        (counts.unknown, "with an unmapped status (counted as to do)"),
        (counts.dropped, "dropped (not counted)"),
    )
    return [text] if text else []


def _scope_lines(rollup: CapabilityRollup, increment: Increment) -> list[str]:
    scope = rollup.scope
    if scope.baseline is None:
        return []
    changes = (
        ("+", scope.added, "added"),
        ("-", scope.dropped, "dropped"),
        ("-", scope.moved_out, "moved out"),
        ("-", scope.vanished, "vanished"),
        ("-", scope.split, "split into others"),
    )
    parts = ", ".join(f"{sign}{len(refs)} {word}" for sign, refs, word in changes if refs)
    now = _issues(rollup.counts.scope)
    return [f"Scope since {_since(rollup, increment)}: {scope.baseline} → {now}, {parts}"] if parts else []


def _since(rollup: CapabilityRollup, increment: Increment) -> str:
    """Return ``the start``, or the date of a late baseline in the time zone of the plan."""
    scope = rollup.scope
    late = scope.baseline_at if not scope.complete_from_start else None
    return f"{late.astimezone(ZoneInfo(increment.timezone)):%Y-%m-%d}" if late else "the start"


def _scope_cell(rollup: CapabilityRollup, increment: Increment) -> str:
    """Return ``14 → 16 (+3 -1)``, with the date of a late baseline.

    Empty without a change, so that the first baseline causes no edit.
    """
    scope = rollup.scope
    if scope.baseline is None:
        return ""
    lost = len(scope.dropped) + len(scope.moved_out) + len(scope.vanished) + len(scope.split)
    parts = ([f"+{len(scope.added)}"] if scope.added else []) + ([f"-{lost}"] if lost else [])
    if not parts:
        return ""
    since = "" if scope.complete_from_start else f" since {_since(rollup, increment)}"
    return f"{scope.baseline} → {rollup.counts.scope} ({' '.join(parts)}{since})"


def _blocked_refs(rollup: CapabilityRollup) -> tuple[IssueRef, ...]:
    return tuple(each.ref for each in rollup.blocked_issues)


def _blocked_lines(rollup: CapabilityRollup) -> list[ContentLine]:
    refs = _blocked_refs(rollup)
    return [("Blocked", refs), *_blocker_lines(rollup)] if refs else []


def _blocker_lines(*rollups: CapabilityRollup) -> list[ContentLine]:
    """Return a line that names the issues for which the work waits, of any team and tracker."""
    refs = dict.fromkeys(ref for each in rollups for ref in each.blockers)
    named = tuple(ref for ref in refs if ref.key)
    lines: list[ContentLine] = [("Blocked by", named)] if named else []
    return lines if len(named) == len(refs) else [*lines, "Blocked by issues that increment-sync cannot read"]


def _blocked_capabilities(goal: GoalRollup) -> list[ContentLine]:
    found = [(each.title, refs) for each in goal.capabilities if (refs := _blocked_refs(each))]
    lines: list[ContentLine] = [(f"Blocked in {title}", refs) for title, refs in found[:MAX_BLOCKED]]
    if len(found) > MAX_BLOCKED:
        lines.append(f"Blocked issues in {pluralize(len(found) - MAX_BLOCKED, 'more capability')}")
    return [*lines, *_blocker_lines(*goal.capabilities)]


def _iteration_lines(rollup: CapabilityRollup) -> list[str]:
    lines = []
    for iteration in rollup.iterations:
        answers = _answer_counts(iteration.answers)
        if iteration.counts.scope or answers:
            experiments = f"; experiments: {answers}" if answers else ""
            lines.append(f"Iteration {iteration.name}: {_fraction(iteration.counts)} done{experiments}")
    return lines


def _answer_counts(answers: Answers) -> str:
    return _list_numbers(
        (answers.confirmed, "confirmed"),
        (answers.rejected, "rejected"),
        (answers.inconclusive, "inconclusive"),
        (answers.open, "open"),
        (answers.missing, "closed without a result"),
    )


def _list_numbers(*numbers: tuple[int, str]) -> str:
    """Return ``3 in progress, 2 to do`` without the numbers that are 0."""
    return ", ".join(f"{number} {what}" for number, what in numbers if number)


def _evidence_lines(rollup: CapabilityRollup) -> list[str]:
    return [f"Not proven: {rollup.proof.why}"] if rollup.not_proven and rollup.proof else []


def _missing_result_lines(rollup: CapabilityRollup) -> list[ContentLine]:
    refs = tuple(issue.ref for issue in rollup.issues if issue.lacks_result)
    return [("Note: closed without a result label", refs)] if refs and rollup.state != "cancelled" else []


def _warning_lines(rollup: CapabilityRollup) -> list[str]:
    """Return the warnings of the roll-up without their codes, except those that another line already covers."""
    covered = ("unknown_status", "result_missing")
    notes = [f"Note: {w.partition(': ')[2]}" for w in rollup.warnings if not w.startswith(covered)]
    if rollup.conflicts:
        notes.append(
            f"Note: rules of several teams claim {_issues(rollup.conflicts)}; not counted until resolved"
        )
    return notes


def _override_lines(overrides: int) -> list[str]:
    return [f"{_issues(overrides)} added or removed by manual overrides"] if overrides else []


def _fraction(counts: Counts) -> str:
    return f"{counts.done} of {counts.scope}" if counts.scope else "no issues"


def _issues(count: int) -> str:
    return pluralize(count, "issue")


def _footer(instance: str) -> str:
    return f"Kept up to date by increment-sync ({instance}). Change the issues, the plan or the mapping, not this text."
