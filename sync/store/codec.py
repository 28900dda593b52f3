"""Encode texts and issues so that SQLite and PostgreSQL can store them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields, make_dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, cast

from connectors.model import Blocker, Category, FieldSelection, Issue, IssueRef, Source

RowValues = Mapping[Any, Any]
"""A row by column name."""

ISSUE_COLUMNS: Final = frozenset({"ref", "container", "status", "category", "updated"})
"""Fields of an issue with a column of their own; all others go into the payload."""


_PARSER_VERSION: Final = 2
"""Raised when the parsers of connectors read more into the fields of an issue; since 2: parents above epics."""
_PAYLOAD_DEFAULTS: Final[tuple[tuple[str, Any], ...]] = tuple(
    (each.name, each.default if each.default_factory is MISSING else each.default_factory())
    for each in fields(Issue)
    if each.name not in ISSUE_COLUMNS
)
_PAYLOAD_NAMES: Final = frozenset(name for name, _ in _PAYLOAD_DEFAULTS)


_MutableIssue: Final[Any] = make_dataclass(
    "_Draft",
    [
        (each.name, each.type, field(default=each.default, default_factory=each.default_factory))
        for each in fields(Issue)
    ],
    kw_only=True,
    slots=True,
)
"""Issue before it is frozen."""


def storable_text(text: str) -> str:
    """Return the text without characters that a database refuses.

    Removes NUL, which PostgreSQL refuses, and replaces lone surrogates, which have no UTF-8 form, by U+FFFD.
    """
    if "\x00" in text:
        text = text.replace("\x00", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def dump_json(value: Any) -> str:
    """Return compact JSON that both databases can store. Keeps the order of keys."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if "\\u0000" in text or storable_text(text) is not text:
        text = json.dumps(_storable_tree(value), ensure_ascii=False, separators=(",", ":"))
    return text


def load_json(text: str) -> Any:
    """Parse the output of ``dump_json``. Faster than ``json.loads``, which skips white space first."""
    return _raw_decode(text)[0]


_raw_decode: Final = json.JSONDecoder().raw_decode


def _storable_tree(value: Any) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, Mapping):
        return {_storable_tree(key): _storable_tree(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_storable_tree(inner) for inner in value]
    return value


def encode_issue_payload(issue: Issue) -> dict[str, Any]:
    """Return the fields of an issue without a column, except those with their default value."""
    payload: dict[str, Any] = {}
    for name, default in _PAYLOAD_DEFAULTS:
        value = getattr(issue, name)
        if value != default:
            payload[name] = _encode_value(value)
    if issue.blocked_by:
        payload["blocked_by"] = [
            [each.ref.id, each.ref.key, each.is_open, each.link] for each in issue.blocked_by
        ]
    return payload


def _encode_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return {key: list(inner) for key, inner in value.items()}
    return value


def decode_issue(
    tracker: str,
    id: str,  # noqa: A002 - the column
    key: str,
    container: str,
    status: str,
    category: Category | None,
    updated: datetime,
    payload: dict[str, Any],
) -> Issue:
    """Return the issue of a row of the ``issues`` table. Changes ``payload``."""
    for name, decoded in _DECODERS:
        if name in payload:
            payload[name] = decoded(payload[name])
    if not _PAYLOAD_NAMES.issuperset(payload):
        # A newer program knew more of issues.
        payload = {name: value for name, value in payload.items() if name in _PAYLOAD_NAMES}
    if "blocked_by" in payload:
        payload["blocked_by"] = tuple(_decode_blocker(tracker, *each) for each in payload["blocked_by"])
    ref = IssueRef(tracker=tracker, id=id, key=key)
    draft = _MutableIssue(
        ref=ref, container=container, status=status, category=category, updated=updated, **payload
    )
    # A frozen value is filled field by field in twice the time, and of issues there are many.
    draft.__class__ = Issue
    return cast("Issue", draft)


def _decode_blocker(tracker: str, id_: str, key: str, is_open: bool, link: str) -> Blocker:
    return Blocker(ref=IssueRef(tracker=tracker, id=id_, key=key), is_open=is_open, link=link)


@lru_cache(maxsize=8192)
def label_set(labels: tuple[str, ...]) -> frozenset[str]:
    """Return a shared frozenset: many issues have the same labels."""
    return frozenset(labels)


@lru_cache(maxsize=8192)
def label_set_from_json(text: str) -> frozenset[str]:
    """Return the shared frozenset for a JSON list of labels."""
    return label_set(tuple(load_json(text)))


_DECODERS: Final[tuple[tuple[str, Callable[[Any], Any]], ...]] = (
    *((each.name, datetime.fromisoformat) for each in fields(Issue) if "datetime" in str(each.type)),
    *((each.name, tuple) for each in fields(Issue) if str(each.type).startswith("tuple")),
    ("labels", lambda names: label_set(tuple(names))),
    ("fields", lambda values: {key: tuple(inner) for key, inner in values.items()}),
)


def source_definition_hash(source: Source, selection: FieldSelection) -> str:
    """Return a hash of a source and its field selection. A watermark is only valid for the hash it was saved with."""
    definition = [
        source.tracker,
        source.container,
        source.options,
        selection.body,
        sorted(set(selection.fields)),
        # Stored issues lack a field that is new in Issue, or what parsers did not read before: read them again.
        sorted(_PAYLOAD_NAMES),
        _PARSER_VERSION,
    ]
    if selection.dependencies:
        definition.append(["dependencies", *selection.link_types])
    return hashlib.sha256(dump_json(definition).encode()).hexdigest()[:32]
