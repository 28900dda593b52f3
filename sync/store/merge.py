"""What a reading changes: the stored state of an issue, what the tracker says now, and what happened between.

Pure; ``snapshot.py`` reads and writes the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.model import Issue
from sync.model.records import Noticed
from sync.store.codec import Values, issue_payload


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """The row to write, or None when the stored one is newer; and what was noticed."""

    row: dict[str, Any] | None
    noticed: list[Noticed]


def merge(stored: Values | None, issue: Issue, at: datetime) -> Merged:
    """Put a fresh reading on top of a stored row (without its payload). The newest ``updated`` wins; at equal
    times the reading does, since trackers round."""
    if stored is None:
        return Merged(row=_new_row(issue, at), noticed=[_appeared(issue, at)])
    noticed = []
    if stored["vanished"] is not None:
        noticed.append(Noticed(ref=issue.ref, at=at, kind="returned"))
    if issue.updated < stored["updated"]:
        return Merged(row=None, noticed=noticed)
    noticed += _changes(stored, issue, at)
    came_back = stored["category"] == "done" and issue.category != "done"
    row = _content(issue) | {
        "first_seen": stored["first_seen"],
        "first_labels": stored["first_labels"],
        "reopened": stored["reopened"] + came_back,
    }
    return Merged(row=row, noticed=noticed)


def _new_row(issue: Issue, at: datetime) -> dict[str, Any]:
    return _content(issue) | {"first_seen": at, "first_labels": sorted(issue.labels), "reopened": 0}


def _content(issue: Issue) -> dict[str, Any]:
    return {
        "tracker": issue.ref.tracker,
        "id": issue.ref.id,
        "key": issue.ref.key,
        "container": issue.container,
        "status": issue.status,
        "category": issue.category,
        "updated": issue.updated,
        "payload": issue_payload(issue),
        "vanished": None,
    }


def _appeared(issue: Issue, at: datetime) -> Noticed:
    return Noticed(ref=issue.ref, at=at, kind="appeared", after=_status(issue.status, issue.category))


def _changes(stored: Values, issue: Issue, at: datetime) -> list[Noticed]:
    noticed = []
    status = _status(stored["status"], stored["category"]), _status(issue.status, issue.category)
    if status[0] != status[1]:
        noticed.append(Noticed(ref=issue.ref, at=at, kind="status", before=status[0], after=status[1]))
    place = _place(stored["key"], stored["container"]), _place(issue.ref.key, issue.container)
    if place[0] != place[1]:
        noticed.append(Noticed(ref=issue.ref, at=at, kind="moved", before=place[0], after=place[1]))
    return noticed


def _status(status: str, category: str | None) -> dict[str, str | None]:
    return {"status": status, "category": category}


def _place(key: str, container: str) -> dict[str, str | None]:
    return {"key": key, "container": container}
