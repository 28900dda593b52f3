"""Parser of the JQL subset that the Jira sandbox supports: text in, syntax tree out, or JqlError.

Supported: AND OR NOT and their symbols, parentheses, ``= != < <= > >= ~ !~``, ``[not] in (...)``,
``is [not] EMPTY``, quoted strings, ``cf[10020]``, functions without arguments, ORDER BY. As in Jira, NOT is
pushed down to the operators: ``NOT labels = x`` means ``labels != x``, which leaves out empty fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, cast

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedToken, v_args

from connectors.sandbox.jira.jql_words import RESERVED_WORDS

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~", "!~"]

_OPPOSITES: Final[dict[Operator, Operator]] = {
    "=": "!=",
    "!=": "=",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "~": "!~",
    "!~": "~",
}
_GRAMMAR: Final = r"""
    start: [any] [order_by]
    any: all (_OR all)*
    all: _term (_AND _term)*
    _term: negation | clause | "(" any ")"
    negation: NOT _term
    clause: field OPERATOR operand -> comparison
        | field membership (operand | "(" operand ("," operand)* ")") -> comparison
        | field _IS [NOT] operand -> emptiness
    membership: [NOT] _IN
    operand: EMPTY -> empty
        | WORD "(" ")" -> call
        | (WORD | STRING) -> value
    order_by: _ORDER _BY order_term ("," order_term)*
    order_term: field [ASC | DESC]
    ?field: WORD | STRING | CUSTOM_FIELD

    STRING: /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/s
    OPERATOR: /[<>]=?|!?[=~]/
    CUSTOM_FIELD.1: /cf\s*\[\s*\d+\s*\]/i
    WORD: /[^\s"'=!<>~&|(),\[\]{}*\/%+^$#@?;]+/
    _AND: /&&?/
    _OR: /\|\|?/
    NOT: /!(?![=~])/
    %declare _IN _IS _ORDER _BY ASC DESC EMPTY
    %ignore /\s+/
"""
_KEYWORDS: Final = {
    "and": "_AND",
    "or": "_OR",
    "not": "NOT",
    "in": "_IN",
    "is": "_IS",
    "order": "_ORDER",
    "by": "_BY",
    "asc": "ASC",
    "desc": "DESC",
    "empty": "EMPTY",
    "null": "EMPTY",
}
_EXPECTATIONS: Final = (
    ("EMPTY", "a value"),
    ("WORD", "a field name"),
    ("OPERATOR", "operator"),
    ("_IN", "'in'"),
    ("_BY", "'by'"),
    ("RPAR", "')'"),
)
"""Terminal -> Jira's name for it in an error; the first terminal that the parser accepts counts."""


class JqlError(ValueError):
    """The query cannot be answered; the text is what Jira puts into ``errorMessages``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Operand:
    """A literal, a function call, or EMPTY."""

    kind: Literal["value", "call", "empty"]
    text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Clause:
    """``field operator operands``; several operands only with ``=`` (in) and ``!=`` (not in)."""

    field: str
    operator: Operator
    operands: tuple[Operand, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CompoundClause:
    """Clauses joined by AND (``match_all``) or by OR."""

    match_all: bool
    clauses: tuple[Node, ...]


Node = Clause | CompoundClause


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderTerm:
    """One field of ORDER BY."""

    field: str
    descending: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class JqlQuery:
    """A parsed query; ``where`` is None for a query without restrictions."""

    where: Node | None
    order_by: tuple[OrderTerm, ...] = ()


def parse_jql(text: str) -> JqlQuery:
    """Return the syntax tree of a query. JqlError with a sentence in Jira's words for invalid syntax."""
    try:
        query: JqlQuery = _PARSER.parse(text)  # type: ignore[assignment]
    except UnexpectedCharacters as error:
        raise JqlError(_describe_character(text, error.pos_in_stream or 0)) from error
    except UnexpectedToken as error:
        raise JqlError(_describe_token(error, len(text))) from error
    return query


def negate(node: Node) -> Node:
    """Return the node that matches where this one does not, by De Morgan's laws and the opposite operators."""
    if isinstance(node, CompoundClause):
        return CompoundClause(match_all=not node.match_all, clauses=tuple(map(negate, node.clauses)))
    return replace(node, operator=_OPPOSITES[node.operator])


@v_args(inline=True)
class _TreeBuilder(Transformer[Token, Any]):
    """Turns matches of the grammar into nodes of the syntax tree, bottom up."""

    def start(self, where: Node | None, order_by: tuple[OrderTerm, ...] | None) -> JqlQuery:
        return JqlQuery(where=where, order_by=order_by or ())

    def any(self, *clauses: Node) -> Node:
        return clauses[0] if len(clauses) == 1 else CompoundClause(match_all=False, clauses=clauses)

    def all(self, *clauses: Node) -> Node:
        return clauses[0] if len(clauses) == 1 else CompoundClause(match_all=True, clauses=clauses)

    def negation(self, _not: Token, node: Node) -> Node:
        return negate(node)

    def comparison(self, field: str, operator: str, *operands: Operand) -> Clause:
        return Clause(field=str(field), operator=cast("Operator", str(operator)), operands=operands)

    def emptiness(self, field: str, negated: Token | None, operand: Operand) -> Clause:
        if operand.kind != "empty":
            words = "is not" if negated else "is"
            raise JqlError(f"Error in the JQL Query: The operator '{words}' takes only EMPTY or NULL.")
        return Clause(field=str(field), operator="!=" if negated else "=", operands=(operand,))

    def membership(self, negated: Token | None) -> Operator:
        return "!=" if negated else "="

    def empty(self, _empty: Token) -> Operand:
        return Operand(kind="empty")

    def call(self, name: Token) -> Operand:
        return Operand(kind="call", text=name.lower())

    def value(self, text: Token) -> Operand:
        return Operand(kind="value", text=str(text))

    def order_by(self, *terms: OrderTerm) -> tuple[OrderTerm, ...]:
        return terms

    def order_term(self, field: str, direction: Token | None) -> OrderTerm:
        return OrderTerm(field=str(field), descending=direction is not None and direction.type == "DESC")


def _classify_word(token: Token) -> Token:
    """Give keywords and other reserved words terminals of their own; the grammar accepts no RESERVED."""
    word = token.lower()
    default = "RESERVED" if word in RESERVED_WORDS else "WORD"
    return token.update(type=_KEYWORDS.get(word, default))


def _unquote(token: Token) -> Token:
    return token.update(value=re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL))


