"""YAML parser that keeps line and column of every value.

Tags construct nothing, aliases are rejected (so that a small file cannot expand to a large one), and plain scalars
stay text: the schema decides whether ``1.10`` is a version or a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from connectors.regular_file import FileTooLarge, NotRegularFile, read_regular_file
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
    reader = _TreeReader(file, text)
    root = None
    try:
        root = reader.read()
    except _TooManyProblems:
        pass
    except YAMLError as error:
        reader.problems.append(_syntax_problem(error, text, file))
    return root, reader.problems


def _read_text(path: Path, file: str) -> tuple[str, Problem | None]:
    try:
        return read_regular_file(path, MAX_BYTES).decode("utf-8-sig"), None
    except NotRegularFile:
        message = "this is not a regular file (a pipe or a device); replace it with a file."
    except FileTooLarge:
        limit = MAX_BYTES // 1_000_000
        message = f"the file is larger than {limit} MB; split it or remove what is not needed."
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        message = "the file is not UTF-8 text; save it with the encoding UTF-8."
        return "", _problem(message, Origin(file=file, line=line))
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        message = f"the file cannot be read ({reason}); check its path and its permissions."
    return "", _problem(message, Origin(file=file))


def _problem(message: str, origin: Origin, path: KeyPath = ()) -> Problem:
    return Problem(origin=origin, path=dotted(path), message=message, check="yaml")


def _syntax_problem(error: YAMLError, text: str, file: str) -> Problem:
    if not isinstance(error, MarkedYAMLError):
        # An error of the reader: a character that YAML does not allow, by its offset in the text.
        position = int(getattr(error, "position", 0))
        line = text.count("\n", 0, position) + 1
        column = position - (text.rfind("\n", 0, position) + 1) + 1
        message = "YAML does not allow this control character (such as NUL); remove it."
        return _problem(message, Origin(file=file, line=line, column=column))
    mark = error.problem_mark or error.context_mark
    origin = _origin(file, mark) if mark else Origin(file=file)
    reason = " ".join(str(error.problem or error.context or "unreadable").split())
    message = f"this is not valid YAML ({reason}); check indentation, quotes and brackets around here."
    if "\\t" in reason or _is_tab(text, origin):
        message = "a tab is used where YAML needs spaces; indent with spaces."
    return _problem(message, origin)


def _origin(file: str, mark: Any) -> Origin:
    return Origin(file=file, line=mark.line + 1, column=mark.column + 1)


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


class _TooManyProblems(Exception):
    """Reading stops here; the problems say why."""


class _TreeReader:
    """Reads a tree from parser events. ``MAX_DEPTH`` bounds the recursion."""

    def __init__(self, file: str, text: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._events = YAML(typ="safe", pure=True).parse(text)
        self._values = 0

    def read(self) -> Node | None:
        """Return the root of the only document, None if it is empty. Raises _TooManyProblems, YAMLError."""
        root = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent) and root is not None:
                self._stop(event, (), "the file holds more than one document; remove the line `---`.")
            elif isinstance(event, NodeEvent):
                root = self._node(event, (), depth=0)
        if root is None or root.value is None:
            message = "the file is empty; add its keys or delete the file."
            self.problems.append(_problem(message, Origin(file=self._file)))
            return None
        return root

    def _node(self, event: Any, path: KeyPath, depth: int) -> Node:
        self._count(event, path)
        origin = _origin(self._file, event.start_mark)
        line, column = origin.line, origin.column
        node = Node(value=None, line=line, column=column, key_line=line, key_column=column)
        if isinstance(event, ScalarEvent):
            node.text_line, node.text_column, node.verbatim = _text_position(event)
            node.value = None if not event.style and event.value in _NULLS else str(event.value)
        elif not isinstance(event, AliasEvent):
            if depth == MAX_DEPTH:
                self._stop(event, path, f"values are nested deeper than {MAX_DEPTH} levels; flatten them.")
            is_mapping = isinstance(event, MappingStartEvent)
            node.value = self._mapping(path, depth + 1) if is_mapping else self._list(path, depth + 1)
        return node

    def _list(self, path: KeyPath, depth: int) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), depth))
        return items

    def _mapping(self, path: KeyPath, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            self._count(event, path)
            key = str(event.value) if isinstance(event, ScalarEvent) else None
            if key is None or (not event.style and key in _NULLS):
                self._stop(event, path, "a key has to be a plain text; write it as `name: value`.")
            here = (*path, key)
            if first := entries.get(key):
                message = f'duplicate key "{key}" (first in line {first.key_line}); remove one.'
                self._report(event, here, message)
            node = self._node(next(self._events), here, depth)
            origin = _origin(self._file, event.start_mark)
            node.key_line, node.key_column = origin.line, origin.column
            if node.value is None:
                # The parser places an empty value where the next token starts.
                node.line, node.column = node.key_line, node.key_column
            entries.setdefault(key, node)
        return entries

    def _count(self, event: Any, path: KeyPath) -> None:
        """Count a key or a value, and reject aliases and tags."""
        if isinstance(event, AliasEvent):
            self._report(
                event, path, f"the alias `*{event.anchor}` is not supported; write the value out here."
            )
            if len(self.problems) >= _MAX_PROBLEMS:
                raise _TooManyProblems
        elif event.tag is not None and str(event.tag) != "!":
            self._report(event, path, f"the tag `{event.tag}` is not supported; remove it.")
        self._values += 1
        if self._values > MAX_VALUES:
            self._stop(event, path, f"the file holds more than {MAX_VALUES} values; split it.")

    def _report(self, event: Any, path: KeyPath, message: str) -> None:
        self.problems.append(_problem(message, _origin(self._file, event.start_mark), path))

    def _stop(self, event: Any, path: KeyPath, message: str) -> NoReturn:
        self._report(event, path, message)
        raise _TooManyProblems
