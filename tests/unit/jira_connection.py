"""Jira connector over mocked HTTP, for tests of exact requests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import responses

from connectors.http.retry import RetryPolicy
from connectors.jira.connect import open_jira
from connectors.jira.reader import JiraReader
from connectors.jira.writer import JiraWriter
from connectors.model import IssueRef, Source
from connectors.testing import MemoryCache

SITE = "https://acme.atlassian.net"
REF = IssueRef(tracker="jira", id="10012", key="DS-12")
DS, OPS = Source(tracker="jira", container="DS"), Source(tracker="jira", container="OPS")
DATE = {"Date": "Thu, 01 Oct 2026 13:00:00 GMT"}
FIELDS = [
    {"id": "summary", "name": "Summary"},
    {
        "id": "customfield_10020",
        "name": "Sprint",
        "schema": {"custom": "com.pyxis.greenhopper.jira:gh-sprint"},
    },
]


@dataclass
class FakeClock:
    at: datetime = datetime(2026, 10, 1, 13, 5, tzinfo=UTC)
    sleeps: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.at += timedelta(seconds=seconds)


@dataclass
class JiraConnection:
    """Opens reader and writer with a cache and a clock."""

    clock: FakeClock = field(default_factory=FakeClock)
    cache: MemoryCache = field(default_factory=MemoryCache)

    def open(self, **changed: Any) -> tuple[JiraReader, JiraWriter]:
        given: dict[str, Any] = {
            "tracker": "jira",
            "kind": "jira-cloud",
            "url": SITE,
            "email": "sync@acme.example",
            "api_token": "secret-token",
            "cache": self.cache,
            "policy": RetryPolicy(random=lambda: 0.5),
            "now": self.clock.now,
            "sleep": self.clock.sleep,
            "on_wait": lambda wait: None,
        }
        return open_jira(**(given | changed))

    def data_center(self) -> tuple[JiraReader, JiraWriter]:
        return self.open(kind="jira-dc", email=None, api_token=None, pat="secret-pat")


def mock_site(
    server: responses.RequestsMock, *, zone: str = "UTC", deployment: str = "Cloud", base: str = SITE
) -> None:
    """Mock the three responses that a first pull needs before its search."""
    me = {"accountId": "712020:sync", "displayName": "Increment Sync", "timeZone": zone}
    if deployment != "Cloud":
        me = {"name": "sync", "key": "JIRAUSER7", "displayName": "Increment Sync", "timeZone": zone}
    server.get(f"{base}/rest/api/2/myself", json=me)
    server.get(f"{base}/rest/api/2/serverInfo", json={"deploymentType": deployment})
    server.get(f"{base}/rest/api/2/field", json=FIELDS)


def issue_payload(
    number: int, *, project: str = "DS", updated: str = "2026-10-01T12:00:30.000+0000"
) -> dict[str, Any]:
    fields = {
        "summary": f"Issue {number}",
        "status": {"id": "1", "name": "To Do", "statusCategory": {"key": "new"}},
        "created": "2026-09-01T08:00:00.000+0000",
        "updated": updated,
        "project": {"key": project},
    }
    # The address in self is wrong on purpose: no request may go there.
    return {
        "id": str(10000 + number),
        "key": f"{project}-{number}",
        "self": "https://wrong.example/x",
        "fields": fields,
    }


def search_page(*issues: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    """Return a page of Cloud's search."""
    return {"issues": list(issues), "isLast": token is None} | ({"nextPageToken": token} if token else {})


def request_bodies(server: responses.RequestsMock, method: str = "POST", path: str = "") -> list[Any]:
    """Return the decoded bodies of the requests sent."""
    calls = [call.request for call in server.calls]
    return [
        json.loads(request.body)
        for request in calls
        if request.method == method and path in (request.url or "") and request.body
    ]
