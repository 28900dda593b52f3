"""The status comment of a capability or goal: short, useful to a lead and an executive, harmless everywhere.

It holds nothing that changes by itself (no run, no date of today, no days left), so that the same roll-up
always gives the same text. One document is built and then written as GitHub Markdown or Jira wiki markup.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from connectors.model import IssueRef
from mappings.model import Increment
from sync.neutral import neutral_github, neutral_jira
from sync.rollup_model import CapabilityRollup, Counts, GoalRollup

MAX_ROWS = 40
MAX_KEYS = 8
MAX_LENGTH: Mapping[str, int] = {"github": 60_000, "jira": 30_000}
"""Below the trackers' limits (65,536 and 32,767 characters) with room for the markers and people's text."""

_BEGIN = "<!-- increment-sync:begin instance={instance} subject={subject} -->"
_END = "<!-- increment-sync:end -->"
_BLOCK = re.compile(
    r"^<!-- increment-sync:begin instance=(?P<instance>\S+) subject=(?P<subject>\S+) -->\n?"
    r"(?P<body>.*?)\n?<!-- increment-sync:end -->",
    re.DOTALL | re.MULTILINE,
)
"""At the beginning of a line only: in a quotation (``> <!-- ...``) the block is not ours."""
_UNREADABLE = "Unreadable since"


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """What a comment says, before it is written in a tracker's markup. All text is still raw."""

    heading: str
    context: str
    state: str
    lines: tuple[str | tuple[str, tuple[IssueRef, ...]], ...] = ()
    """Sentences; one with refs ends in their keys."""
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    left_out: int = 0
    footer: str = ""
    urgent: tuple[str, ...] = ()
    """What makes an edit urgent: states, health words, blocked and released flags."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """A comment's text with the two hashes that decide about edits."""

    body: str
    urgent_hash: str
    full_hash: str


def capability_document(
    rollup: CapabilityRollup, goal_title: str, increment: Increment, *, overrides: int, instance: str
) -> Document:
    """The comment on the anchor of a capability."""
    return Document(
        heading=rollup.title,
        context=f"capability of {goal_title}, increment {increment.id}, due {rollup.target or increment.end}",
        state=_state_line(rollup),
        lines=(
            _counts_line(rollup.counts),
            *_scope_lines(rollup),
            *_blocked_lines(rollup),
            *_iteration_lines(rollup),
            *_notes(rollup),
            *_override_lines(overrides),
        ),
        footer=_footer(instance),
        urgent=_urgent(rollup),
    )


def goal_document(rollup: GoalRollup, increment: Increment, *, overrides: int, instance: str) -> Document:
    """The comment on the anchor of a goal: one row for each capability."""
    shown = rollup.capabilities[:MAX_ROWS]
    return Document(
        heading=rollup.title,
        context=f"{rollup.commitment} goal of increment {increment.id}, due {increment.end}",
        state=_state_line(rollup),
        lines=(
            f"{rollup.required_done} of {_required(rollup)}; {_done(rollup.counts)}",
            *(line for capability in rollup.capabilities for line in _blocked_lines(capability, named=True)),
            *(("A person still has to accept the goal.",) if rollup.acceptance_open else ()),
            *_override_lines(overrides),
        ),
        header=("Capability", "State", "Done", "Scope change"),
        rows=tuple(
            (capability.title, _state_line(capability), _fraction(capability.counts), _growth(capability))
            for capability in shown
        ),
        left_out=len(rollup.capabilities) - len(shown),
        footer=_footer(instance),
        urgent=tuple(word for part in _parts(rollup) for word in (part.id, *_urgent(part))),
    )


def render(document: Document, kind: str) -> Rendered:
    """Write a document for ``github`` or ``jira``; the hashes do not depend on the tracker's limits."""
    body = (_markdown if kind == "github" else _wiki)(document)
    body = body[: MAX_LENGTH[kind]]
    return Rendered(body=body, urgent_hash=digest("\n".join(document.urgent)), full_hash=digest(body))


