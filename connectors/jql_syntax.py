"""Syntax of a user's JQL, as far as every Jira refuses it. ``mappings check`` and each search use the same function."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

_Kind = Literal["value", "join", "not", "operator", "(", ")", ",", "start", "end"]

_TOKEN: Final = re.compile(
    r"""(?P<order>\border\s+by\b)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<sign>[<>]=?|!?[=~]|&&?|\|\|?|[!(),"'])
    |(?P<word>(?:\\.|[^\s"'=!<>~&|(),\\])+|\\)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_WORDS: Final[dict[str, _Kind]] = {
    **dict.fromkeys(("and", "or", "&", "&&", "|", "||"), "join"),
    **dict.fromkeys(("not", "!"), "not"),
    **dict.fromkeys(("=", "!=", "~", "!~", "<", "<=", ">", ">=", "in", "is", "was"), "operator"),
    "(": "(",
    ")": ")",
    ",": ",",
}
_OF_HISTORY: Final = frozenset(("after", "before", "by", "changed", "during", "from", "on", "to"))
"""Words that stand behind a value or a field: ``status changed from a to b``."""
_NEEDS_MORE: Final[frozenset[_Kind]] = frozenset(("start", "join", "not", "operator", "(", ","))
_SIGNS: Final = ("=", "!=", "~", "!~", "<", ">", "<=", ">=")
_CANNOT_BEGIN: Final[frozenset[_Kind]] = frozenset(("join", ")", ",", "end"))

_QUOTES: Final = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a\uff02\uff07"
_RESERVED: Final = "{}*/%+$#@?;"


class BadJql(ValueError):
    """A user's JQL that no Jira accepts, or that cannot be put into parentheses safely. The message says why."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: _Kind
    text: str
    start: int
    end: int


def without_order(jql: str) -> str:
    """Return the JQL without a trailing ORDER BY. BadJql if it cannot stand inside parentheses."""
    depth, end = 0, len(jql)
    tokens: list[_Token] = []
    for found in _TOKEN.finditer(jql):
        text = found.group()
        if text in "\"'":
            raise BadJql(f"a quotation mark ({text}) is not closed")
        depth += {"(": 1, ")": -1}.get(text, 0)
        if depth < 0:
            raise BadJql("a closing bracket has no opening one")
        if depth == 0 and found.lastgroup == "order":
            end = found.start()
            break
        kind = "value" if found.lastgroup == "text" else _WORDS.get(text.casefold(), "value")
        tokens.append(_Token(kind, text, found.start(), found.end()))
    if depth:
        raise BadJql("an opening bracket is not closed")
    _check_order_of(tokens)
    return jql[:end].strip()


def _check_order_of(tokens: list[_Token]) -> None:
    """Raise BadJql for neighbours that no JQL has."""
    if not tokens:
        return
    start, stop = _Token("start", "", 0, 0), _Token("end", "", 0, 0)
    is_call = False
    for before, token in zip([start, *tokens], [*tokens, stop], strict=True):
        if before.kind in _NEEDS_MORE and token.kind in _CANNOT_BEGIN and not (is_call and token.kind == ")"):
            raise BadJql(_missing(before, token))
        if token.kind == "operator" and before.kind in ("start", "join", "(", ","):
            raise BadJql(f'there is no field before "{token.text}"')
        if token.text in _SIGNS and before.kind == "operator":
            raise BadJql(f'"{before.text}" and "{token.text}" are two operators')
        if _are_unconnected(before, token):
            raise BadJql(
                f'nothing connects {before.text} and {token.text}; put a name with blanks into "quotation marks"'
            )
        is_call = token.kind == "(" and before.kind == "value"


def _are_unconnected(before: _Token, token: _Token) -> bool:
    if token.kind == "(":
        return before.kind == ")"
    if token.kind != "value" or before.kind not in ("value", ")") or before.end == token.start:
        return False
    is_index = before.text.endswith("[") or token.text.startswith(("[", "]"))  # cf [10020]
    return not is_index and _OF_HISTORY.isdisjoint((before.text.casefold(), token.text.casefold()))


def _missing(before: _Token, token: _Token) -> str:
    if before.kind == "start":
        return f'it begins with "{token.text}"'
    if token.kind == "end":
        return f'it ends with "{before.text}"'
    return f'nothing stands between "{before.text}" and "{token.text}"'


def doubtful_characters(jql: str) -> Iterator[str]:
    """Yield characters outside quotation marks that Jira reserves, and quotation marks that it does not know."""
    outside = "".join(found.group() for found in _TOKEN.finditer(jql) if found.lastgroup != "text")
    yield from dict.fromkeys(char for char in outside if char in _QUOTES or char in _RESERVED)
