"""Jira's changelogs to our values. Pure; ``jira_histories.py`` asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from connectors.jira.payload import CATEGORIES
from connectors.jira.scalars import clean_text, parse_time, require, require_objects
from connectors.model import Category, FieldSelection, IssueChange, IssueRef

FLAGGED: Final = "flagged"


def parse_expanded_changes(
    raw: Mapping[str, Any], ref: IssueRef, wanted: FieldSelection, flagged: str | None
) -> list[IssueChange]:
    """The changes in an issue that was searched with ``expand=changelog``."""
    return parse_changes(expanded_entries(raw, ref), ref, wanted, flagged)


def expanded_entries(raw: Mapping[str, Any], ref: IssueRef) -> list[dict[str, Any]]:
    """The entries of its changelog. BadPayload."""
    what = f"changelog of {ref.key}"
    return require_objects(require(require(raw, "changelog", f"issue {ref.key}"), "histories", what), what)


def parse_changes(
    histories: Iterable[Mapping[str, Any]], ref: IssueRef, wanted: FieldSelection, flagged: str | None
) -> list[IssueChange]:
    """What the entries of an issue's changelog say of its state. ``flagged``: id of the Flagged field. BadPayload."""
    what = f"changelog of {ref.key}"
    found: list[IssueChange] = []
    for entry in histories:
        entry_id = str(require(entry, "id", what))
        at = parse_time(require(entry, "created", what), what)
        for item in require_objects(entry.get("items") or [], what):
            found += _changes_in_item(item, entry_id, at, ref, wanted, flagged)
    return found


def _changes_in_item(
    item: Mapping[str, Any],
    entry_id: str,
    at: datetime,
    ref: IssueRef,
    wanted: FieldSelection,
    flagged: str | None,
) -> Iterator[IssueChange]:
    # Data Center has no fieldId; its "field" is untranslated for fields of Jira's own.
    field = str(item.get("fieldId") or item.get("field") or "")
    before, after = (clean_text(item.get(name) or "") for name in ("fromString", "toString"))
    if field == "status":
        yield IssueChange(
            ref=ref,
            id=f"{entry_id}:status",
            at=at,
            kind="status",
            before=before,
            after=after,
            before_id=str(item.get("from") or ""),
            after_id=str(item.get("to") or ""),
        )
    elif field == "Flagged" or (flagged and field == flagged):
        was, now = (FLAGGED if text else "" for text in (before, after))
        yield IssueChange(ref=ref, id=f"{entry_id}:flag", at=at, kind="flag", before=was, after=now)
    elif field == "labels":
        gone, come = (_state_labels_in(text, wanted) for text in (before, after))
        for label in sorted(gone - come):
            yield IssueChange(ref=ref, id=f"{entry_id}:-{label}", at=at, kind="label", before=label)
        for label in sorted(come - gone):
            yield IssueChange(ref=ref, id=f"{entry_id}:+{label}", at=at, kind="label", after=label)


def _state_labels_in(labels: str, wanted: FieldSelection) -> set[str]:
    return {label for label in labels.split() if label.casefold() in wanted.state_labels}


def parse_statuses(raw: Any) -> dict[str, tuple[str, Category | None]]:
    """Id -> name and class, out of ``GET /status``. BadPayload."""
    return {
        str(require(row, "id", "a status")): (
            clean_text(require(row, "name", "a status")),
            CATEGORIES.get(str((row.get("statusCategory") or {}).get("key"))),
        )
        for row in require_objects(raw, "GET /status")
    }
