"""Output of commands: text, tables and JSON documents on stdout, problems and notes on stderr.

Every command writes through an ``Output``. Text from a tracker is escaped by the code that builds a line, because
only that code knows where a table cell or an indentation begins.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from connectors.escape import escape_sentence, escape_terminal
from connectors.wording import pluralize as pluralize

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from sync.runtime.invocation import Invocation

T = TypeVar("T")

DOCUMENT_VERSION = 1
"""Key ``version`` of every document. Grows when a key of a JSON document changes its meaning."""


class Output:
    """Standard output and standard error of one command."""

    def __init__(self, invocation: Invocation) -> None:
        self.as_json = invocation.as_json
        self._interactive = invocation.interactive and not invocation.as_json

    def show(self, document: Callable[[], Mapping[str, Any]], text: Callable[[], Iterable[str]]) -> None:
        """Write a result: the JSON document with ``--json``, otherwise the lines of text."""
        if self.as_json:
            self.document(document())
        else:
            self.lines(text())

    def document(self, document: Mapping[str, Any]) -> None:
        """Write a JSON document to stdout, with its version."""
        self.line(document_text({"version": DOCUMENT_VERSION, **document}))

    def line(self, text: str = "") -> None:
        """Write one line (or several, parted by newlines) to stdout."""
        sys.stdout.write(f"{text}\n")

    def lines(self, lines: Iterable[str]) -> None:
        """Write lines to stdout."""
        for line in lines:
            self.line(line)

    def note(self, text: str) -> None:
        """Write a problem or a note to stderr."""
        sys.stderr.write(f"{text}\n")

    def notes(self, texts: Iterable[str]) -> None:
        """Write problems or notes to stderr, one a line."""
        for text in texts:
            self.note(text)

    def confirm(self, question: str, *, skipped: str, action: str = "do it") -> bool:
        """Ask the person at the terminal; every answer but yes is a no.

        Without a terminal the answer is no. A note says what was ``skipped``, and that ``--yes`` does the ``action``.
        """
        if not self._interactive:
            self.note(f"{skipped}: there is no terminal to ask at; add --yes to {action}")
            return False
        try:
            return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
        except EOFError:
            return False


def document_text(document: Mapping[str, Any]) -> str:
    """Format a JSON document in ASCII, which every stream takes.

    Values may be dataclasses, sets, times, issue references and whatever has a text form.
    """
    return json.dumps(document, indent=2, sort_keys=True, default=_json_value)


def as_object(value: DataclassInstance, *properties: str, **more: Any) -> dict[str, Any]:
    """Return the fields and the named properties of a dataclass as a JSON object; ``more`` adds or replaces keys."""
    return pick(value, *(field.name for field in fields(value)), *properties) | more


def pick(value: object, *names: str, **renamed: str) -> dict[str, Any]:
    """Return the named attributes as a JSON object; ``renamed`` maps keys to attributes of another name."""
    return {key: getattr(value, name) for key, name in (*zip(names, names, strict=True), *renamed.items())}


def _json_value(value: object) -> object:
    """Convert what JSON does not know: a dataclass field by field, unless it has a text form of its own."""
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and type(value).__str__ is object.__str__:
        return as_object(cast("DataclassInstance", value))
    return str(value)


def safe_terminal_line(text: str) -> str:
    """Escape a line that may hold text from a tracker; its indentation stays."""
    return _indentation(text) + escape_sentence(text)


def _indentation(text: str) -> str:
    return " " * (len(text) - len(text.lstrip(" ")))


def utc(moment: datetime) -> str:
    """``2026-11-20 09:30 UTC``."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def shorten(items: Sequence[T], most: int, rest: str, line: Callable[[T], str]) -> Iterator[str]:
    """Yield a line for each of the first ``most`` items, then ``rest`` with the number of the others at its ``{}``."""
    yield from map(line, items[:most])
    if len(items) > most:
        yield rest.format(len(items) - most)


def table(
    header: Iterable[str], rows: Iterable[Iterable[object]], *, hide_empty_columns: bool = False
) -> list[str]:
    """Format columns of plain text, each as wide as its widest cell; the same on terminals and in logs.

    A cell that is None stays empty.
    """
    names, cells = list(header), [[_cell(cell) for cell in row] for row in rows]
    shown = [
        column
        for column in range(len(names))
        if not (hide_empty_columns and cells) or any(row[column] for row in cells)
    ]
    grid = [[row[column] for column in shown] for row in [names, *cells]]
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    grid.insert(1, ["-" * width for width in widths])
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in grid
    ]


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return _indentation(text) + escape_terminal(text)
