"""Escaping of text from issues, plans and mappings before it is written anywhere.

Every function takes any text and returns one readable line: no control characters, terminal sequences, right-to-left
overrides or invisible characters, and at most ``limit`` characters of the original. Pass raw text, once. The result is
not safe inside a code span or ``{{ }}``. ``docs/untrusted-text.md`` lists every rule.

GitHub
    Sources: GitHub docs, "Autolinked references and URLs"; GFM specification; github/markup issue 1168; html-pipeline
    issue 232; the practice of dependabot and Renovate.

    GitHub looks for mentions, ``#12``, ``GH-12``, ``o/r#12``, commit hashes and autolink prefixes in the *rendered*
    text. Neither a backslash nor an entity stops them, but a zero-width space inside the reference does, and without a
    reference the closing keywords have no effect. URLs get the space before ``://``. Prefixes of custom autolinks may
    be any letters, digits and ``.-_+=:/#`` (GitHub changelog, 2021-11-04). Broken up are ``ABC-1``, ``TICK:1``,
    ``A=1``, ``A+1`` and capitals before a number. Left alone are lower-case prefixes without a separator (``bug12``),
    prefixes that end in ``.``, ``_`` or ``/``, and alphanumeric numbers (``ABC-x``): most text of that shape is no
    reference.

    Backslashes stop markup. ``< > & | \\`` become entities, because our own hidden markers are searched in the raw
    text, and because tables are split before escapes are read. ``$`` starts mathematics; GitHub documents a span
    around it as the escape.

Jira
    Source: the escape list of Jira's BackslashEscapeRendererComponent, repeated by Atlassian's wiki markup transformer
    for Jira Cloud.

    Backslashes stop markup, macros and mentions. An escaped ``|`` still ends a table cell in that transformer, so a
    broken bar replaces it. A backslash in the text is separated from the next character, because two make a line
    break. ``mailto:`` and ``file:`` make links without ``//`` and get a zero-width space before the colon. Issue keys
    are left alone: on Jira they become links that notify nobody and leave no trace on the other issue.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_LENGTH: Final = 300
"""Longer than any title: GitHub allows 256 characters, Jira 255."""

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
        return char if _is_joined(before) and _is_joined(after) else ""
    category = unicodedata.category(char)
    if category.startswith("M"):
        is_selector = "\ufe00" <= char <= "\ufe0f" or char >= "\U000e0000" or char in _INVISIBLE_MARKS
        is_visible = char in _EMOJI_STYLE and not before.isalpha() if is_selector else True
        return char if is_visible and before != " " else ""
    if category in ("Cc", "Cf", "Cs", "Co") or (category == "Cn" and _is_ignorable(char)):
        return ""
    return char


def _is_joined(char: str) -> bool:
    """Return True for characters that a joiner may connect: letters of some scripts, and emoji."""
    return char > "\x7f" and unicodedata.category(char)[0] in "LMS"


def _is_ignorable(char: str) -> bool:
    code = ord(char)
    return code == 0x2065 or 0xFFF0 <= code <= 0xFFFF or code >= 0xE0000 or code & 0xFFFE == 0xFFFE


_ISSUE_KEY: Final = re.compile(r"((?<![A-Za-z])[A-Z]{2,}|[A-Za-z][A-Za-z0-9_]*[-:+=]+)(?=[0-9])")
_COMMIT_HASH: Final = re.compile(r"(?<![0-9A-Za-z])[0-9a-fA-F]{7,}(?![0-9A-Za-z])")
_SIX_CHARACTERS: Final = re.compile(r"(.{6})(?=.)")
_SHORTCODE: Final = re.compile(r":(?=[\w+-]+:)")
_SHORTCODE_AT_END: Final = re.compile(r"(?<=:)(?!\d\d?$)[\w+-]+$")
_WWW: Final = re.compile(r"(www)(?=\.)", re.IGNORECASE)
_MARKDOWN_START: Final = re.compile(r"[-+=:]|[0-9]+(?=[.)])")

_MARKDOWN_ESCAPES: Final = str.maketrans(
    {char: "\\" + char for char in "`*_[]~#"}
    | {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "\\": "&#92;", "$": "<span>$</span>"}
)


def escape_github(text: str, limit: int = MAX_LENGTH) -> str:
    """Return one line of GitHub Markdown that shows the text without any effect, in a sentence or a table cell."""
    line = escape_terminal(text, limit)
    line = line.replace("@", "@" + ZERO_WIDTH_SPACE).replace("#", "#" + ZERO_WIDTH_SPACE)
    line = _break_urls(line)
    line = _ISSUE_KEY.sub(rf"\1{ZERO_WIDTH_SPACE}", line)
    line = _COMMIT_HASH.sub(lambda found: _SIX_CHARACTERS.sub(rf"\1{ZERO_WIDTH_SPACE}", found[0]), line)
    line = _SHORTCODE_AT_END.sub(rf"\g<0>{ZERO_WIDTH_SPACE}", _SHORTCODE.sub(":" + ZERO_WIDTH_SPACE, line))
    # List markers and headings count at the start of a line only.
    start = _MARKDOWN_START.match(line)
    head = "" if not start else "\\" + start[0] if not start[0].isdigit() else start[0] + "\\"
    return head + line[start.end() if start else 0 :].translate(_MARKDOWN_ESCAPES)


def _break_urls(line: str) -> str:
    return _WWW.sub(rf"\1{ZERO_WIDTH_SPACE}", line.replace("://", ZERO_WIDTH_SPACE + "://"))


_EMOTICON: Final = re.compile(r"([:;])(?=-?[()DPp])|\((?=(?:[/xyni!?+*-]|on|off|\*[rgby]|flag|flagoff)\))")
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")
_MAILTO_OR_FILE: Final = re.compile(r"(?<![0-9A-Za-z])(mailto|file)(?=:\S)", re.IGNORECASE)
_CITATION: Final = re.compile(r"\?(?=\?)")
_WIKI_START: Final = re.compile(r"^(h[1-6]|bq)(?=\.)", re.IGNORECASE)
_STRIKETHROUGH: Final = re.compile(r"^-|(?<![0-9A-Za-z])-(?=\S|$)|-(?=-)|(?<=-)-")

_WIKI_ESCAPES: Final = str.maketrans(
    {char: "\\" + char for char in "*_+^~{}[]"}
    | {"|": "¦", "\\": "\\" + ZERO_WIDTH_SPACE, "@": "\\@" + ZERO_WIDTH_SPACE, "!": "\\!", "#": "\\#"}
)


def escape_jira(text: str, limit: int = MAX_LENGTH) -> str:
    """Return one line of Jira wiki markup that shows the text without any effect, in a sentence or a table cell."""
    line = _break_urls(escape_terminal(text, limit))
    line = _MAILTO_OR_FILE.sub(rf"\1{ZERO_WIDTH_SPACE}", line)
    line = _WIKI_START.sub(rf"\1{ZERO_WIDTH_SPACE}", line)
    line = _ENTITY.sub("&" + ZERO_WIDTH_SPACE, line).translate(_WIKI_ESCAPES)
    line = _CITATION.sub("?" + ZERO_WIDTH_SPACE, line)
    line = _EMOTICON.sub(lambda found: found[1] + ZERO_WIDTH_SPACE if found[1] else "\\(", line)
    return _STRIKETHROUGH.sub(r"\\-", line)
