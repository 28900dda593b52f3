"""Values of an issue for CEL: texts, lists and times of bounded size."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

from connectors.model import Issue, IssueRef
from mappings.rules.cel_syntax import MAX_ENTRIES
from mappings.rules.fields import CEL_FIELDS, FIELDS
from mappings.rules.subject import FIELD_PREFIX, RuleSubject

MAX_TEXT: Final = 500
MAX_BODY: Final = 10_000

_READERS: Final = {name: attrgetter(each.path) for name, each in CEL_FIELDS.items()}


def values_for(subject: RuleSubject, names: frozenset[str], fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the variables that an expression uses. ``fields``: names of the custom fields that it reads."""
    values: dict[str, Any] = {}
    for name in names:
        if CEL_FIELDS[name].comparison == "custom":
            values[name] = {each: _texts(subject.values(f"{FIELD_PREFIX}{each}")) for each in fields}
        else:
            values[name] = _bounded(name, _READERS[name](subject))
    return values


def _bounded(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if isinstance(value, tuple):
        return _texts(value)
    return _text(value, MAX_BODY if name == "body" else MAX_TEXT)


def _text(value: str | None, limit: int = MAX_TEXT) -> str:
    # The library rejects lone surrogates.
    return (value or "")[:limit].encode("utf-8", "replace").decode()


def _texts(values: tuple[str, ...]) -> list[str]:
    return [_text(value) for value in values[:MAX_ENTRIES]]


def sample_subjects(fields: tuple[str, ...]) -> tuple[RuleSubject, RuleSubject]:
    """Return an issue with a value in every field, and an empty one."""
    now = datetime(2026, 11, 16, 9, tzinfo=UTC)
    ref = IssueRef(tracker="jira", id="1", key="DS-1")
    empty = Issue(ref=ref, url="", title="", container="DS", status="To Do", created=now, updated=now)
    samples: dict[str, Any] = {
        each.attribute: (each.sample,) if each.many else each.sample
        for each in FIELDS
        if each.attribute and each.sample
    }
    full = replace(empty, **samples, fields=dict.fromkeys(fields, ("1",)))
    return (
        RuleSubject(issue=full, labels=("features",), ancestors=("DS-140",)),
        RuleSubject(issue=empty, labels=()),
    )


def format_value(value: object) -> str:
    """Return a CEL value as text for people."""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {format_value(each)}" for name, each in value.items())
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return value.isoformat() if isinstance(value, datetime) else f'"{value}"'
