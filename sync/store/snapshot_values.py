"""Check the values of a snapshot's rows: the file may be damaged or edited, and all later reads trust the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any, Final, get_args, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError, create_model
from pydantic_core import to_json
from sqlalchemy import Column, Integer

from connectors.model import Category, ChangeKind, Issue
from sync.model.records import CommentState, EventKind, OverrideKind
from sync.store.codec import ISSUE_COLUMNS
from sync.store.columns import StorableText
from sync.store.snapshot_histories import parse_utc

_MAX_INTEGER: Final = 2**31 - 1
"""Largest INTEGER of PostgreSQL."""

_CHOICES: Final = {
    ("issues", "category"): get_args(Category),
    ("issue_events", "kind"): get_args(EventKind),
    ("issue_changes", "kind"): get_args(ChangeKind),
    ("overrides", "kind"): get_args(OverrideKind),
    ("pushed_comments", "state"): get_args(CommentState),
}
_ISSUE_TYPES: Final = get_type_hints(Issue) | {"blocked_by": list[tuple[str, str, bool, str]]}
_PAYLOAD_FIELDS: Final[dict[str, Any]] = {
    each.name: (_ISSUE_TYPES[each.name], ... if each.default is each.default_factory is MISSING else None)
    for each in fields(Issue)
    if each.name not in ISSUE_COLUMNS
}
"""Name -> type and default; only fields without a default of their own are required."""

_PAYLOAD_TIMES: Final = tuple(name for name in _PAYLOAD_FIELDS if "datetime" in str(_ISSUE_TYPES[name]))


class _Counts(BaseModel):
    todo: int
    doing: int
    done: int
    unknown: int
    dropped: int


class _Counted(BaseModel):
    """Part of a roll-up with numbers."""

    state: str
    counts: _Counts


class _RollupBody(_Counted):
    """Goal or capability of a saved roll-up, see ``sync.pull.rollup_snapshot``."""

    title: str
    increment: str
    iterations: dict[str, _Counted] = {}
    uncertain: list[str] = []
    blocked: bool = False
    released: bool = False


_BODIES: Final[Mapping[tuple[str, str], TypeAdapter[Any]]] = {
    ("issues", "payload"): TypeAdapter(create_model("Payload", **_PAYLOAD_FIELDS)),
    ("issues", "first_labels"): TypeAdapter(list[str]),
    ("issue_events", "before"): TypeAdapter(dict[str, str | None]),
    ("issue_events", "after"): TypeAdapter(dict[str, str | None]),
    ("baselines", "refs"): TypeAdapter(list[tuple[str, str, str]]),
}
_ROLLUP_BODY: Final = TypeAdapter(_RollupBody)
_ROLLUP_SUBJECTS: Final = TypeAdapter(list[str])


class _Rejection(BaseModel):
    times: int
    state: str
    reason: str
    until: datetime


class _Refusals(BaseModel):
    answer: str
    refused: list[str]


_CACHED: Final[Mapping[str, TypeAdapter[Any]]] = {
    "fed": TypeAdapter(dict[str, list[str]]),
    "label-prefixes": TypeAdapter(dict[str, dict[str, str]]),
    "home:": TypeAdapter(tuple[str, list[str]]),
    "finished-increment:": TypeAdapter(list[str] | bool),
    "unreadable:": TypeAdapter(list[tuple[str, str, str]]),
    "missed:": TypeAdapter(list[str]),
    "refused:": TypeAdapter(_Rejection),
    "refused-container:": TypeAdapter(_Refusals),
}
"""Beginning of a cache key -> its values. Those of other keys are only compared or shown."""


def check_value(table: str, column: Column[Any], value: Any) -> None:
    """Raise ValueError for a value of another type than the column's, except times; None counts as valid."""
    if value is None:
        return
    choices = _CHOICES.get((table, column.name))
    if isinstance(column.type, StorableText):
        is_valid = isinstance(value, str) and (choices is None or value in choices)
    elif isinstance(column.type, Integer):
        is_valid = type(value) is int and 0 <= value <= _MAX_INTEGER
    else:
        is_valid = True
    if not is_valid:
        raise ValueError(f"{column.name} is {value!r:.60}")


def check_bodies(table: str, row: Mapping[str, Any]) -> None:
    """Raise ValueError if a JSON value of a row has another form than readers expect."""
    for name, value in row.items():
        if (table, name) in _BODIES and value is not None:
            _check_body(name, _BODIES[table, name], value)
    if table == "issues":
        for name in _PAYLOAD_TIMES:
            if name in row["payload"]:
                parse_utc(row["payload"][name])
    elif table == "rollups":
        _check_body("body", _ROLLUP_BODY if row["subject"] else _ROLLUP_SUBJECTS, row["body"])
    elif table == "issue_events" and row["kind"] == "moved" and not (row["before"] or {}).get("key"):
        raise ValueError("a move without the former key")
    elif table == "cache":
        _check_cached(row)


def _check_cached(row: Mapping[str, Any]) -> None:
    if row["tracker"]:
        raise ValueError(f"the cache of {row['tracker']!r:.60} is not part of a snapshot")
    for beginning, form in _CACHED.items():
        if row["key"].startswith(beginning):
            _check_body(row["key"], form, row["value"])


def _check_body(name: str, form: TypeAdapter[Any], value: Any) -> None:
    try:
        form.validate_json(to_json(value), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(each) for each in (name, *first["loc"]))
        raise ValueError(f"{place:.100}: {first['msg']:.100}") from None
