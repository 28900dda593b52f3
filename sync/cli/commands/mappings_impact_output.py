"""Impact of changed mappings as text, as Markdown for a comment on a pull request, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from connectors.escape import MAX_SENTENCE, escape_sentence, escape_terminal
from connectors.markdown import escape_markdown
from connectors.model import IssueRef
from connectors.wording import plural
from mappings.model import Assignment, Unplanned
from mappings.rules.trace import MatchOutcome
from sync.cli.output import pick, pluralize, table, utc
from sync.cli.run_output import change_summary
from sync.mapping_tools.impact import (
    Impact,
    MoveGroup,
    SubjectDifference,
    SubjectStatus,
    group_moves,
    place_text,
    rule_text,
    state_text,
)

MAX_KEYS: Final = 8
MAX_ROWS: Final = 40
"""Rows of one table. Three such tables stay below the 65,536 characters of a comment on a pull request."""

_HEADINGS: Final = {
    "moved": "Issues that count elsewhere",
    "reread": "Issues whose status means something else",
    "rule": "Issues that stay, by another rule",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Description of what was compared."""

    against: str
    as_of: datetime | None
    """Time of the stored issues (UTC); None when a source was never fully synced."""
    notes: tuple[str, ...] = ()


def impact_text(impact: Impact, comparison: Comparison) -> str:
    """Format for a terminal: at most ``MAX_ROWS`` lines a table, and ``MAX_KEYS`` keys a line."""
    lines = [escape_sentence(_comparison_text(impact, comparison)), escape_sentence(_summary(impact))]
    for heading, groups in _sections(impact):
        header = ("from", "to", "issues", "by", "which")
        rows = [(g.before, g.after, len(g.refs), g.by, _key_list(g.refs)) for g in groups[:MAX_ROWS]]
        lines += ["", heading, *table(header, rows), *_omitted(groups)]
    if impact.subjects:
        shown = [(f.subject, *_before_and_after(f)) for f in impact.subjects[:MAX_ROWS]]
        lines += ["", "Capabilities and goals", *table(("what", "before", "after"), shown)]
        lines += _omitted(impact.subjects)
    lines += ["", *(f"A run would then write: {each}" for each in _writes(impact))]
    lines += [f"note: {escape_sentence(note)}" for note in comparison.notes[:MAX_ROWS]]
    return "\n".join(lines)


def impact_markdown(impact: Impact, comparison: Comparison) -> str:
    """Format for a comment on a pull request: keys and names in code spans, no links, no mentions, limited length."""
    lines = ["### What this change of plans and mappings does", "", f"**{_plain(_summary(impact))}**"]
    for heading, groups in _sections(impact):
        lines += ["", f"#### {heading}", "", "| from | to | by | issues |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {_code(g.before)} | {_code(g.after)} | {_code(g.by)} | {len(g.refs)}: {_code_keys(g.refs)} |"
            for g in groups[:MAX_ROWS]
        ]
        lines += _paragraph(_omitted(groups))
    if impact.subjects:
        lines += ["", "#### Capabilities and goals", "", "| what | before | after |", "| --- | --- | --- |"]
        lines += [
            f"| {_code(f.subject)} | {' | '.join(map(_plain, _before_and_after(f)))} |"
            for f in impact.subjects[:MAX_ROWS]
        ]
        lines += _paragraph(_omitted(impact.subjects))
    lines += ["", *(f"A run would then write: {_plain(each)}" for each in _writes(impact))]
    lines += [*_paragraph([f"- {_plain(note)}" for note in comparison.notes[:MAX_ROWS]])]
    lines += ["", f"<sub>{_plain(_comparison_text(impact, comparison))}</sub>"]
    return "\n".join(lines)


def impact_document(impact: Impact, comparison: Comparison) -> dict[str, Any]:
    """Return the whole impact as a JSON document."""
    return {
        **pick(comparison, "against", "as_of", "notes"),
        **pick(impact, "issues", empty="is_empty", figures="subjects"),
        "moves": [
            pick(move, "title", issue="ref", change="kind")
            | {"before": _outcome_document(move.before), "after": _outcome_document(move.after)}
            for move in impact.moves
        ],
        "writes": {"before": impact.writes_before.summary(), "after": impact.writes_after.summary()},
    }


