"""Limits of CEL expressions, checked on their tokens before evaluation.

CEL evaluation has no time limit and cannot be interrupted, so expensive expressions are rejected here. This module
does not import the CEL library: workspaces without ``cel`` never load it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from connectors.text import normalize_text
from mappings.problems import suggestion
from mappings.rules.fields import CEL_FIELDS

MAX_LENGTH: Final = 500
MAX_COMPREHENSIONS: Final = 1
MAX_ENTRIES: Final = 100
"""Entries of a list. Longer literals are rejected, longer lists of an issue are truncated."""
MAX_PLUSES: Final = 10
MAX_PATTERNS: Final = 3

# Not `map`: its result, including nested lists, is copied with every entry that is added.
COMPREHENSIONS: Final = frozenset({"all", "exists", "exists_one", "filter"})

FUNCTIONS: Final = frozenset(
    {
        "contains",
        "double",
        "duration",
        "endsWith",
        "getDate",
        "getDayOfMonth",
        "getDayOfWeek",
        "getDayOfYear",
        "getFullYear",
        "getHours",
        "getMinutes",
        "getMonth",
        "getSeconds",
        "int",
        "matches",
        "size",
        "startsWith",
        "string",
        "timestamp",
    }
)

VARIABLES: Final = {name: f"{each.cel_type}: {each.description}" for name, each in CEL_FIELDS.items()}
"""Variables of an expression with their type and meaning."""

_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<text>[a-zA-Z]{0,2}(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>[0-9]+)
    |(?P<sign>.)""",
    re.VERBOSE,
)
_RAW: Final = re.compile(r"""[rR](?:"[^"\n]*"|'[^'\n]*')""")


