"""An impact as text, as Markdown for a comment on a pull request, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from connectors.model import IssueRef
from mappings.model import Assignment, Unplanned
from mappings.rules.trace import MatchOutcome
from sync.cli.render import change_summary, table
from sync.config.escape import escape_github, escape_terminal
from sync.mapping_tools.impact import Impact, SubjectDifference, SubjectStatus
from sync.mapping_tools.impact_groups import MoveGroup, group_moves, place_text, rule_text, state_text

KEYS_SHOWN: Final = 8
ROWS_SHOWN: Final = 40
"""Of one table. Three tables of such rows stay below the 65,536 characters that GitHub allows."""

_HEADINGS: Final = {
    "moved": "Issues that count elsewhere",
    "reread": "Issues whose status is read differently",
    "rule": "Issues that stay, by another rule",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What was compared with what."""

    against: str
    as_of: datetime | None
    """How old the stored issues are (UTC); None when a source was never read whole."""
    notes: tuple[str, ...] = ()


def impact_text(impact: Impact, compared: Comparison) -> str:
    """For a terminal: at most ``ROWS_SHOWN`` lines a table, and ``KEYS_SHOWN`` keys a line."""
    lines = [escape_terminal(_what(impact, compared)), escape_terminal(_summary(impact))]
    for heading, groups in _sections(impact):
        header = ("from", "to", "issues", "by", "which")
        rows = [(g.before, g.after, str(len(g.refs)), g.by, _keys(g.refs)) for g in groups[:ROWS_SHOWN]]
        lines += ["", heading, *table(header, rows), *_left_out(groups)]
    if impact.subjects:
        shown = [(f.subject, *_both(f)) for f in impact.subjects[:ROWS_SHOWN]]
        lines += ["", "Capabilities and goals", *table(("what", "before", "after"), shown)]
        lines += _left_out(impact.subjects)
    lines += ["", *(f"A run would then write: {each}" for each in _writes(impact))]
    lines += [f"note: {escape_terminal(note, 500)}" for note in compared.notes[:ROWS_SHOWN]]
    return "\n".join(lines)


def impact_markdown(impact: Impact, compared: Comparison) -> str:
    """For a comment on GitHub: keys and names in code spans, nothing that links, mentions or grows too long."""
    lines = ["### What this change of plans and mappings does", "", f"**{_plain(_summary(impact))}**"]
    for heading, groups in _sections(impact):
        lines += ["", f"#### {heading}", "", "| from | to | by | issues |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {_code(g.before)} | {_code(g.after)} | {_code(g.by)} | {len(g.refs)}: {_coded(g.refs)} |"
            for g in groups[:ROWS_SHOWN]
        ]
        lines += _paragraph(_left_out(groups))
    if impact.subjects:
        lines += ["", "#### Capabilities and goals", "", "| what | before | after |", "| --- | --- | --- |"]
        lines += [
            f"| {_code(f.subject)} | {' | '.join(map(_plain, _both(f)))} |"
            for f in impact.subjects[:ROWS_SHOWN]
        ]
        lines += _paragraph(_left_out(impact.subjects))
    lines += ["", *(f"A run would then write: {_plain(each)}" for each in _writes(impact))]
    lines += [*_paragraph([f"- {_plain(note)}" for note in compared.notes[:ROWS_SHOWN]])]
    lines += ["", f"<sub>{_plain(_what(impact, compared))}</sub>"]
    return "\n".join(lines)


def impact_json(impact: Impact, compared: Comparison) -> dict[str, Any]:
    """All of it, for a program. ``version`` changes when a field changes its meaning."""
    return {
        "version": 1,
        "against": compared.against,
        "as_of": compared.as_of,
        "issues": impact.issues,
        "empty": impact.is_empty,
        "moves": [
            {
                "issue": str(move.ref),
                "title": move.title,
                "change": move.kind,
                "before": _outcome_json(move.before),
                "after": _outcome_json(move.after),
            }
            for move in impact.moves
        ],
        "figures": [
            {
                "subject": figure.subject,
                "before": asdict(figure.before) if figure.before else None,
                "after": asdict(figure.after) if figure.after else None,
            }
            for figure in impact.subjects
        ],
        "writes": {"before": impact.writes_before.summary(), "after": impact.writes_after.summary()},
        "notes": list(compared.notes),
    }


