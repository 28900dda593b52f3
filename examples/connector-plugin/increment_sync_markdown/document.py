"""One issue as text: front matter, body and comments. Pure; edits leave everything else as it is, byte by byte."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

_FRONT_MATTER: Final = re.compile(
    r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_HEADER: Final = re.compile(
    r"^<!-- comment (?P<id>[0-9a-z]{1,32}) by (?P<author>\S+) at (?P<created>\S+)"
    r"(?: edited (?P<edited>\S+))? -->\r?$\n?",
    re.MULTILINE,
)
_LIKE_HEADER: Final = re.compile(r"^(\\*)(?=<!-- comment )", re.MULTILINE)
"""A backslash before such a line of a comment's text keeps it from opening a comment."""
_MAX_FRONT_MATTER: Final = 50_000

Value = str | tuple[str, ...]


class BrokenDocument(ValueError):
    """The text is no issue. The message completes "churn/a.md: ..."."""


@dataclass(frozen=True, slots=True)
class Note:
    """One comment, with its times as text."""

    id: str
    author: str
    created: str
    text: str
    edited: str = ""

    def render(self) -> str:
        """Return the lines of the file."""
        edited = f" edited {self.edited}" if self.edited else ""
        text = _LIKE_HEADER.sub(r"\1\\", self.text)
        return f"<!-- comment {self.id} by {self.author} at {self.created}{edited} -->\n{text}\n"


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says."""

    fields: Mapping[str, Value]
    """Front matter. Keys without a value, and values that are neither text nor a list of texts, are left out."""
    body: str
    notes: tuple[Note, ...]

    def text(self, name: str) -> str:
        """Return a field; empty if it is missing. Raises BrokenDocument if it is a list."""
        value = self.fields.get(name, "")
        if not isinstance(value, str):
            raise BrokenDocument(f"`{name}` is a list; write one value")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the values of a list. Raises BrokenDocument if it is a text."""
        value = self.fields.get(name, ())
        if isinstance(value, str):
            raise BrokenDocument(f"`{name}` is no list; write [{value}]")
        return value


@lru_cache(maxsize=20_000)
def parse(text: str) -> Document:
    """Return what a text says. Raises BrokenDocument."""
    _, rest, root = _compose(text)
    fields: dict[str, Value] = {}
    for key, value in root.value:
        if isinstance(key, ScalarNode) and key.value in fields:
            raise BrokenDocument(f"the front matter has `{key.value}` twice; remove one")
        plain = _plain(value)
        if isinstance(key, ScalarNode) and plain:
            fields[key.value] = plain
        elif (
            isinstance(key, ScalarNode)
            and key.value == "labels"
            and not isinstance(value, ScalarNode)
            and value.value
        ):
            raise BrokenDocument("`labels` is no list of texts; write [one, two]")
    headers = list(_HEADER.finditer(rest))
    ends = [*(header.start() for header in headers), len(rest)][1:]
    notes = tuple(
        Note(
            header["id"],
            header["author"],
            header["created"],
            _unescape(rest[header.end() : end]),
            header["edited"] or "",
        )
        for header, end in zip(headers, ends, strict=True)
    )
    return Document(fields, _trim(rest[: headers[0].start()] if headers else rest), notes)


def with_labels(text: str, labels: Collection[str]) -> str:
    """Return the text with these labels. Raises BrokenDocument if its front matter leaves no place for them."""
    start, _, root = _compose(text)
    line = f"labels: {json.dumps(sorted(labels), ensure_ascii=False)}"
    for key, value in root.value:
        if isinstance(key, ScalarNode) and key.value == "labels":
            begin, end = start + key.start_mark.index, start + _end(value)
            if _plain(value) is None:  # nothing is written, or null: the value ends where the next key begins
                end = text.index("\n", start + key.end_mark.index)
                end -= text[end - 1] == "\r"
            edited = text[:begin] + line + text[end:]
            break
    else:
        end = start + len(_front_matter(text)[1])
        edited = f"{text[:end]}{line}\n{text[end:]}"
    before, after = parse(text), parse(edited)
    unchanged = {name: value for name, value in before.fields.items() if name != "labels"}
    if {**unchanged, **({"labels": tuple(sorted(labels))} if labels else {})} != after.fields:
        raise BrokenDocument("its `labels` cannot be edited; write them as a list on one line")
    return edited


def with_notes(text: str, notes: Sequence[Note]) -> str:
    """Return the text with these comments."""
    rest = _compose(text)[1]
    first = _HEADER.search(rest)
    head = text[: len(text) - len(rest) + first.start()] if first else text
    if not notes:
        return f"{head.rstrip()}\n"
    return f"{head.rstrip()}\n\n" + "\n".join(note.render() for note in notes)


def _compose(text: str) -> tuple[int, str, MappingNode]:
    """Return the offset of the front matter, the text behind it, and its nodes."""
    start, front, end = _front_matter(text)
    try:
        root = YAML(typ="safe", pure=True).compose(front)
    except (YAMLError, ValueError, RecursionError) as error:
        reason = getattr(error, "problem", None) or type(error).__name__
        raise BrokenDocument(f"its front matter is no YAML ({reason}); correct it") from error
    if not isinstance(root, MappingNode):
        raise BrokenDocument("its front matter has no fields; write `id: ...` between the lines ---")
    return start, text[end:], root


def _front_matter(text: str) -> tuple[int, str, int]:
    found = _FRONT_MATTER.match(text)
    if found is None:
        raise BrokenDocument("it has no front matter; begin it with a line ---, fields, and a line ---")
    if len(found[1]) > _MAX_FRONT_MATTER:
        raise BrokenDocument("its front matter is too long; move text behind the second line ---")
    return found.start(1), found[1], found.end()


def _plain(node: Node) -> Value | None:
    if isinstance(node, ScalarNode):
        return None if node.style is None and node.value in ("", "~", "null") else str(node.value).strip()
    if isinstance(node, SequenceNode) and all(isinstance(each, ScalarNode) for each in node.value):
        return tuple(str(each.value).strip() for each in node.value)
    return None


def _end(node: Node) -> int:
    """Return where a value ends. A list in several lines ends with its last item, not where the next key begins."""
    if isinstance(node, SequenceNode) and not node.flow_style and node.value:
        return int(node.value[-1].end_mark.index)
    return int(node.end_mark.index)


def _trim(text: str) -> str:
    return text.replace("\r\n", "\n").strip("\n")


def _unescape(text: str) -> str:
    return re.sub(r"^\\(?=\\*<!-- comment )", "", _trim(text), flags=re.MULTILINE)