class CelInvalid(ValueError):
    """Expression is rejected. The message is a sentence; line and column (from 1) are inside the expression."""

    def __init__(self, message: str, *, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """Token of an expression. Line and column start at 1."""

    kind: str
    """``text``, ``name``, ``number`` or ``sign``."""
    text: str
    offset: int
    """Offset of its first character, from 0."""
    line: int
    column: int

    def error(self, message: str) -> CelInvalid:
        return CelInvalid(message, line=self.line, column=self.column)


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedCel:
    """Expression within the limits, with the names it uses."""

    text: str
    names: frozenset[str]
    """Variables that it uses."""
    fields: tuple[str, ...]
    """Custom fields that it reads, as written."""
    patterns: tuple[tuple[Token, Token], ...] = ()
    """Each ``matches`` with its pattern literal."""
    literals: tuple[Token, ...] = ()
    """All text literals."""


def parse_cel(text: str) -> ParsedCel:
    """Parse an expression and check the limits. Raises CelInvalid."""
    if len(text) > MAX_LENGTH:
        raise CelInvalid(f"the expression is longer than {MAX_LENGTH} characters; split it into conditions.")
    text = normalize_text(text)
    tokens = tuple(_tokens(text))
    _reject_adjacent_texts(tokens)
    bound = _reject_expensive_calls(tokens)
    _reject_long_lists(tokens)
    patterns = _matches_patterns(tokens)
    names = [token for before, token, after in _with_neighbours(tokens) if _is_variable(before, token, after)]
    for token in names:
        if token.text not in VARIABLES and token.text not in bound:
            raise token.error(
                f'unknown name "{token.text}"; {suggestion(token.text, VARIABLES, kind="names")}'
            )
    used = frozenset(token.text for token in names) & VARIABLES.keys()
    literals = tuple(token for token in tokens if token.kind == "text")
    return ParsedCel(
        text=text, names=used, fields=_custom_fields(tokens), patterns=patterns, literals=literals
    )


def _tokens(text: str) -> Iterator[Token]:
    position, line, line_start = 0, 1, 0
    while position < len(text):
        match = _RAW.match(text, position) or _TOKEN.match(text, position)
        if match is None:
            break
        kind = match.lastgroup or "text"
        column = position - line_start + 1
        token = Token(kind=kind, text=match[0], offset=position, line=line, column=column)
        if kind == "text" and match[0][0] not in "\"'rR":
            raise token.error(
                "only plain texts and r'...' are supported; remove the letter before the quote."
            )
        if kind != "space":
            yield token
        if breaks := match[0].count("\n"):
            line += breaks
            line_start = position + match[0].rindex("\n") + 1
        position = match.end()


def _reject_adjacent_texts(tokens: tuple[Token, ...]) -> None:
    """Reject adjacent text literals.

    A triple-quoted text is tokenized as three texts, so its content could be mistaken for code."""
    for before, token in pairwise(tokens):
        if before.kind == token.kind == "text":
            raise token.error("two texts are adjacent; use one pair of quotes and an operator.")


def _with_neighbours(tokens: tuple[Token, ...]) -> Iterator[tuple[str, Token, str]]:
    """Yield every token with the texts of its neighbours."""
    texts = ["", *(token.text for token in tokens), ""]
    for index, token in enumerate(tokens):
        yield texts[index], token, texts[index + 2]


def _is_variable(before: str, token: Token, after: str) -> bool:
    literal = token.text in ("true", "false", "null", "in")
    return token.kind == "name" and before != "." and after != "(" and not literal and not before.isdigit()


def _reject_expensive_calls(tokens: tuple[Token, ...]) -> frozenset[str]:
    """Reject expensive or unknown calls. Return the names that comprehensions bind."""
    loops, pluses, bound = 0, 0, set[str]()
    for index, (_, token, after) in enumerate(_with_neighbours(tokens)):
        pluses += token.text == "+"
        if token.kind != "name" or after != "(" or token.text == "in":
            continue
        if token.text in COMPREHENSIONS:
            loops += 1
            bound.update(each.text for each in tokens[index + 2 : index + 3] if each.kind == "name")
            if loops > MAX_COMPREHENSIONS:
                known = ", ".join(sorted(COMPREHENSIONS))
                raise token.error(f"only one of {known} is allowed in an expression; split it into rules.")
        elif token.text not in FUNCTIONS:
            raise token.error(_unknown_function(token.text))
    limit = 0 if loops else MAX_PLUSES
    if pluses > limit:
        plus = [token for token in tokens if token.text == "+"][limit]
        where = "together with a comprehension" if loops else f"more than {MAX_PLUSES} times"
        raise plus.error(f"`+` is not allowed {where}, because texts and lists could grow; remove it.")
    return frozenset(bound)


def _unknown_function(name: str) -> str:
    if name == "map":
        return "`map` is not allowed, because its lists could grow; use `exists`, `all` or `filter`."
    if name == "has":
        return "`has` is not needed: every field is a list, empty without a value; write size(...) > 0."
    return f'unknown function "{name}"; {suggestion(name, FUNCTIONS | COMPREHENSIONS, kind="functions")}'


def _reject_long_lists(tokens: tuple[Token, ...]) -> None:
    """Reject more than ``MAX_ENTRIES`` entries between one pair of brackets or braces."""
    open_brackets: list[int] = []
    for token in tokens:
        if token.kind != "sign":
            continue
        if token.text in "([{":
            open_brackets.append(0)
        elif token.text in ")]}" and open_brackets:
            open_brackets.pop()
        elif token.text == "," and open_brackets:
            open_brackets[-1] += 1
            if open_brackets[-1] >= MAX_ENTRIES:
                raise token.error(f"a list may have {MAX_ENTRIES} entries at most; shorten it.")


def _matches_patterns(tokens: tuple[Token, ...]) -> tuple[tuple[Token, Token], ...]:
    found: list[tuple[Token, Token]] = []
    for index, (before, token, after) in enumerate(_with_neighbours(tokens)):
        if token.text != "matches" or after != "(":
            continue
        argument = tokens[index + 2 : index + 4]
        if before != "." or len(argument) < 2 or argument[0].kind != "text" or argument[1].text != ")":
            raise token.error("`matches` takes one pattern, written out: title.matches('(?i)churn').")
        found.append((token, argument[0]))
        if len(found) > MAX_PATTERNS:
            raise token.error(f"`matches` is allowed {MAX_PATTERNS} times at most; split the expression.")
    return tuple(found)


def _custom_fields(tokens: tuple[Token, ...]) -> tuple[str, ...]:
    found: list[str] = []
    for index, (before, token, after) in enumerate(_with_neighbours(tokens)):
        if token.text != "fields" or before == ".":
            continue
        name, behind = [*tokens[index + 2 : index + 4], token, token][:2]
        if after == "." and name.kind == "name" and behind.text != "(":
            found.append(name.text)
        elif after == "[" and name.kind == "text" and "\\" not in name.text:
            found.append(name.text.strip("rR")[1:-1] if name.text[0] in "rR" else name.text[1:-1])
        else:
            raise token.error('write the name of the field, so that it can be requested: fields["Team"].')
    return tuple(dict.fromkeys(found))
