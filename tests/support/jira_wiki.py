"""Parser of one line of Jira wiki markup that reports everything beyond plain text.

Based on "Text Formatting Notation Help" (``/secure/WikiRendererHelpAction.jspa?section=all`` of a Jira) and,
where that page says nothing, on two programs of Atlassian: characters that a backslash escapes
(``BackslashEscapeRendererComponent``), context of text effects (``PhraseRendererComponent``), and
the end of a cell at an escaped ``|`` (``editor-wikimarkup-transformer``). Where they differ, markup counts if any of
them recognizes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ESCAPABLE = "-#*_+?^~|%{}[]()!@"
EMOTICONS = (
    *(":)", ":-)", ":(", ":-(", ":P", ":-P", ":p", ":-p", ":D", ":-D", ";)", ";-)"),
    *("(y)", "(n)", "(i)", "(/)", "(x)", "(!)", "(+)", "(-)", "(?)", "(on)", "(off)"),
    *("(*)", "(*r)", "(*g)", "(*b)", "(*y)", "(flag)", "(flagoff)"),
)

_AT_LINE_START = (
    ("heading", re.compile(r"h[1-6]\.", re.IGNORECASE)),
    ("quote", re.compile(r"bq\.", re.IGNORECASE)),
    ("rule", re.compile(r"-{4,}")),
    ("list", re.compile(r"[*#-]+(?=\s|$)")),
)
_ANYWHERE = (
    ("line break", re.compile(r"\\\\")),
    ("monospaced", re.compile(r"\{\{.+?\}\}")),
    ("macro", re.compile(r"\{[A-Za-z][\w-]*(?::[^}]*)?\}")),
    ("effect", re.compile(r"\{(?:[*_+^~-]|\?\?)\}")),
    ("mention", re.compile(r"\[~[^\]]+\]|@\w")),
    ("attachment", re.compile(r"\[\^[^\]]+\]")),
    ("anchor", re.compile(r"\[#[^\]]+\]")),
    ("link", re.compile(r"\[[^\]]+\]")),
    ("image", re.compile(r"![^\s!][^!]*!")),
    ("emoticon", re.compile("|".join(re.escape(each) for each in sorted(EMOTICONS, key=len, reverse=True)))),
    ("entity", re.compile(r"&#?\w+;")),
    ("dash", re.compile(r"-{2,3}")),
)
_AFTER_NO_LETTER = (
    ("url", re.compile(r"[A-Za-z][\w+.-]*://\S|(?:mailto|file):\S", re.IGNORECASE)),
    ("issue key", re.compile(r"[A-Z][A-Z0-9_]+-[0-9]+")),
    ("citation", re.compile(r"\?\?[^\s?](?:.*?[^\s\\])??\?\?(?!\w)")),
    *(
        ("effect", re.compile(rf"{mark}[^\s{mark}](?:.*?[^\s\\])??{mark}(?![^\W_])"))
        for mark in (r"\*", "_", "-", r"\+", r"\^", "~")
    ),
)


@dataclass(frozen=True, slots=True)
class Token:
    """Piece of a line. ``kind`` is ``text`` or the recognized markup."""

    kind: str
    text: str


def cells_of(row: str) -> list[list[Token]]:
    """Return the cells of a table row such as ``|one|two|``. An escaped bar ends a cell, too."""
    return [tokens_of(cell) for cell in re.split(r"\|{1,2}", row)[1:-1]]


def tokens_of(line: str) -> list[Token]:
    """Return the tokens of one line that is no table row, with adjacent text joined."""
    found: list[Token] = []
    at = 0
    while at < len(line):
        token, length = _next(line, at)
        if token.kind == "text" and found and found[-1].kind == "text":
            found[-1] = Token("text", found[-1].text + token.text)
        else:
            found.append(token)
        at += length
    return found


def _next(line: str, at: int) -> tuple[Token, int]:
    """Return the token at this position, and its length."""
    if line[at] == "\\" and line[at + 1 : at + 2] in tuple(ESCAPABLE):
        return Token("text", line[at + 1]), 2
    rules = [*(_AT_LINE_START if not line[:at].strip() else ()), *_ANYWHERE]
    if at == 0 or not line[at - 1].isalnum():
        rules += _AFTER_NO_LETTER
    for kind, pattern in rules:
        match = pattern.match(line, at)
        if match:
            return Token(kind, match[0]), len(match[0])
    if line[at] == "|":
        return Token("bar", "|"), 1
    return Token("text", line[at]), 1
