"""What a CEL expression is given of an issue: plain texts, lists and times, each of a bounded size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from connectors.model import Issue, IssueRef
from mappings.rules.cel_syntax import MAX_ENTRIES
from mappings.rules.conditions import FIELD_PREFIX, RuleSubject

MAX_TEXT: Final = 500
MAX_BODY: Final = 10_000


def values_for(subject: RuleSubject, names: frozenset[str], fields: tuple[str, ...]) -> dict[str, Any]:
    """What an expression is given: only what it uses."""
    values = {name: _READERS[name](subject) for name in names if name != "fields"}
    if "fields" in names:
        values["fields"] = {name: _texts(subject.values(f"{FIELD_PREFIX}{name}")) for name in fields}
    return values


def _text(value: str | None) -> str:
    # A lone surrogate is no text to the library.
    return (value or "")[:MAX_TEXT].encode("utf-8", "replace").decode()


def _texts(values: tuple[str, ...]) -> list[str]:
    return [_text(value) for value in values[:MAX_ENTRIES]]


_READERS: Final[Mapping[str, Callable[[RuleSubject], Any]]] = {
    "key": lambda subject: _text(subject.issue.ref.key),
    "tracker": lambda subject: _text(subject.issue.ref.tracker),
    "project": lambda subject: _text(subject.issue.project),
    "title": lambda subject: _text(subject.issue.title),
    "body": lambda subject: subject.issue.body[:MAX_BODY].encode("utf-8", "replace").decode(),
    "type": lambda subject: _text(subject.issue.type),
    "status": lambda subject: _text(subject.issue.status),
    "category": lambda subject: _text(subject.issue.category),
    "labels": lambda subject: _texts(subject.labels),
    "components": lambda subject: _texts(subject.issue.components),
    "milestone": lambda subject: _text(subject.issue.milestone),
    "fix_versions": lambda subject: _texts(subject.issue.fix_versions),
    "sprint": lambda subject: _text(subject.issue.sprint),
    "ancestors": lambda subject: _texts(subject.ancestors),
    "assignees": lambda subject: _texts(subject.issue.assignees),
    "author": lambda subject: _text(subject.issue.author),
    "created": lambda subject: subject.issue.created,
    "updated": lambda subject: subject.issue.updated,
}


def sample_subjects(fields: tuple[str, ...]) -> tuple[RuleSubject, RuleSubject]:
    """An issue that says something everywhere, and one that says nothing."""
    moment = datetime(2026, 11, 16, 9, tzinfo=UTC)
    ref = IssueRef(tracker="jira", id="1", key="DS-1")
    bare = Issue(ref=ref, url="", title="", container="DS", status="To Do", created=moment, updated=moment)
    full = replace(
        bare,
        title="Churn model",
        body="Why",
        type="Task",
        category="todo",
        components=("Scoring",),
        fix_versions=("1.10",),
        milestone="Q4",
        sprint="Blue 12",
        assignees=("mona",),
        author="mona",
        fields=dict.fromkeys(fields, ("1",)),
    )
    return RuleSubject(issue=full, labels=("features",), ancestors=("DS-140",)), RuleSubject(
        issue=bare, labels=()
    )


def format_value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}: {format_value(each)}" for name, each in value.items())
    if isinstance(value, list):
        return f"[{', '.join(value)}]"
    return value.isoformat() if isinstance(value, datetime) else f'"{value}"'
