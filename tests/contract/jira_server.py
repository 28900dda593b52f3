"""Jira mock server of either kind, with a connector to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from connectors.http.retry import RetryPolicy
from connectors.jira.connect import open_jira
from connectors.jira.reader import JiraReader
from connectors.jira.writer import JiraWriter
from connectors.model import Census, Cursor, FailedSource, FieldSelection, PulledSource, Source
from connectors.sandbox.jira.site import JiraSiteState
from connectors.sandbox.jira.tracker import JiraTracker
from connectors.sandbox.server import Sandbox
from connectors.testing import MemoryCache

Kind = Literal["jira-cloud", "jira-dc"]
SERVICE_ACCOUNT = {
    "id": "robot",
    "display": "Increment Sync",
    "email": "robot@acme.example",
    "token": "secret",
}
OLD_TIMES = {"created": "9d ago", "updated": "5d ago"}
PROJECTS: Mapping[str, Any] = {
    "DS": {"issues": [{"summary": f"Issue {n}", "labels": ["theirs"], **OLD_TIMES} for n in range(1, 6)]},
    "OPS": {"issues": [{"summary": "Request", **OLD_TIMES}]},
}


@dataclass
class JiraServer:
    """Mock server with its state, and a reader and writer connected to it."""

    sandbox: Sandbox
    kind: Kind
    reader: JiraReader
    writer: JiraWriter

    @property
    def state(self) -> JiraSiteState:
        tracker = self.sandbox.trackers["jira"]
        assert isinstance(tracker, JiraTracker)
        return tracker.state

    @property
    def url(self) -> str:
        return self.sandbox.url("jira")

    def connect(self, **changed: Any) -> tuple[JiraReader, JiraWriter]:
        """Return another reader and writer of the site, with a cache of their own."""
        return connect(self.sandbox, self.kind, **changed)

    def pull(
        self, *sources: Source, after: Mapping[Source, Cursor] | None = None, reader: JiraReader | None = None
    ) -> dict[Source, PulledSource | FailedSource]:
        pairs = [(source, (after or {}).get(source)) for source in sources]
        return {answer.source: answer for answer in (reader or self.reader).pull(pairs, FieldSelection())}

    def census(self, *sources: Source) -> dict[Source, Census | FailedSource]:
        return {answer.source: answer for answer in self.reader.census(sources, FieldSelection())}

    def advance(self, **by: float) -> None:
        self.sandbox.clock.advance(timedelta(**by))

    def requests(self) -> list[str]:
        """Return method and path below the REST API of every request since the last call."""
        entries = self.sandbox.log.entries
        self.sandbox.log.clear()
        return [f"{entry.method} {entry.path.partition('/rest/api/2')[2]}" for entry in entries]


def project(key: str, jql: str | None = None) -> Source:
    return Source(tracker="jira", container=key, options=(("jql", jql),) if jql else ())


def pulled_source(answer: PulledSource | FailedSource) -> PulledSource:
    assert isinstance(answer, PulledSource), answer
    return answer


def issue_keys(answer: PulledSource | FailedSource) -> list[str]:
    return [issue.ref.key for issue in pulled_source(answer).issues]


def cursors(answers: Mapping[Source, PulledSource | FailedSource]) -> dict[Source, Cursor]:
    return {source: pulled_source(answer).cursor for source, answer in answers.items()}


def connect(sandbox: Sandbox, kind: Kind, **changed: Any) -> tuple[JiraReader, JiraWriter]:
    cloud = kind == "jira-cloud"
    given: dict[str, Any] = {
        "tracker": "jira",
        "kind": kind,
        "url": sandbox.url("jira"),
        "email": SERVICE_ACCOUNT["email"] if cloud else None,
        "api_token": SERVICE_ACCOUNT["token"] if cloud else None,
        "pat": None if cloud else SERVICE_ACCOUNT["token"],
        "cache": MemoryCache(),
        "policy": RetryPolicy(random=lambda: 0.5),
        "now": sandbox.clock.now,
        "sleep": lambda seconds: sandbox.clock.advance(timedelta(seconds=seconds)),
        "on_wait": lambda wait: None,
    }
    return open_jira(**(given | changed))


@contextmanager
def serve_jira(
    kind: Kind,
    *,
    now: str = "2026-11-20T09:00:00Z",
    robot: Mapping[str, Any] | None = None,
    projects: Mapping[str, Any] = PROJECTS,
    **site: Any,
) -> Iterator[JiraServer]:
    """Serve a site while the context lasts. Its clock stands still."""
    part = {
        "kind": kind,
        "accounts": [SERVICE_ACCOUNT | dict(robot or {}), {"id": "dana"}],
        "projects": projects,
        **site,
    }
    with Sandbox.from_seed({"now": now, "trackers": {"jira": part}}) as sandbox:
        yield JiraServer(sandbox, kind, *connect(sandbox, kind))
