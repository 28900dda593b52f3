"""Reads the subset of JQL that the embedded Jira understands: text in, syntax tree out, or JqlError.

Understood: AND OR NOT and their symbols, parentheses, ``= != < <= > >= ~ !~``, ``[not] in (...)``,
``is [not] EMPTY``, quoted strings, ``cf[10020]``, functions without evaluation, ORDER BY. NOT is pushed down
to the operators, as Jira does: ``NOT labels = x`` means ``labels != x``, which leaves out empty fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from connectors.sandbox.jira.jql_words import RESERVED

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~", "!~"]

_OPPOSITE: Final[dict[Operator, Operator]] = {
    "=": "!=",
    "!=": "=",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "~": "!~",
    "!~": "~",
}

_TOKEN: Final = re.compile(
    r"""(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    |(?P<symbol>!=|!~|>=|<=|&&|\|\||[=<>~!&|(),\[\]])
    |(?P<word>[^\s"'=!<>~&|(),\[\]{}*/%+^$\#@?;]+)""",
    re.VERBOSE | re.DOTALL,
)


class JqlError(ValueError):
    """The query cannot be answered; the text is what Jira would put into ``errorMessages``."""


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
    """Parts that must all hold (``every``) or of which one must hold."""

    match_all: bool
    clauses: tuple[Node, ...]


Node = Clause | CompoundClause


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderTerm:
    field: str
    descending: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class JqlQuery:
    where: Node | None
    order_by: tuple[OrderTerm, ...] = ()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words

    def is_symbol(self, *symbols: str) -> bool:
        return self.kind == "symbol" and self.text in symbols


def parse_jql(text: str) -> JqlQuery:
    """The syntax tree of a query. JqlError with a sentence in Jira's manner when it cannot be read."""
    return _Parser(text).query()


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            raise JqlError(_unreadable(text, at))
        kind = match.lastgroup or "word"
        content = _unquoted(match.group()) if kind == "string" else match.group()
        found.append(_Token(kind, content, at))
        at = match.end()
    return [*found, _Token("end", "", len(text))]


def _unreadable(text: str, at: int) -> str:
    if text[at] in "\"'":
        return f"Error in the JQL Query: The quoted string '{text[at + 1 :]}' is not closed. {_place(at)}"
    return (
        f"Error in the JQL Query: The character '{text[at]}' is a reserved JQL character. "
        f"You must enclose it in a string or use the escape '\\u{ord(text[at]):04x}' instead. {_place(at)}"
    )


def _place(at: int) -> str:
    return f"(line 1, character {at + 1})"


def _unquoted(literal: str) -> str:
    return re.sub(r"\\(.)", r"\1", literal[1:-1], flags=re.DOTALL)


def negate(node: Node) -> Node:
    """The node that holds where this one was asked not to, by De Morgan and the opposite operators."""
    if isinstance(node, CompoundClause):
        return CompoundClause(
            match_all=not node.match_all, clauses=tuple(negate(part) for part in node.clauses)
        )
    return Clause(field=node.field, operator=_OPPOSITE[node.operator], operands=node.operands)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def query(self) -> JqlQuery:
        where = None if self._token.kind == "end" or self._token.is_word("order") else self._any_of()
        order = self._order() if self._token.is_word("order") else ()
        if self._token.kind != "end":
            self._fail("either 'OR' or 'AND'")
        return JqlQuery(where=where, order_by=order)

    @property
    def _token(self) -> _Token:
        return self._tokens[self._at]

    def _next(self) -> _Token:
        token = self._token
        self._at += token.kind != "end"
        return token

    def _took(self, *spellings: str) -> bool:
        hit = self._token.is_word(*spellings) or self._token.is_symbol(*spellings)
        self._at += hit
        return hit

    def _need(self, spelling: str) -> None:
        if not self._took(spelling):
            self._fail(f"'{spelling}'")

    def _fail(self, expected: str) -> NoReturn:
        got = f"'{self._token.text}'" if self._token.kind != "end" else "the end of the query"
        raise JqlError(
            f"Error in the JQL Query: Expecting {expected} but got {got}. {_place(self._token.at)}"
        )

    def _any_of(self) -> Node:
        parts = [self._all_of()]
        while self._took("or", "||", "|"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else CompoundClause(match_all=False, clauses=tuple(parts))

    def _all_of(self) -> Node:
        parts = [self._term()]
        while self._took("and", "&&", "&"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else CompoundClause(match_all=True, clauses=tuple(parts))

    def _term(self) -> Node:
        if self._took("not", "!"):
            return negate(self._term())
        if self._took("("):
            inside = self._any_of()
            self._need(")")
            return inside
        return self._clause()

    def _clause(self) -> Clause:
        field = self._field()
        operator = self._operator()
        if operator in ("in", "not in"):
            return Clause(field=field, operator="=" if operator == "in" else "!=", operands=self._list())
        if operator in ("is", "is not"):
            operand = self._operand()
            if operand.kind != "empty":
                raise JqlError(f"Error in the JQL Query: The operator '{operator}' takes only EMPTY or NULL.")
            return Clause(field=field, operator="=" if operator == "is" else "!=", operands=(operand,))
        return Clause(field=field, operator=_as_operator(operator), operands=(self._operand(),))

    def _field(self) -> str:
        if self._took("cf"):
            self._need("[")
            number = self._next().text
            self._need("]")
            return f"cf[{number}]"
        return self._name("a field name")

    def _name(self, expected: str) -> str:
        token = self._token
        if token.kind not in ("word", "string"):
            self._fail(expected)
        if token.kind == "word" and token.text.lower() in RESERVED:
            raise JqlError(
                f"Error in the JQL Query: '{token.text}' is a reserved JQL word. You must "
                f"surround it in quotation marks to use it in a query. {_place(token.at)}"
            )
        return self._next().text

    def _operator(self) -> str:
        if self._took("in"):
            return "in"
        if self._took("is"):
            return "is not" if self._took("not") else "is"
        if self._took("not"):
            self._need("in")
            return "not in"
        if not self._token.is_symbol(*_OPPOSITE):
            self._fail("operator")
        return self._next().text

    def _list(self) -> tuple[Operand, ...]:
        if not self._took("("):
            return (self._operand(),)
        operands = [self._operand()]
        while self._took(","):
            operands.append(self._operand())
        self._need(")")
        return tuple(operands)

    def _operand(self) -> Operand:
        if self._took("empty", "null"):
            return Operand(kind="empty")
        quoted = self._token.kind == "string"
        text = self._name("a value")
        if quoted or not self._took("("):
            return Operand(kind="value", text=text)
        self._need(")")
        return Operand(kind="call", text=text.lower())

    def _order(self) -> tuple[OrderTerm, ...]:
        self._need("order")
        self._need("by")
        terms = [self._order_term()]
        while self._took(","):
            terms.append(self._order_term())
        return tuple(terms)

    def _order_term(self) -> OrderTerm:
        field = self._field()
        descending = self._took("desc")
        if not descending:
            self._took("asc")
        return OrderTerm(field=field, descending=descending)


def _as_operator(symbol: str) -> Operator:
    for operator in _OPPOSITE:
        if operator == symbol:
            return operator
    raise JqlError(f"Error in the JQL Query: The operator '{symbol}' is not supported.")