def with_notice(body: str, unreadable: Mapping[str, datetime], kind: str) -> str:
    """The old figures with one line that says since when which sources could not be read."""
    emphasis = "**" if kind == "github" else "*"
    neutral = neutral_github if kind == "github" else neutral_jira
    kept = [line for line in body.split("\n") if not line.startswith(f"{emphasis}{_UNREADABLE}")]
    notices = [
        f"{emphasis}{_UNREADABLE} {since:%Y-%m-%d %H:%M} UTC{emphasis}: {neutral(name)}. "
        "The figures are from before."
        for name, since in sorted(unreadable.items())
    ]
    return "\n".join([*kept[:1], *notices, *kept[1:]])


def wrap(body: str, instance: str, subject: str) -> str:
    """Our text between the two hidden markers, as it stands in a GitHub comment."""
    return f"{_BEGIN.format(instance=instance, subject=subject)}\n{body}\n{_END}"


def find_block(text: str, instance: str, subject: str) -> str | None:
    """Our text inside a GitHub comment, or None when its markers are not of this instance and subject."""
    found = [m for m in _BLOCK.finditer(text) if (m["instance"], m["subject"]) == (instance, subject)]
    return found[0]["body"] if len(found) == 1 else None


def replace_block(text: str, body: str, instance: str, names: tuple[str, ...]) -> str:
    """The comment with our text replaced and everything that people wrote outside it kept as it is.

    ``names``: the subject, and the names that it had before; the block gets the present one.
    """
    ours = wrap(body, instance, names[0])
    match = _our_block(text, instance, names)
    return text[: match.start()] + ours + text[match.end() :] if match else ours


def remove_block(text: str, instance: str, names: tuple[str, ...]) -> str:
    """What people wrote around our text; empty when there is nothing else."""
    match = _our_block(text, instance, names)
    return (text[: match.start()] + text[match.end() :]).strip() if match else ""


def _our_block(text: str, instance: str, names: tuple[str, ...]) -> re.Match[str] | None:
    found = (m for m in _BLOCK.finditer(text) if m["instance"] == instance and m["subject"] in names)
    return next(found, None)


def digest(text: str) -> str:
    """Short hash by which two texts are compared; white space at line ends does not count."""
    normal = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip().split("\n"))
    return hashlib.sha256(normal.encode()).hexdigest()[:24]


def _markdown(document: Document) -> str:
    clean = neutral_github
    lines = [
        f"**{clean(document.heading)}** ({clean(document.context)})",
        "",
        f"**{clean(document.state)}**",
        "",
    ]
    lines += [f"- {_sentence(line, clean, lambda key: f'`{key}`')}" for line in document.lines]
    if document.rows:
        lines += ["", _row(document.header, clean), "|" + " --- |" * len(document.header)]
        lines += [_row(row, clean) for row in document.rows]
    if document.left_out:
        lines += ["", f"and {document.left_out} more capabilities"]
    return "\n".join([*lines, "", f"<sub>{clean(document.footer)}</sub>"])


def _wiki(document: Document) -> str:
    clean = neutral_jira
    lines = [f"*{clean(document.heading)}* ({clean(document.context)})", "", f"*{clean(document.state)}*", ""]
    lines += [f"* {_sentence(line, clean, lambda key: '{{' + key + '}}')}" for line in document.lines]
    if document.rows:
        lines += ["", "||" + "||".join(clean(cell) for cell in document.header) + "||"]
        lines += [_row(row, clean) for row in document.rows]
    if document.left_out:
        lines += ["", f"and {document.left_out} more capabilities"]
    return "\n".join([*lines, "", f"{clean(document.footer)}"])


def _row(cells: Iterable[str], clean: Callable[[str], str]) -> str:
    return "| " + " | ".join(clean(cell) or " " for cell in cells) + " |"


def _sentence(
    line: str | tuple[str, tuple[IssueRef, ...]], clean: Callable[[str], str], code: Callable[[str], str]
) -> str:
    if isinstance(line, str):
        return clean(line)
    text, refs = line
    shown = ", ".join(code(_safe_key(ref.key)) for ref in refs[:MAX_KEYS])
    more = f" and {len(refs) - MAX_KEYS} more" if len(refs) > MAX_KEYS else ""
    return f"{clean(text)}: {shown}{more}"


