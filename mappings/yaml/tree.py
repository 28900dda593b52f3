"""YAML parser that keeps line and column of every value.

Tags construct nothing, aliases are rejected (so that a small file cannot expand to a large one), and plain scalars
stay text: the schema decides whether ``1.10`` is a version or a number.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from mappings.problems import Origin, Problem

MAX_BYTES: Final = 1_000_000
MAX_DEPTH: Final = 20
MAX_VALUES: Final = 20_000
_MAX_PROBLEMS: Final = 100
"""Reading a file stops after this number of problems."""

KeyPath = tuple[str | int, ...]

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(kw_only=True, slots=True)
class Node:
    """Value of the file. Lines and columns start at 1. In a list, the key position is that of the item."""

    value: str | list[Node] | dict[str, Node] | None
    line: int
    column: int
    key_line: int
    key_column: int
    text_line: int = 0
    """Start of the text of a scalar, after its quote or below its ``|``."""
    text_column: int = 0
    verbatim: bool = False
    """True if each line of the text equals a line of the file (nothing folded or escaped)."""

    def child(self, part: str | int) -> Node | None:
        if isinstance(self.value, dict):
            return self.value.get(str(part))
        if isinstance(self.value, list) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part]
        return None

    def to_plain(self) -> Any:
        """Return the value as lists, dicts, texts and None."""
        if isinstance(self.value, dict):
            return {key: node.to_plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.to_plain() for node in self.value]
        return self.value


def dotted(path: KeyPath) -> str:
    """``("rules", 2, "assign")`` -> ``rules[2].assign``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(kw_only=True, slots=True)
class Positions:
    """Positions of the keys and values of one file. Unknown parts of a path resolve to the nearest parent."""

    file: str
    root: Node | None = None

    def resolve(self, path: KeyPath) -> KeyPath:
        """Return the leading parts of ``path`` that exist in the file."""
        return tuple(part for part, _ in self._walk(path))

    def key_origin(self, path: KeyPath) -> Origin:
        """Return the origin of the key (or list item)."""
        node = self._last(path)
        return Origin(file=self.file, line=node.key_line, column=node.key_column) if node else self.start

    def value_origin(self, path: KeyPath) -> Origin:
        """Return the origin of the value; that of the key if it has none."""
        node = self._last(path)
        return Origin(file=self.file, line=node.line, column=node.column) if node else self.start

    def text_origin(self, path: KeyPath, line: int, column: int) -> Origin:
        """Return the origin of a position inside a text (line and column from 1).

        A folded or escaped text gives its start, because positions inside it cannot be mapped."""
        node = self._last(path)
        if node is None or not node.text_line:
            return self.value_origin(path)
        if not node.verbatim:
            return Origin(file=self.file, line=node.text_line, column=node.text_column)
        return Origin(file=self.file, line=node.text_line + line - 1, column=node.text_column + column - 1)

    @property
    def start(self) -> Origin:
        return Origin(file=self.file)

    def _last(self, path: KeyPath) -> Node | None:
        steps = list(self._walk(path))
        return steps[-1][1] if steps else self.root

    def _walk(self, path: KeyPath) -> Iterator[tuple[str | int, Node]]:
        node = self.root
        for part in path:
            child = node.child(part) if node else None
            if child is not None:
                yield part, child
                node = child


_MAX_CACHED: Final = 100_000
"""Largest file, in characters, that is cached."""


def read_tree(path: Path, file: str) -> tuple[Node | None, list[Problem]]:
    """Read a YAML file into a tree; None and the problems if that fails. Never raises.

    ``file`` is the name of the file in messages.
    """
    text, problem = _read_text(path, file)
    if problem is not None:
        return None, [problem]
    return parse_tree(text, file)