def _outcome_document(outcome: MatchOutcome) -> dict[str, Any]:
    document: dict[str, Any] = {"place": place_text(outcome), "by": rule_text(outcome)}
    if isinstance(outcome, Assignment | Unplanned):
        document["state"] = state_text(outcome.state)
    if isinstance(outcome, Assignment):
        document |= pick(outcome, "capability", "iteration", "rule", "team")
    return document


def _comparison_text(impact: Impact, comparison: Comparison) -> str:
    as_of = f"as of {utc(comparison.as_of)}" if comparison.as_of else "of which not all were ever read"
    return f"Working tree against {comparison.against}, over {_n(impact.issues, 'stored issue')} {as_of}"


def _summary(impact: Impact) -> str:
    if impact.is_empty:
        return "Nothing changes"
    moved = sum(move.kind == "moved" for move in impact.moves)
    others = len(impact.moves) - moved
    capabilities = sum(each.subject.startswith("capability:") for each in impact.subjects)
    goals = len(impact.subjects) - capabilities
    parts = [f"{_n(moved, 'issue')} {'moves' if moved == 1 else 'move'}"]
    if others:
        parts.append(f"{_n(others, 'issue')} {'stays' if others == 1 else 'stay'} but for rule or state")
    counts = {"goal": goals, "capability": capabilities}
    changed = [pluralize(count, noun) for noun, count in counts.items() if count]
    if changed:
        parts.append(f"the numbers of {' and '.join(changed)} change")
    return "; ".join(parts)


def _sections(impact: Impact) -> Iterator[tuple[str, list[MoveGroup]]]:
    groups = group_moves(impact.moves)
    for kind, heading in _HEADINGS.items():
        if found := [group for group in groups if group.kind == kind]:
            yield heading, found


def _before_and_after(difference: SubjectDifference) -> tuple[str, str]:
    unit = "required capabilities" if difference.subject.startswith("goal:") else "issues"
    return _status_text(difference.before, unit), _status_text(difference.after, unit)


def _status_text(status: SubjectStatus | None, unit: str) -> str:
    if status is None:
        return "not in the plan"
    parts = [status.state]
    parts += ["blocked"] if status.blocked else []
    parts += [status.health] if status.health else []
    parts.append(f"{status.finished} of {status.total} {unit} done")
    if unit != "issues":
        parts.append(f"{status.counts.done} of {pluralize(status.counts.scope, 'issue')}")
    parts += [f"{status.counts.dropped} dropped"] if status.counts.dropped else []
    return ", ".join(parts)


def _writes(impact: Impact) -> list[str]:
    before, after = change_summary(impact.writes_before), change_summary(impact.writes_after)
    return [f"{after} (before: {before})" if before != after else f"{after} (as before)"]


def _omitted(items: Sequence[object]) -> list[str]:
    return [f"and {len(items) - MAX_ROWS} more; --format json shows all"] if len(items) > MAX_ROWS else []


def _paragraph(lines: list[str]) -> list[str]:
    return ["", *lines] if lines else []


def _key_list(refs: Sequence[IssueRef]) -> str:
    more = f" and {len(refs) - MAX_KEYS} more" if len(refs) > MAX_KEYS else ""
    return ", ".join(ref.key for ref in refs[:MAX_KEYS]) + more


def _code_keys(refs: Sequence[IssueRef]) -> str:
    more = f" and {len(refs) - MAX_KEYS} more" if len(refs) > MAX_KEYS else ""
    return ", ".join(_code(ref.key) for ref in refs[:MAX_KEYS]) + more


def _code(text: str) -> str:
    """Return a code span: no links and no mentions are made inside."""
    return f"`{escape_terminal(text, 200).replace('`', '').replace('|', '¦')}`" if text else ""


def _plain(text: str) -> str:
    return escape_markdown(text, MAX_SENTENCE)


def _n(count: int, noun: str) -> str:
    return f"{count:,} {noun if count == 1 else plural(noun)}"
