"""Merge a stored issue with a fresh read, and detect the events in between. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.model import Issue
from sync.model.records import IssueEvent
from sync.store.codec import RowValues, encode_issue_payload


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeResult:
    """Row to write, None if the stored one is newer, and the events."""

    row: dict[str, Any] | None
    events: list[IssueEvent]


def merge_issue(stored: RowValues | None, issue: Issue, at: datetime) -> MergeResult:
    """Merge a fresh read with the stored row (without payload).

    The newest ``updated`` wins; at equal times the fresh read does, because trackers round times.
    """
    if stored is None:
        return MergeResult(row=_new_row(issue, at), events=[_appeared_event(issue, at)])
    events = []
    if stored["vanished"] is not None:
        events.append(IssueEvent(ref=issue.ref, at=at, kind="returned"))
    if issue.updated < stored["updated"]:
        return MergeResult(row=None, events=events)
    events += _detect_changes(stored, issue, at)
    came_back = stored["category"] == "done" and issue.category != "done"
    row = _content_columns(issue) | {
        "first_seen": stored["first_seen"],
        "first_labels": stored["first_labels"],
        "reopened": stored["reopened"] + came_back,
    }
    return MergeResult(row=row, events=events)


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
    events = []
    status = _status_value(stored["status"], stored["category"]), _status_value(issue.status, issue.category)
    if status[0] != status[1]:
        events.append(IssueEvent(ref=issue.ref, at=at, kind="status", before=status[0], after=status[1]))
    place = (
        _location_value(stored["key"], stored["container"]),
        _location_value(issue.ref.key, issue.container),
    )
    if place[0] != place[1]:
        events.append(IssueEvent(ref=issue.ref, at=at, kind="moved", before=place[0], after=place[1]))
    return events


def _status_value(status: str, category: str | None) -> dict[str, str | None]:
    return {"status": status, "category": category}


def _location_value(key: str, container: str) -> dict[str, str | None]:
    return {"key": key, "container": container}
