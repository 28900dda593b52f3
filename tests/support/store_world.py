"""Clock, issues and sources for tests of the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.model import Cursor, FieldSelection, Issue, IssueRef, PulledSource, Source
from sync.model.records import IssueEvent
from sync.store import Store

START = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
DS = Source(tracker="jira", container="DS")
BLUE = Source(tracker="jira", container="DS", options=(("jql", "team = Blue"),))
CHURN = Source(tracker="github", container="acme/churn")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **duration: float) -> datetime:
        self.now += timedelta(**duration)
        return self.now


def ref(number: int, tracker: str = "jira") -> IssueRef:
    key = f"DS-{number}" if tracker == "jira" else f"acme/churn#{number}"
    return IssueRef(tracker=tracker, id=str(10_000 + number), key=key)


def issue(number: int, *, at: datetime = START, tracker: str = "jira", **values: Any) -> Issue:
    of = ref(number, tracker)
    given: dict[str, Any] = {
        "ref": of,
        "url": f"https://example.test/{of.key}",
        "title": f"Issue {number}",
        "container": "DS" if tracker == "jira" else "acme/churn",
        "status": "Open",
        "category": "todo",
        "created": START - timedelta(days=3),
        "updated": at,
    }
    return Issue(**given | values)


def pull(
    store: Store,
    *issues: Issue,
    at: datetime = START,
    source: Source = DS,
    full: bool = True,
    selection: FieldSelection | None = None,
) -> list[IssueEvent]:
    pulled = PulledSource(
        source=source,
        issues=issues,
        cursor=Cursor(watermark=at, updated_since=at - timedelta(minutes=2)),
        full=full,
    )
    return store.save_pull(pulled, selection or FieldSelection(), at)


def kinds(events: list[IssueEvent]) -> list[tuple[str, str]]:
    return sorted((event.kind, event.ref.key) for event in events)