def _describe_character(text: str, position: int) -> str:
    character = text[position]
    if character in "\"'":
        problem = f"The quoted string '{text[position + 1 :]}' is not closed."
    else:
        problem = (
            f"The character '{character}' is a reserved JQL character. "
            f"You must enclose it in a string or use the escape '\\u{ord(character):04x}' instead."
        )
    return f"Error in the JQL Query: {problem} {_place(position)}"


def _describe_token(error: UnexpectedToken, length: int) -> str:
    token, accepted = error.token, error.accepts or set()
    place = _place(length if token.type == "$END" else token.start_pos or 0)
    if "WORD" in accepted and token.lower() in RESERVED_WORDS and token.type != "STRING":
        problem = (
            f"'{token}' is a reserved JQL word. You must surround it in quotation marks to use it in a query."
        )
        return f"Error in the JQL Query: {problem} {place}"
    expected = next(
        (text for terminal, text in _EXPECTATIONS if terminal in accepted), "either 'OR' or 'AND'"
    )
    found = "the end of the query" if token.type == "$END" else f"'{token}'"
    return f"Error in the JQL Query: Expecting {expected} but got {found}. {place}"


def _place(position: int) -> str:
    return f"(line 1, character {position + 1})"


_PARSER: Final = Lark(
    _GRAMMAR,
    parser="lalr",
    lexer="basic",
    maybe_placeholders=True,
    transformer=_TreeBuilder(),
    lexer_callbacks={"WORD": _classify_word, "STRING": _unquote},
)