def _outcome_json(outcome: MatchOutcome) -> dict[str, Any]:
    told: dict[str, Any] = {"place": place_text(outcome), "by": rule_text(outcome)}
    if isinstance(outcome, Assignment | Unplanned):
        told["state"] = state_text(outcome.state)
    if isinstance(outcome, Assignment):
        told |= {"capability": outcome.capability, "iteration": outcome.iteration, "rule": outcome.rule}
        told |= {"team": outcome.team}
    return told


def _what(impact: Impact, compared: Comparison) -> str:
    as_of = (
        f"as of {compared.as_of:%Y-%m-%d %H:%M} UTC" if compared.as_of else "of which not all was ever read"
    )
    return f"Working tree against {compared.against}, over {_n(impact.issues, 'stored issue')} {as_of}"


def _summary(impact: Impact) -> str:
    if impact.is_empty:
        return "Nothing changes"
    moved = sum(move.kind == "moved" for move in impact.moves)
    others = len(impact.moves) - moved
    capabilities = sum(figure.subject.startswith("capability:") for figure in impact.subjects)
    goals = len(impact.subjects) - capabilities
    parts = [f"{_n(moved, 'issue')} {'moves' if moved == 1 else 'move'}"]
    if others:
        parts.append(f"{_n(others, 'issue')} {'stays' if others == 1 else 'stay'} but for rule or state")
    figures = [f"{goals} goal{'' if goals == 1 else 's'}"] if goals else []
    if capabilities:
        figures.append("1 capability" if capabilities == 1 else f"{capabilities} capabilities")
    if figures:
        parts.append(f"the figures of {' and '.join(figures)} change")
    return "; ".join(parts)


def _sections(impact: Impact) -> Iterator[tuple[str, list[MoveGroup]]]:
    groups = group_moves(impact.moves)
    for kind, heading in _HEADINGS.items():
        if found := [group for group in groups if group.kind == kind]:
            yield heading, found


def _both(figure: SubjectDifference) -> tuple[str, str]:
    unit = "required capabilities" if figure.subject.startswith("goal:") else "issues"
    return _standing(figure.before, unit), _standing(figure.after, unit)


def _standing(standing: SubjectStatus | None, unit: str) -> str:
    if standing is None:
        return "not in the plan"
    words = [standing.state]
    words += ["blocked"] if standing.blocked else []
    words += [standing.health] if standing.health else []
    words.append(f"{standing.finished} of {standing.total} {unit} done")
    if unit != "issues":
        words.append(f"{standing.counts.done} of {standing.counts.scope} issues")
    words += [f"{standing.counts.dropped} dropped"] if standing.counts.dropped else []
    return ", ".join(words)


def _writes(impact: Impact) -> list[str]:
    before, after = change_summary(impact.writes_before), change_summary(impact.writes_after)
    return [f"{after} (before: {before})" if before != after else f"{after} (as before)"]


def _left_out(items: Sequence[object]) -> list[str]:
    return [f"and {len(items) - ROWS_SHOWN} more; --format json shows all"] if len(items) > ROWS_SHOWN else []


def _paragraph(lines: list[str]) -> list[str]:
    return ["", *lines] if lines else []


def _keys(refs: Sequence[IssueRef]) -> str:
    more = f" and {len(refs) - KEYS_SHOWN} more" if len(refs) > KEYS_SHOWN else ""
    return ", ".join(ref.key for ref in refs[:KEYS_SHOWN]) + more


def _coded(refs: Sequence[IssueRef]) -> str:
    more = f" and {len(refs) - KEYS_SHOWN} more" if len(refs) > KEYS_SHOWN else ""
    return ", ".join(_code(ref.key) for ref in refs[:KEYS_SHOWN]) + more


def _code(text: str) -> str:
    """A code span: GitHub makes no link and no mention of what stands in one."""
    return f"`{escape_terminal(text, 200).replace('`', '').replace('|', '¦')}`" if text else ""


def _plain(text: str) -> str:
    return escape_github(text, 500)


def _n(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
