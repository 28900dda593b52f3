"""Jira's changelogs to our values. Pure; ``jira_histories.py`` asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from connectors.jira.payload import CATEGORIES
from connectors.jira.scalars import clean, moment, need, rows
from connectors.model import Category, IssueChange, IssueRef, Wanted

FLAGGED: Final = "flagged"


def expanded_changes(
    raw: Mapping[str, Any], ref: IssueRef, wanted: Wanted, flagged: str | None
) -> list[IssueChange]:
    """The changes in an issue that was searched with ``expand=changelog``."""
    return changes_from(expanded_entries(raw, ref), ref, wanted, flagged)


def expanded_entries(raw: Mapping[str, Any], ref: IssueRef) -> list[dict[str, Any]]:
    """The entries of its changelog. BadPayload."""
    what = f"changelog of {ref.key}"
    return rows(need(need(raw, "changelog", f"issue {ref.key}"), "histories", what), what)


def changes_from(
    histories: Iterable[Mapping[str, Any]], ref: IssueRef, wanted: Wanted, flagged: str | None
) -> list[IssueChange]:
    """What the entries of an issue's changelog say of its state. ``flagged``: id of the Flagged field. BadPayload."""
    what = f"changelog of {ref.key}"
    found: list[IssueChange] = []
    for entry in histories:
        entry_id = str(need(entry, "id", what))
        at = moment(need(entry, "created", what), what)
        for item in rows(entry.get("items") or [], what):
            found += _changes_of(item, entry_id, at, ref, wanted, flagged)
    return found


def _changes_of(
    item: Mapping[str, Any], entry_id: str, at: datetime, ref: IssueRef, wanted: Wanted, flagged: str | None
) -> Iterator[IssueChange]:
    # Data Center has no fieldId; its "field" is untranslated for fields of Jira's own.
    field = str(item.get("fieldId") or item.get("field") or "")
    before, after = (clean(item.get(name) or "") for name in ("fromString", "toString"))
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
        gone, come = (_telling(text, wanted) for text in (before, after))
        for label in sorted(gone - come):
            yield IssueChange(ref=ref, id=f"{entry_id}:-{label}", at=at, kind="label", before=label)
        for label in sorted(come - gone):
            yield IssueChange(ref=ref, id=f"{entry_id}:+{label}", at=at, kind="label", after=label)


def _telling(labels: str, wanted: Wanted) -> set[str]:
    return {label for label in labels.split() if label.casefold() in wanted.state_labels}


def statuses_from(raw: Any) -> dict[str, tuple[str, Category | None]]:
    """Id -> name and class, out of ``GET /status``. BadPayload."""
    return {
        str(need(row, "id", "a status")): (
            clean(need(row, "name", "a status")),
            CATEGORIES.get(str((row.get("statusCategory") or {}).get("key"))),
        )
        for row in rows(raw, "GET /status")
    }
