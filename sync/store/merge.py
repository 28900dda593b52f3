"""What a reading changes: the stored state of an issue, what the tracker says now, and what happened between.

Pure; ``snapshot.py`` reads and writes the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.model import Issue
from sync.model.records import IssueEvent
from sync.store.codec import RowValues, encode_issue_payload


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeResult:
    """The row to write, or None when the stored one is newer; and what was noticed."""

    row: dict[str, Any] | None
    events: list[IssueEvent]


def merge_issue(stored: RowValues | None, issue: Issue, at: datetime) -> MergeResult:
    """Put a fresh reading on top of a stored row (without its payload). The newest ``updated`` wins; at equal
    times the reading does, since trackers round."""
    if stored is None:
        return MergeResult(row=_new_row(issue, at), events=[_appeared_event(issue, at)])
    noticed = []
    if stored["vanished"] is not None:
        noticed.append(IssueEvent(ref=issue.ref, at=at, kind="returned"))
    if issue.updated < stored["updated"]:
        return MergeResult(row=None, events=noticed)
    noticed += _detect_changes(stored, issue, at)
    came_back = stored["category"] == "done" and issue.category != "done"
    row = _content_columns(issue) | {
        "first_seen": stored["first_seen"],
        "first_labels": stored["first_labels"],
        "reopened": stored["reopened"] + came_back,
    }
    return MergeResult(row=row, events=noticed)


def _new_row(issue: Issue, at: datetime) -> dict[str, Any]:
    return _content_columns(issue) | {"first_seen": at, "first_labels": sorted(issue.labels), "reopened": 0}


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


def _appeared_event(issue: Issue, at: datetime) -> IssueEvent:
    return IssueEvent(
        ref=issue.ref, at=at, kind="appeared", after=_status_value(issue.status, issue.category)
    )


def _detect_changes(stored: RowValues, issue: Issue, at: datetime) -> list[IssueEvent]:
    noticed = []
    status = _status_value(stored["status"], stored["category"]), _status_value(issue.status, issue.category)
    if status[0] != status[1]:
        noticed.append(IssueEvent(ref=issue.ref, at=at, kind="status", before=status[0], after=status[1]))
    place = (
        _location_value(stored["key"], stored["container"]),
        _location_value(issue.ref.key, issue.container),
    )
    if place[0] != place[1]:
        noticed.append(IssueEvent(ref=issue.ref, at=at, kind="moved", before=place[0], after=place[1]))
    return noticed


def _status_value(status: str, category: str | None) -> dict[str, str | None]:
    return {"status": status, "category": category}


def _location_value(key: str, container: str) -> dict[str, str | None]:
    return {"key": key, "container": container}
