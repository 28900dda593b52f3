"""Status comments as text, in the markup of a connector.

Text from issues is escaped, and the size stays within the limits of the tracker. Where a tracker keeps no marker beside
a comment, two hidden markers in the text enclose the block of increment-sync, so that text of people around it stays
untouched.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.spec import Markup
from connectors.wording import pluralize
from sync.model.comments import CommentContent, ContentLine

MAX_KEYS = 8
MAX_TITLE = 120

_BEGIN = "<!-- increment-sync:begin instance={instance} subject={subject} -->"
_END = "<!-- increment-sync:end -->"
_BLOCK = re.compile(
    r"^<!-- increment-sync:begin instance=(?P<instance>\S+) subject=(?P<subject>\S+) -->\n?"
    r"(?P<body>.*?)\n?<!-- increment-sync:end -->",
    re.DOTALL | re.MULTILINE,
)
"""Matches at the start of a line only. In a quotation (``> <!-- ...``) the block is not ours."""
_UNREADABLE = "Unreadable since"


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderedComment:
    """Text of a comment, with the two hashes that decide about edits."""

    body: str
    urgent_hash: str
    full_hash: str


def render_comment(content: CommentContent, markup: Markup) -> RenderedComment:
    """Render content. Rows that exceed the size limit of the markup are omitted from the end."""
    body = _render(content, markup)
    while len(body) > markup.max_length and (content.rows or content.lines):
        content = _shorten(content)
        body = _render(content, markup)
    return RenderedComment(
        body=body, urgent_hash=text_digest("\n".join(content.urgent_parts)), full_hash=text_digest(body)
    )


def _shorten(content: CommentContent) -> CommentContent:
    if content.rows:
        return replace(content, rows=content.rows[:-1], omitted_rows=content.omitted_rows + 1)
    return replace(content, lines=content.lines[:-1])


def add_unreadable_notice(body: str, unreadable: Mapping[str, datetime], markup: Markup) -> str:
    """Return the earlier text with one line for each unreadable source and the time of its last success (UTC)."""
    escape, bold = markup.escape, markup.bold
    mark = f"{bold}{_UNREADABLE}"
    remaining = [line for line in body.split("\n") if not line.startswith(mark)]
    if len(remaining) != len(body.split("\n")):
        del remaining[1]  # the empty line before the earlier notice
    notices = [
        f"{mark} {since:%Y-%m-%d %H:%M} UTC{bold}: {escape(name)}. The numbers below are older."
        for name, since in sorted(unreadable.items())
    ]
    return "\n".join([*remaining[:1], "", *notices, *remaining[1:]])


def wrap_block(body: str, instance: str, subject: str) -> str:
    """Return the text between the two hidden markers, as it is written where they are in the text."""
    return f"{_BEGIN.format(instance=instance, subject=subject)}\n{body}\n{_END}"


def find_block(text: str, instance: str, subject: str) -> str | None:
    """Return the text of our block in a comment; None unless exactly one block has this instance and subject."""
    found = [m for m in _BLOCK.finditer(text) if (m["instance"], m["subject"]) == (instance, subject)]
    return found[0]["body"] if len(found) == 1 else None


def find_any_block(text: str) -> tuple[str, str] | None:
    """Return (instance, subject) of the first block in a comment, of any instance."""
    found = _BLOCK.search(text)
    return (found["instance"], found["subject"]) if found else None


def replace_block(text: str, body: str, instance: str, subjects: tuple[str, ...]) -> str:
    """Return the comment with our block replaced; text outside the block stays unchanged.

    ``subjects``: the current subject, then its former names. The new block gets the current one.
    """
    ours = wrap_block(body, instance, subjects[0])
    match = _find_own_block(text, instance, subjects)
    return text[: match.start()] + ours + text[match.end() :] if match else ours


def remove_block(text: str, instance: str, subjects: tuple[str, ...]) -> str:
    """Return the text that people wrote around our block; empty if there is none."""
    match = _find_own_block(text, instance, subjects)
    return (text[: match.start()] + text[match.end() :]).strip() if match else ""


def _find_own_block(text: str, instance: str, subjects: tuple[str, ...]) -> re.Match[str] | None:
    found = (m for m in _BLOCK.finditer(text) if m["instance"] == instance and m["subject"] in subjects)
    return next(found, None)


def text_digest(text: str) -> str:
    """Return a short hash of a text. White space at line ends is ignored."""
    normal = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip().split("\n"))
    return hashlib.sha256(normal.encode()).hexdigest()[:24]


def _render(content: CommentContent, markup: Markup) -> str:
    escape, bold = markup.escape, markup.bold
    lines = [f"{bold}{escape(content.heading)}{bold} ({escape(content.context)})", ""]
    lines += [f"{bold}{escape(content.state)}{bold}"]
    if content.lines:
        lines += ["", *(f"{markup.bullet} {_line(line, markup)}" for line in content.lines)]
    if content.rows:
        lines += ["", *markup.table_header(escape(cell) for cell in content.header)]
        lines += [_row(row, escape) for row in content.rows]
    lines += _omitted_line(content)
    before, after = markup.footer
    return "\n".join([*lines, "", f"{before}{escape(content.footer)}{after}"])


def _omitted_line(content: CommentContent) -> list[str]:
    if not content.omitted_rows:
        return []
    more = pluralize(content.omitted_rows, "more capability")
    return ["", f"and {more}"]


def _row(cells: Iterable[str], escape: Callable[..., str]) -> str:
    return "| " + " | ".join(escape(cell, MAX_TITLE) or " " for cell in cells) + " |"


def _line(line: ContentLine, markup: Markup) -> str:
    if isinstance(line, str):
        return markup.escape(line)
    text, refs = line
    before, after = markup.code
    shown = ", ".join(f"{before}{_safe_key(ref.key)}{after}" for ref in refs[:MAX_KEYS])
    more = f" and {len(refs) - MAX_KEYS} more" if len(refs) > MAX_KEYS else ""
    return f"{markup.escape(text)}: {shown}{more}"


def _safe_key(key: str) -> str:
    """Remove characters that could end a code span."""
    return re.sub(r"[^A-Za-z0-9_./#-]", "", key)
