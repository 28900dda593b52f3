"""Parsing of Jira's changelogs into changes of state and label histories. No requests (see ``histories.py``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from connectors.jira.payload import CATEGORIES
from connectors.jira.scalars import (
    list_or_empty,
    object_or_empty,
    parse_time,
    person_id,
    require,
    require_id,
    require_object,
    require_objects,
    require_text,
)
from connectors.model import Category, FieldSelection, IssueChange, IssueRef, LabelEvent, LabelHistory
from connectors.scalars import id_or_none, text_or_empty
from connectors.text import fold_name

FLAGGED: Final = "flagged"
MOVE_FIELDS: Final = ("issuekey", "key")
"""Id of the field that a move changes, and its name, which Data Center sends instead."""


def expanded_entries(raw: Mapping[str, Any], ref: IssueRef) -> list[dict[str, Any]]:
    """Return the changelog entries of an issue that was searched with ``expand=changelog``. BadPayload."""
    subject = f"changelog of {ref.key}"
    return require_objects(
        require(require(raw, "changelog", f"issue {ref.key}"), "histories", subject), subject
    )


def parse_changes(
    entries: Iterable[Mapping[str, Any]], ref: IssueRef, selection: FieldSelection, flagged: str | None
) -> list[IssueChange]:
    """Return the changes of state in changelog entries. ``flagged``: id of the Flagged field. BadPayload."""
    subject = f"changelog of {ref.key}"
    found: list[IssueChange] = []
    for entry in entries:
        entry_id = require_id(entry, "id", subject)
        at = parse_time(require(entry, "created", subject), subject)
        for item in require_objects(entry.get("items") or [], subject):
            found += _changes_in_item(
                item, entry_id, partial(IssueChange, ref=ref, at=at), selection, flagged
            )
    return found


def _changes_in_item(
    item: Mapping[str, Any],
    entry_id: str,
    change: Callable[..., IssueChange],
    selection: FieldSelection,
    flagged: str | None,
) -> Iterator[IssueChange]:
    """Yield the changes of state in one item. ``change`` is IssueChange with the fields that the entry shares."""
    field = _field_of(item)
    before, after = (text_or_empty(item.get(name)) for name in ("fromString", "toString"))
    if field == "status":
        ids = {"before_id": text_or_empty(item.get("from")), "after_id": text_or_empty(item.get("to"))}
        yield change(id=f"{entry_id}:status", kind="status", before=before, after=after, **ids)
    elif field == "Flagged" or (flagged and field == flagged):
        was, now = (FLAGGED if text else "" for text in (before, after))
        yield change(id=f"{entry_id}:flag", kind="flag", before=was, after=now)
    elif field.casefold() in MOVE_FIELDS:
        yield change(id=f"{entry_id}:key", kind="key", before=before, after=after)
    elif field == "labels":
        removed, added = (_state_labels_in(text, selection) for text in _label_changes(item))
        for label in sorted(removed):
            yield change(id=f"{entry_id}:-{label}", kind="label", before=label)
        for label in sorted(added):
            yield change(id=f"{entry_id}:+{label}", kind="label", after=label)


def _field_of(item: Mapping[str, Any]) -> str:
    """Return the changed field. Data Center sends no fieldId; its "field" is untranslated for built-in fields."""
    return text_or_empty(item.get("fieldId") or item.get("field"))


def _label_changes(item: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Return the labels that an item removes and adds."""
    before, after = (set(text_or_empty(item.get(name)).split()) for name in ("fromString", "toString"))
    return before - after, after - before


def _state_labels_in(labels: Iterable[str], selection: FieldSelection) -> set[str]:
    return {label for label in labels if fold_name(label) in selection.state_labels}


def parse_statuses(raw: Any) -> dict[str, tuple[str, Category | None]]:
    """Return id -> name and category from ``GET /status``. BadPayload."""
    return {
        require_id(row, "id", "a status"): (
            require_text(row, "name", "a status"),
            CATEGORIES.get(text_or_empty(object_or_empty(row.get("statusCategory")).get("key"))),
        )
        for row in require_objects(raw, "GET /status")
    }


def parse_label_origins(raw: Any) -> dict[str, LabelEvent]:
    """Return who last added each current label of an issue that was read with ``expand=changelog``.

    Absent are labels whose addition the changelog does not show (Cloud truncates it; labels set at creation), and
    labels whose author Jira no longer names.
    """
    key = require_text(raw, "key", "an issue")
    labels = list_or_empty(require_object(raw, "fields", f"issue {key}").get("labels"))
    current = set(map(text_or_empty, labels))
    subject = f"changelog of {key}"
    entries = require_objects(require_object(raw, "changelog", f"issue {key}").get("histories"), subject)
    histories = _label_histories_by_spelling(entries, subject).values()
    additions = [history.added for history in histories if history.added]
    return {event.label: event for event in additions if event.label in current and event.author_id}


def parse_label_histories(entries: Iterable[Any], subject: str) -> dict[str, LabelHistory]:
    """Return the history of each label by its name in lower case, from the whole changelog of an issue.

    ``subject`` names the changelog in BadPayload.
    """
    found: dict[str, LabelHistory] = {}
    for label, history in _label_histories_by_spelling(entries, subject).items():
        other = found.get(label.lower())
        # The spelling that changed last wins; of two that one edit swapped, the one that is there.
        if other is None or _latest_event(other) <= _latest_event(history):
            found[label.lower()] = history
    return found


def _latest_event(history: LabelHistory) -> tuple[datetime, bool]:
    at = max(event.at for event in (history.added, history.removed) if event)
    return at, history.removed is None


def _label_histories_by_spelling(entries: Iterable[Any], subject: str) -> dict[str, LabelHistory]:
    histories: dict[str, LabelHistory] = {}
    rows = require_objects(list(entries), subject)
    ordered = sorted(((_position(entry, subject), entry) for entry in rows), key=lambda pair: pair[0])
    for (at, _), entry in ordered:
        author = person_id(entry.get("author"))
        for item in list_or_empty(entry.get("items")):
            if not isinstance(item, dict) or _field_of(item) != "labels":
                continue
            removed, added = _label_changes(item)
            for label in sorted(removed):
                event = LabelEvent(label=label, author_id=author, at=at)
                previous = histories.get(label, LabelHistory())
                histories[label] = LabelHistory(added=previous.added, removed=event)
            for label in sorted(added):
                histories[label] = LabelHistory(added=LabelEvent(label=label, author_id=author, at=at))
    return histories


def _position(entry: Any, subject: str) -> tuple[datetime, int]:
    """Return the sort key of an entry: time, then id, which grows."""
    at = parse_time(require(entry, "created", subject), subject)
    return at, int(id_or_none(entry.get("id")) or 0)
