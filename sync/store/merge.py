"""Merge a stored issue with a fresh read, and detect the events in between. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from connectors.model import Issue
from sync.model.records import EventKind, IssueEvent
from sync.store.codec import RowValues, encode_issue_payload

_COLUMNS_BY_EVENT: Final[dict[EventKind, tuple[str, str]]] = {
    "status": ("status", "category"),
    "moved": ("key", "container"),
}
"""Kind of event -> columns whose change it reports."""


def merge_issue(
    stored: RowValues | None, issue: Issue, at: datetime
) -> tuple[dict[str, Any] | None, list[IssueEvent]]:
    """Merge a fresh read with the stored row (without payload).

    Returns the row to write, None if the stored one is newer, and the events. The newest ``updated`` wins; at equal
    times the fresh read does, because trackers round times.
    """
    if stored is None:
        first = {"first_seen": at, "first_labels": sorted(issue.labels), "reopened": 0}
        status = {"status": issue.status, "category": issue.category}
        appeared = IssueEvent(ref=issue.ref, at=at, kind="appeared", after=status)
        return _content_columns(issue) | first, [appeared]
    events = []
    if stored["vanished"] is not None:
        events.append(IssueEvent(ref=issue.ref, at=at, kind="returned"))
    if issue.updated < stored["updated"]:
        return None, events
    content = _content_columns(issue)
    for kind, names in _COLUMNS_BY_EVENT.items():
        before, after = ({name: row[name] for name in names} for row in (stored, content))
        if before != after:
            events.append(IssueEvent(ref=issue.ref, at=at, kind=kind, before=before, after=after))
    came_back = stored["category"] == "done" and issue.category != "done"
    first = {name: stored[name] for name in ("first_seen", "first_labels")}
    return content | first | {"reopened": stored["reopened"] + came_back}, events


def _content_columns(issue: Issue) -> dict[str, Any]:
    return {
        "tracker": issue.ref.tracker,
        "id": issue.ref.id,
        "key": issue.ref.key,
        "container": issue.container,
        "status": issue.status,
        "category": issue.category,
        "updated": issue.updated,
        "payload": encode_issue_payload(issue),
        "vanished": None,
    }
