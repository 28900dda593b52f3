"""Histories and former keys of the issues in a snapshot, kept as rows until they are needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Final

from connectors.model import IssueChange, IssueRef
from connectors.scalars import in_utc
from sync.model.records import IssueEvent
from sync.store.base import parse_ref
from sync.store.issues import FormerKeys, add_former_key

HISTORY_TABLES: Final = ("issue_events", "issue_changes", "issue_histories")

_Row = dict[str, Any]
_Id = tuple[str, str]
"""Tracker and issue id."""


class SnapshotHistories:
    """The rows of the history tables, by table."""

    def __init__(self, events: Iterable[_Row], changes: Iterable[_Row], histories: Iterable[_Row]) -> None:
        self._events, self._changes = list(events), list(changes)
        self._histories = list(histories)

    def former_keys(self) -> FormerKeys:
        found: FormerKeys = {}
        for row in self._events:
            if row["kind"] == "moved":
                add_former_key(found, row["tracker"], row["issue_id"], row["before"]["key"])
        for row in self._changes:
            if row["kind"] == "key":
                add_former_key(found, row["tracker"], row["issue_id"], row["before"])
        return found

    def changes(self, issues: Collection[_Id]) -> dict[_Id, list[IssueChange]]:
        """Return the changes of these issues, oldest first. Their refs have no key."""
        found: defaultdict[_Id, list[IssueChange]] = defaultdict(list)
        for row in self._changes:
            place = (row["tracker"], row["issue_id"])
            if place in issues:
                values = {name: value for name, value in row.items() if name in _CHANGE_COLUMNS}
                ref = IssueRef(tracker=place[0], id=place[1], key="")
                values |= {"at": parse_utc(row["at"]), "id": row["change_id"]}
                found[place].append(IssueChange(ref=ref, **values))
        for changes in found.values():
            changes.sort(key=lambda change: change.at)
        return found

    def complete(self, updated: dict[_Id, datetime]) -> frozenset[_Id]:
        """Return the issues whose whole history was read up to their last update."""
        return frozenset(
            place
            for row in self._histories
            if row["whole"]
            and updated.get(place := (row["tracker"], row["issue_id"])) == parse_utc(row["read_for"])
        )

    def observed_status_changes(self) -> dict[_Id, list[IssueEvent]]:
        found: defaultdict[_Id, list[IssueEvent]] = defaultdict(list)
        for row in self._events:
            if row["kind"] == "status":
                event = IssueEvent(
                    ref=parse_ref(row),
                    at=parse_utc(row["at"]),
                    kind="status",
                    before=row.get("before"),
                    after=row.get("after"),
                )
                found[row["tracker"], row["issue_id"]].append(event)
        return found


_CHANGE_COLUMNS: Final = frozenset(IssueChange.__dataclass_fields__) - {"ref", "id", "at"}


def parse_utc(text: str) -> datetime:
    """Return a time in UTC. Raises ValueError for a time without a zone and for an impossible one."""
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError(f"a time without a zone: {text}")
    time = in_utc(read)
    if time is None:
        raise ValueError(f"an impossible time: {text}")
    return time
