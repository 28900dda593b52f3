"""Small wrong changes of a Python module: each one is a mutant, cut into the source text at the place of its node."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_WORD = re.compile(r"[\w:./-]+")
"""Text that a program compares. Sentences for people are left alone, and so are templates."""
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Statement = ast.stmt | ast.excepthandler
_NO_CODE = {"annotation", "returns", "decorator_list"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: ``text`` replaces the bytes from ``start`` to ``end`` of a file."""

    path: str
    function: str
    """Its class and function; empty at the top of the module."""
    lines: tuple[int, int]
    """First line of the statement, line of the change."""
    names: tuple[str, ...] | None
    """Names that the statement binds, if it runs while the module is imported; else None."""
    start: int
    end: int
    text: str

    def apply(self, source: bytes) -> bytes:
        """Return the changed source."""
        return source[: self.start] + self.text.encode() + source[self.end :]

    def before_and_after(self, source: bytes) -> tuple[str, str]:
        """Return the changed lines, without indentation: they name a mutant after lines have moved, too."""
        first = source.rfind(b"\n", 0, self.start) + 1
        last = source.find(b"\n", self.end)
        changed = source[first : self.start] + self.text.encode() + source[self.end : last]
        return _squeezed(source[first:last]), _squeezed(changed)


def _squeezed(text: bytes) -> str:
    return " ".join(text.decode().split())


def mutants(path: str, source: bytes) -> Iterator[Mutant]:
    """Yield all mutants of a module, in the order of its text."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node, scope, statement in _places(ast.parse(source)):
        is_imported = all(isinstance(each, ast.ClassDef) for each in scope)
        for target, text in _changes(node):
            yield Mutant(
                path=path,
                function=".".join(each.name for each in scope),
                lines=(statement.lineno, target.lineno),
                names=_names(statement) if is_imported else None,
                start=starts[target.lineno - 1] + target.col_offset,
                end=starts[(target.end_lineno or 0) - 1] + (target.end_col_offset or 0),
                text=text,
            )


def _names(statement: _Statement) -> tuple[str, ...]:
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    return tuple(
        each.id for target in targets if target for each in ast.walk(target) if isinstance(each, ast.Name)
    )


def _places(
    node: ast.AST, scope: tuple[_Definition, ...] = (), statement: _Statement | None = None
) -> Iterator[tuple[ast.AST, tuple[_Definition, ...], _Statement]]:
    """Yield the nodes below, except annotations, decorators, docstrings, templates, and what is only logged."""
    if isinstance(node, _Statement):
        statement = node
    if statement is not None and not isinstance(node, _Definition):
        yield node, scope, statement
    inner, skipped = scope, _NO_CODE
    if isinstance(node, _Definition):
        inner, skipped = (*scope, node), _NO_CODE | {"bases", "keywords"}
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if field not in skipped and isinstance(child, ast.AST) and not _is_skipped(child):
                yield from _places(child, inner, statement)


def _is_skipped(node: ast.AST) -> bool:
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom() | ast.Assert():
            return True
        case ast.Expr(value=ast.Constant()):
            return True  # docstring
        case ast.Expr(
            value=ast.Call(func=ast.Attribute(value=ast.Attribute(attr="log") | ast.Name(id="log")))
        ):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.ClassDef(bases=[ast.Name(id="Protocol")]):
            return True
        case ast.keyword(arg="selectivity"):
            return True  # a rank of speed
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Subscript(value=ast.Name(id="Literal")):
            return True
    return False


def _changes(node: ast.AST) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    """Yield the part of the node to replace, and the text that replaces it."""
    match node:
        case ast.If(test=test) | ast.While(test=test):
            yield test, f"(not ({ast.unparse(test)}))"
        case ast.ExceptHandler(body=[only]) if not isinstance(only, ast.Raise):
            yield only, "raise"
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield node, "return None"
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Delete():
            yield node, "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, "pass"
        case ast.Continue():
            yield from ((node, "break"), (node, "pass"))
        case ast.Break():
            yield from ((node, "continue"), (node, "pass"))
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            yield from ((test, "True") for each in node.generators for test in each.ifs)
        case ast.expr():
            for changed in _of_expression(node):
                text = ast.unparse(changed)
                yield node, text if isinstance(changed, ast.Constant) else f"({text})"


def _of_expression(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left, operators, right):
            for at, operator in enumerate(operators):
                for other in _COMPARISONS[type(operator)]:
                    yield ast.Compare(left, [*operators[:at], other(), *operators[at + 1 :]], right)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            for at in range(len(values)):
                rest = [*values[:at], *values[at + 1 :]]
                yield ast.BoolOp(operator, rest) if len(rest) > 1 else rest[0]
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.IfExp(test, body, orelse):
            yield from (ast.IfExp(ast.UnaryOp(ast.Not(), test), body, orelse), body, orelse)
        case ast.BinOp(left, operator, right):
            yield from _of_arithmetic(left, operator, right)
        case _:
            yield from _of_value(node)


def _of_value(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Constant():
            yield from _of_constant(node)
        case ast.Subscript(value, ast.Slice()):
            yield value
        case ast.Name(name, ast.Load()) if name in _FUNCTIONS:
            yield ast.Name(_FUNCTIONS[name])
        case ast.Call(function, arguments, keywords):
            for at in range(len(keywords)):
                yield ast.Call(function, arguments, [*keywords[:at], *keywords[at + 1 :]])


def _of_arithmetic(left: ast.expr, operator: ast.operator, right: ast.expr) -> Iterator[ast.expr]:
    """Add what was subtracted if a number is; else leave out one side."""
    if isinstance(operator, ast.Add | ast.Sub) and isinstance(right, ast.Constant):
        yield ast.BinOp(left, ast.Sub() if isinstance(operator, ast.Add) else ast.Add(), right)
    elif isinstance(operator, ast.Sub | ast.Mod):
        yield left
    else:
        yield from (left, right)


def _of_constant(node: ast.Constant) -> Iterator[ast.expr]:
    match node.value:
        case bool():
            yield ast.Constant(not node.value)
        case int() | float():
            yield from (ast.Constant(node.value + 1), ast.Constant(node.value - 1))
        case str() if _WORD.fullmatch(node.value):
            yield ast.Constant(node.value + "X")
