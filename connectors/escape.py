"""Make text from trackers, plans and mappings harmless on one line of a terminal or a log.

The escapes of markups (``markdown.py``, ``jira/markup.py``) begin with it: they take any text and return one readable
line: no control characters, terminal sequences, right-to-left overrides or invisible characters, and at most ``limit``
characters of the original. Pass raw text, once. The result is not safe inside a code span. ``docs/untrusted-text.md``
lists every rule.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from connectors.text import is_joinable

MAX_LENGTH: Final = 300
"""Longer than any title: trackers allow 255 or 256 characters."""

ZERO_WIDTH_SPACE: Final = "\u200b"
"""Invisible, and ends every reference."""

MAX_SENTENCE: Final = 10_000
"""Longer than all sentences of ours with what they quote."""

_MAX_MARKS_IN_A_ROW: Final = 4
_JOINERS: Final = "\u200c\u200d"
_EMOJI_STYLE: Final = "\ufe0e\ufe0f"
_BLANKS: Final = "\u115f\u1160\u2800\u3164\uffa0"
_INVISIBLE_MARKS: Final = "\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f"
_TERMINAL_SEQUENCE: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
)


def escape_terminal(text: str, limit: int = MAX_LENGTH) -> str:
    """Return one line for a terminal or a log. Print it with markup disabled."""
    plain = _TERMINAL_SEQUENCE.sub("", text[:MAX_SENTENCE])
    characters: list[str] = []
    marks = 0
    for index, char in enumerate(plain):
        shown = _replacement_for(char, characters[-1] if characters else " ", plain[index + 1 : index + 2])
        marks = marks + 1 if shown and unicodedata.category(shown).startswith("M") else 0
        if shown and marks <= _MAX_MARKS_IN_A_ROW:
            characters.append(shown)
    line = " ".join("".join(characters).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip(_JOINERS + " ") + "…"


def escape_sentence(text: str) -> str:
    """Return one whole line for a terminal or a log, for a sentence of ours that quotes others.

    Nothing is cut off, because the advice stands at the end: bound the quoted parts where they are quoted.
    """
    return escape_terminal(text, MAX_SENTENCE)


def _replacement_for(char: str, before: str, after: str) -> str:
    """Return the character itself, a space or nothing."""
    if char.isspace() or char in _BLANKS:
        return " "
    if char in _JOINERS:
        return char if is_joinable(before) and is_joinable(after) else ""
    category = unicodedata.category(char)
    if category.startswith("M"):
        is_selector = "\ufe00" <= char <= "\ufe0f" or char >= "\U000e0000" or char in _INVISIBLE_MARKS
        is_visible = char in _EMOJI_STYLE and not before.isalpha() if is_selector else True
        return char if is_visible and before != " " else ""
    if category in ("Cc", "Cf", "Cs", "Co") or (category == "Cn" and _is_ignorable(char)):
        return ""
    return char


def _is_ignorable(char: str) -> bool:
    code = ord(char)
    return code == 0x2065 or 0xFFF0 <= code <= 0xFFFF or code >= 0xE0000 or code & 0xFFFE == 0xFFFE


_WWW: Final = re.compile(r"(www)(?=\.)", re.IGNORECASE)


def break_urls(line: str) -> str:
    """Return the line with a zero-width space in each URL, so that nothing makes a link of it."""
    return _WWW.sub(rf"\1{ZERO_WIDTH_SPACE}", line.replace("://", ZERO_WIDTH_SPACE + "://"))
