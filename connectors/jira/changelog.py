"""Parsing of Jira's changelogs into changes of state and label histories. No requests (see ``histories.py``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from connectors.jira.payload import CATEGORIES
from connectors.jira.scalars import clean_text, parse_time, person_id, require, require_objects
from connectors.model import Category, FieldSelection, IssueChange, IssueRef, LabelEvent, LabelHistory

FLAGGED: Final = "flagged"


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
        entry_id = str(require(entry, "id", subject))
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
    before, after = (clean_text(item.get(name) or "") for name in ("fromString", "toString"))
    if field == "status":
        ids = {"before_id": str(item.get("from") or ""), "after_id": str(item.get("to") or "")}
        yield change(id=f"{entry_id}:status", kind="status", before=before, after=after, **ids)
    elif field == "Flagged" or (flagged and field == flagged):
        was, now = (FLAGGED if text else "" for text in (before, after))
        yield change(id=f"{entry_id}:flag", kind="flag", before=was, after=now)
    elif field == "labels":
        removed, added = (_state_labels_in(text, selection) for text in _label_changes(item))
        for label in sorted(removed):
            yield change(id=f"{entry_id}:-{label}", kind="label", before=label)
        for label in sorted(added):
            yield change(id=f"{entry_id}:+{label}", kind="label", after=label)


def _field_of(item: Mapping[str, Any]) -> str:
    """Return the changed field. Data Center sends no fieldId; its "field" is untranslated for built-in fields."""
    return str(item.get("fieldId") or item.get("field") or "")


def _label_changes(item: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Return the labels that an item removes and adds."""
    before, after = (set(clean_text(item.get(name) or "").split()) for name in ("fromString", "toString"))
    return before - after, after - before


def _state_labels_in(labels: Iterable[str], selection: FieldSelection) -> set[str]:
    return {label for label in labels if label.casefold() in selection.state_labels}


def parse_statuses(raw: Any) -> dict[str, tuple[str, Category | None]]:
    """Return id -> name and category from ``GET /status``. BadPayload."""
    return {
        str(require(row, "id", "a status")): (
            clean_text(require(row, "name", "a status")),
            CATEGORIES.get(str((row.get("statusCategory") or {}).get("key"))),
        )
        for row in require_objects(raw, "GET /status")
    }


def parse_label_origins(raw: Any) -> dict[str, LabelEvent]:
    """Return who last added each current label of an issue that was read with ``expand=changelog``.

    Absent are labels whose addition the changelog does not show (Cloud truncates it; labels set at creation), and
    labels whose author Jira no longer names.
    """
    key = str(require(raw, "key", "an issue"))
    current = {clean_text(label) for label in require(raw, "fields", f"issue {key}").get("labels") or ()}
    subject = f"changelog of {key}"
    entries = require_objects(require(raw, "changelog", f"issue {key}").get("histories"), subject)
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
        # The spelling that changed last wins.
        if other is None or _latest_event(other) <= _latest_event(history):
            found[label.lower()] = history
    return found


def _latest_event(history: LabelHistory) -> datetime:
    return max(event.at for event in (history.added, history.removed) if event)


def _label_histories_by_spelling(entries: Iterable[Any], subject: str) -> dict[str, LabelHistory]:
    histories: dict[str, LabelHistory] = {}
    ordered = sorted(((_position(entry, subject), entry) for entry in entries), key=lambda pair: pair[0])
    for (at, _), entry in ordered:
        author = person_id(entry.get("author"))
        for item in entry.get("items") or ():
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
    entry_id = str(entry.get("id") or "")
    at = parse_time(require(entry, "created", subject), subject)
    return at, int(entry_id) if entry_id.isdigit() else 0
