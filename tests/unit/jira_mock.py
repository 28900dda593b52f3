"""Jira mock server without sockets, with clients, for its own tests."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from requests.structures import CaseInsensitiveDict

from connectors.sandbox.core.tracker import Clock, TrackerRequest, TrackerResponse
from connectors.sandbox.jira.site import JiraSiteState
from connectors.sandbox.jira.tracker import JiraTracker

MORNING = datetime(2026, 10, 1, 9, 0, 38, 612_000, tzinfo=UTC)


class MockJira:
    """One site with a service account (``bot``), an admin, a reader in Berlin, people, and the projects DS and OPEN."""

    def __init__(self, kind: str = "jira-cloud", **seed: Any) -> None:
        self.clock = Clock(MORNING)
        self.tracker = JiraTracker("jira", "jira-dc" if kind == "jira-dc" else "jira-cloud", self.clock)
        self.tracker.load({**_seed(), **seed})

    @property
    def state(self) -> JiraSiteState:
        return self.tracker.state

    def send(
        self, method: str, path: str, *, by: str | None = "bot", json: Any = None, **query: Any
    ) -> TrackerResponse:
        """Send a request as an account to a path below ``/rest/api/2``, or to an absolute path."""
        return self.tracker.handle(
            TrackerRequest(
                method=method,
                path=path if path.startswith("/") else f"/rest/api/2/{path}",
                query={name: str(value) for name, value in query.items()},
                headers=CaseInsensitiveDict(self.credentials(by) if by else {}),
                json=json,
                base_url="https://acme.test/jira",
            )
        )

    def get(self, path: str, **more: Any) -> TrackerResponse:
        return self.send("GET", path, **more)

    def put(self, path: str, json: Any, **more: Any) -> TrackerResponse:
        return self.send("PUT", path, json=json, **more)

    def post(self, path: str, json: Any, **more: Any) -> TrackerResponse:
        return self.send("POST", path, json=json, **more)

    def credentials(self, account: str) -> dict[str, str]:
        if self.state.is_cloud:
            pair = f"{account}@acme.example:{account}-token"
            return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        return {"Authorization": f"Bearer {account}-token"}

    def search(self, jql: str, **query: Any) -> TrackerResponse:
        return self.get("search/jql" if self.state.is_cloud else "search", jql=jql, **query)

    def search_keys(self, jql: str, **query: Any) -> list[str]:
        """Return the keys of the first page."""
        answer = self.search(jql, fields="key", **query)
        assert answer.status == 200, answer.data
        return [issue["key"] for issue in answer.data["issues"]]


def mock_jira_with_issue(kind: str = "jira-cloud", **seed: Any) -> MockJira:
    """Return a site with DS-1, labelled ``human`` and watched by dana, one hour old."""
    site = MockJira(kind, **seed)
    site.state.add_issue("DS", "One", labels=["human"], watchers=("dana",), by="dana")
    site.clock.advance(timedelta(hours=1))
    return site


def error_text(answer: TrackerResponse) -> str:
    """Return the messages in an error body as one text."""
    return " ".join([*answer.data.get("errorMessages", []), *answer.data.get("errors", {}).values()])


def _seed() -> dict[str, Any]:
    def account(name: str, **more: Any) -> dict[str, Any]:
        return {"id": name, "email": f"{name}@acme.example", "token": f"{name}-token", **more}

    return {
        "accounts": [
            account("bot"),
            account("admin", permissions=["browse", "edit", "comment", "edit_all_comments", "admin"]),
            account("berlin", timezone="Europe/Berlin", permissions=["browse"]),
            account("scoped", scoped=True),
            account("expired", expires="1d ago"),
            {"id": "dana", "display": "Dana Rossi"},
        ],
        "projects": {"DS": {"name": "Data Science"}, "OPEN": {"public": True}},
    }
