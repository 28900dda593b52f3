"""The text of a status comment on a tracker: GitHub Markdown or Jira wiki markup, harmless everywhere, within the
tracker's limits, and how our text is found again among what people wrote around it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sync.config.escape import neutral_github, neutral_jira
from sync.model.comments import Document, Line

MAX_KEYS = 8
MAX_TITLE = 120
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
class Rendered:
    """A comment's text with the two hashes that decide about edits."""

    body: str
    urgent_hash: str
    full_hash: str


def render(document: Document, kind: str) -> Rendered:
    """Write a document for ``github`` or ``jira``. What does not fit the tracker's limit leaves row by row."""
    write = _markdown if kind == "github" else _wiki
    body = write(document)
    while len(body) > MAX_LENGTH[kind] and (document.rows or document.lines):
        document = _shorter(document)
        body = write(document)
    return Rendered(body=body, urgent_hash=digest("\n".join(document.urgent)), full_hash=digest(body))


def _shorter(document: Document) -> Document:
    if document.rows:
        return replace(document, rows=document.rows[:-1], left_out=document.left_out + 1)
    return replace(document, lines=document.lines[:-1])


def with_notice(body: str, unreadable: Mapping[str, datetime], kind: str) -> str:
    """The old figures with a line that says since when which sources could not be read."""
    emphasis = "**" if kind == "github" else "*"
    neutral = neutral_github if kind == "github" else neutral_jira
    mark = f"{emphasis}{_UNREADABLE}"
    kept = [line for line in body.split("\n") if not line.startswith(mark)]
    if len(kept) != len(body.split("\n")):
        del kept[1]  # the empty line before the notice of last time
    notices = [
        f"{mark} {since:%Y-%m-%d %H:%M} UTC{emphasis}: {neutral(name)}. The figures below are from before."
        for name, since in sorted(unreadable.items())
    ]
    return "\n".join([*kept[:1], "", *notices, *kept[1:]])


def wrap(body: str, instance: str, subject: str) -> str:
    """Our text between the two hidden markers, as it stands in a GitHub comment."""
    return f"{_BEGIN.format(instance=instance, subject=subject)}\n{body}\n{_END}"


def find_block(text: str, instance: str, subject: str) -> str | None:
    """Our text inside a GitHub comment, or None when its markers are not of this instance and subject."""
    found = [m for m in _BLOCK.finditer(text) if (m["instance"], m["subject"]) == (instance, subject)]
    return found[0]["body"] if len(found) == 1 else None


def block_of(text: str) -> tuple[str, str] | None:
    """(instance, subject) of the first block of any installation in a GitHub comment."""
    found = _BLOCK.search(text)
    return (found["instance"], found["subject"]) if found else None


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
    lines = [f"**{clean(document.heading)}** ({clean(document.context)})", ""]
    lines += [f"**{clean(document.state)}**"]
    if document.lines:
        lines += ["", *(f"- {_sentence(line, clean, _code_span)}" for line in document.lines)]
    if document.rows:
        lines += ["", _row(document.header, clean), "|" + " --- |" * len(document.header)]
        lines += [_row(row, clean) for row in document.rows]
    lines += _left_out(document)
    return "\n".join([*lines, "", f"<sub>{clean(document.footer)}</sub>"])


def _wiki(document: Document) -> str:
    clean = neutral_jira
    lines = [f"*{clean(document.heading)}* ({clean(document.context)})", ""]
    lines += [f"*{clean(document.state)}*"]
    if document.lines:
        lines += ["", *(f"* {_sentence(line, clean, _monospaced)}" for line in document.lines)]
    if document.rows:
        lines += ["", "||" + "||".join(clean(cell) for cell in document.header) + "||"]
        lines += [_row(row, clean) for row in document.rows]
    lines += _left_out(document)
    return "\n".join([*lines, "", clean(document.footer)])


def _left_out(document: Document) -> list[str]:
    if not document.left_out:
        return []
    more = "1 more capability" if document.left_out == 1 else f"{document.left_out} more capabilities"
    return ["", f"and {more}"]


def _code_span(key: str) -> str:
    return f"`{key}`"


def _monospaced(key: str) -> str:
    return "{{" + key + "}}"


def _row(cells: Iterable[str], clean: Callable[[str, int], str]) -> str:
    return "| " + " | ".join(clean(cell, MAX_TITLE) or " " for cell in cells) + " |"


def _sentence(line: Line, clean: Callable[[str], str], code: Callable[[str], str]) -> str:
    if isinstance(line, str):
        return clean(line)
    text, refs = line
    shown = ", ".join(code(_safe_key(ref.key)) for ref in refs[:MAX_KEYS])
    more = f" and {len(refs) - MAX_KEYS} more" if len(refs) > MAX_KEYS else ""
    return f"{clean(text)}: {shown}{more}"


def _safe_key(key: str) -> str:
    """A key inside a code span: nothing in it may end the span."""
    return re.sub(r"[^A-Za-z0-9_./#-]", "", key)