def parse_tree(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Parse a text as ``read_tree`` does.

    Results are cached: two versions of a workspace share most files."""
    tree, problems = _parsed(text, file) if len(text) < _MAX_CACHED else _parsed.__wrapped__(text, file)
    return tree, list(problems)


@lru_cache(maxsize=128)
def _parsed(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    builder = _TreeBuilder(file=file)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            if not builder.handle(event):
                return None, builder.problems
    except YAMLError as error:
        return None, [*builder.problems, _syntax_problem(error, text, file)]
    if builder.root is None or builder.root.value is None:
        builder.problems.append(_whole_file(file, "the file is empty; add its keys or delete the file."))
        return None, builder.problems
    return builder.root, builder.problems


def _read_text(path: Path, file: str) -> tuple[str, Problem | None]:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            return "", _whole_file(
                file, "this is not a regular file (a pipe or a device); replace it with a file."
            )
        if facts.st_size > MAX_BYTES:
            limit = (
                f"the file is larger than {MAX_BYTES // 1_000_000} MB; split it or remove what is not needed."
            )
            return "", _whole_file(file, limit)
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return "", Problem(
            origin=Origin(file=file, line=line),
            path="",
            message="the file is not UTF-8 text; save it with the encoding UTF-8.",
            check="yaml",
        )
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        return "", _whole_file(
            file, f"the file cannot be read ({reason}); check its path and its permissions."
        )
    return text, None


def _whole_file(file: str, message: str) -> Problem:
    return Problem(origin=Origin(file=file), path="", message=message, check="yaml")


def _syntax_problem(error: YAMLError, text: str, file: str) -> Problem:
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        origin = Origin(file=file, line=mark.line + 1, column=mark.column + 1) if mark else Origin(file=file)
        reason = " ".join(str(error.problem or error.context or "unreadable").split())
        if "\\t" in reason or _is_tab(text, origin):
            message = "a tab is used where YAML needs spaces; indent with spaces."
        else:
            message = (
                f"this is not valid YAML ({reason}); check indentation, quotes and brackets around here."
            )
        return Problem(origin=origin, path="", message=message, check="yaml")
    # An error of the reader: a character that YAML does not allow, by its offset in the text.
    position = int(getattr(error, "position", 0))
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    message = "YAML does not allow this control character (such as NUL); remove it."
    return Problem(origin=Origin(file=file, line=line, column=column), path="", message=message, check="yaml")


def _text_position(event: Any) -> tuple[int, int, bool]:
    """Return line and column at which a scalar's text starts, and whether it is verbatim."""
    start, end, text = event.start_mark, event.end_mark, str(event.value)
    if event.style in ("|", ">"):
        below = start.buffer[start.pointer : end.pointer].splitlines()[1:]
        blank = next((index for index, each in enumerate(below) if each.strip()), 0)
        indent = len(below[blank]) - len(below[blank].lstrip()) if below else 0
        # The text keeps the blank lines above its first word.
        return start.line + 2, indent + 1, event.style == "|" or len(below) == 1
    quote = 1 if event.style else 0
    is_whole = start.line == end.line and end.column - start.column == len(text) + 2 * quote
    return start.line + 1, start.column + quote + 1, is_whole


def _is_tab(text: str, origin: Origin) -> bool:
    lines = text.splitlines()
    return origin.line <= len(lines) and lines[origin.line - 1][origin.column - 1 : origin.column] == "\t"


@dataclass(kw_only=True, slots=True)
class _OpenNode:
    """List or mapping that is still being read."""

    node: Node
    path: KeyPath
    key: str | None = None
    key_line: int = 0
    key_column: int = 0
    skip: bool = False
    """True if the key was rejected: its value is read and dropped."""


@dataclass(kw_only=True, slots=True)
class _TreeBuilder:
    """Builds a tree from parser events without recursion, so that deep nesting cannot exhaust the stack."""

    file: str
    root: Node | None = None
    problems: list[Problem] = field(default_factory=list)
    stack: list[_OpenNode] = field(default_factory=list)
    values: int = 0
    documents: int = 0

    def handle(self, event: Any) -> bool:
        """Process one event. Return False if reading has to stop."""
        if isinstance(event, DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._add_problem(event, "the file holds more than one document; remove the line `---`.")
                return False
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self.stack.pop()
        elif isinstance(event, AliasEvent):
            self._add_problem(
                event, f"the alias `*{event.anchor}` is not supported; write the value out here."
            )
            return len(self.problems) < _MAX_PROBLEMS and self._add_value(event, None)
        elif isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent):
            if event.tag is not None and str(event.tag) != "!":
                self._add_problem(event, f"the tag `{event.tag}` is not supported; remove it.")
            return self._add_value(event, self._value_of(event))
        return True

    def _value_of(self, event: Any) -> str | list[Node] | dict[str, Node] | None:
        if isinstance(event, MappingStartEvent):
            return {}
        if isinstance(event, SequenceStartEvent):
            return []
        text = str(event.value)
        return None if not event.style and text in _NULLS else text

    def _add_value(self, event: Any, value: str | list[Node] | dict[str, Node] | None) -> bool:
        self.values += 1
        if self.values > MAX_VALUES:
            self._add_problem(event, f"the file holds more than {MAX_VALUES} values; split it.")
            return False
        top = self.stack[-1] if self.stack else None
        if top is not None and isinstance(top.node.value, dict) and top.key is None:
            return self._open_key(top, event, value)
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        node = Node(value=value, line=line, column=column, key_line=line, key_column=column)
        if isinstance(event, ScalarEvent):
            node.text_line, node.text_column, node.verbatim = _text_position(event)
        path = self._next_path()
        self._attach(top, node)
        if isinstance(value, list | dict):
            self.stack.append(_OpenNode(node=node, path=path))
            if len(self.stack) > MAX_DEPTH:
                self._add_problem(event, f"values are nested deeper than {MAX_DEPTH} levels; flatten them.")
                return False
        return True

    def _open_key(self, top: _OpenNode, event: Any, value: object) -> bool:
        if not isinstance(value, str):
            self._add_problem(event, "a key has to be a plain text; write it as `name: value`.")
            return False
        assert isinstance(top.node.value, dict)  # noqa: S101 - narrows the type for mypy, checked by the caller
        top.key, top.skip = value, value in top.node.value
        top.key_line, top.key_column = event.start_mark.line + 1, event.start_mark.column + 1
        if top.skip:
            first = top.node.value[value]
            where = f"line {first.key_line}"
            self._add_problem(event, f'duplicate key "{value}" (first in {where}); remove one.')
        return True

    def _attach(self, top: _OpenNode | None, node: Node) -> None:
        if top is None:
            self.root = node
        elif isinstance(top.node.value, list):
            top.node.value.append(node)
        elif isinstance(top.node.value, dict) and top.key is not None:
            node.key_line, node.key_column = top.key_line, top.key_column
            if node.value is None:
                # The parser places an empty value where the next token starts.
                node.line, node.column = top.key_line, top.key_column
            if not top.skip:
                top.node.value[top.key] = node
            top.key = None

    def _add_problem(self, event: Any, message: str) -> None:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        origin = Origin(file=self.file, line=line, column=column)
        self.problems.append(
            Problem(origin=origin, path=dotted(self._next_path()), message=message, check="yaml")
        )

    def _next_path(self) -> KeyPath:
        if not self.stack:
            return ()
        top = self.stack[-1]
        if isinstance(top.node.value, list):
            return (*top.path, len(top.node.value))
        return top.path if top.key is None else (*top.path, top.key)