def _safe_key(key: str) -> str:
    """A key inside a code span: nothing in it may end the span."""
    return re.sub(r"[^A-Za-z0-9_./#-]", "", key)


def _state_line(rollup: CapabilityRollup | GoalRollup) -> str:
    words = [rollup.state.replace("-", " ")]
    if rollup.released:
        words.append("released")
    if rollup.blocked:
        words.append("blocked")
    if rollup.health:
        words.append(rollup.health.replace("-", " "))
    return ", ".join(words)


def _parts(goal: GoalRollup) -> tuple[CapabilityRollup | GoalRollup, ...]:
    return (goal, *goal.capabilities)


def _urgent(rollup: CapabilityRollup | GoalRollup) -> tuple[str, ...]:
    return (rollup.state, str(rollup.health), f"blocked={rollup.blocked}", f"released={rollup.released}")


def _counts_line(counts: Counts) -> str:
    if counts.scope == 0:
        return "No issue counts towards it yet"
    parts = [_done(counts), f"{counts.doing} under way"]
    waiting = counts.todo + counts.unknown
    parts.append(f"{waiting} to do")
    if counts.unknown:
        parts.append(f"{counts.unknown} of them with a status that no one explained")
    if counts.dropped:
        parts.append(f"{counts.dropped} dropped")
    return ", ".join(parts)


def _scope_lines(rollup: CapabilityRollup) -> list[str]:
    scope = rollup.scope
    if scope.baseline is None:
        return []
    since = "" if scope.complete_from_start or not scope.baseline_at else f" of {scope.baseline_at:%Y-%m-%d}"
    parts = [
        f"{sign}{len(refs)} {word}"
        for sign, refs, word in (
            ("+", scope.added, "added"),
            ("-", scope.dropped, "dropped"),
            ("-", scope.moved_out, "moved out"),
            ("-", scope.vanished, "vanished"),
        )
        if refs
    ]
    return [f"Scope: baseline{since} {scope.baseline}, {', '.join(parts)}"] if parts else []


def _growth(rollup: CapabilityRollup) -> str:
    scope = rollup.scope
    lost = len(scope.dropped) + len(scope.moved_out) + len(scope.vanished)
    parts = ([f"+{len(scope.added)}"] if scope.added else []) + ([f"-{lost}"] if lost else [])
    return " ".join(parts) or "none"


def _blocked_lines(
    rollup: CapabilityRollup, *, named: bool = False
) -> list[tuple[str, tuple[IssueRef, ...]]]:
    refs = tuple(i.ref for i in rollup.issues if i.state.blocked and i.state.state in ("todo", "doing"))
    if not refs:
        return []
    return [(f"Blocked in {rollup.title}" if named else "Blocked", refs)]


def _iteration_lines(rollup: CapabilityRollup) -> list[str]:
    lines = []
    for iteration in rollup.iterations:
        answers = [f"{n} {word}" for word, n in asdict(iteration.answers).items() if n]
        if iteration.counts.scope or answers:
            told = f"; experiments: {', '.join(answers)}" if answers else ""
            lines.append(f"Iteration {iteration.name}: {_fraction(iteration.counts)} done{told}")
    return lines


def _notes(rollup: CapabilityRollup) -> list[str]:
    """The roll-up's warnings without their codes; those that a line above already tells are left out."""
    told = ("unknown_status",)
    return [w.partition(": ")[2] for w in rollup.warnings if not w.startswith(told)]


def _override_lines(overrides: int) -> list[str]:
    if not overrides:
        return []
    return [f"{overrides} decision{'s' if overrides > 1 else ''} of people on labels respected"]


def _fraction(counts: Counts) -> str:
    return f"{counts.done} of {counts.scope}" if counts.scope else "no issues"


def _required(goal: GoalRollup) -> str:
    return f"{goal.required_total} required capabilities done"


def _done(counts: Counts) -> str:
    return f"{counts.done} of {_issues(counts.scope)} done"


def _issues(count: int) -> str:
    return f"{count} issue" if count == 1 else f"{count} issues"


def _footer(instance: str) -> str:
    return f"Rolled up by increment-sync ({instance}) from the issues that the teams' rules assign."
