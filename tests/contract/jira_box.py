"""An embedded Jira site of either kind with a connector opened on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from connectors.http.retry import RetryPolicy
from connectors.jira.reader import JiraReader, open_jira
from connectors.jira.writer import JiraWriter
from connectors.model import Census, Cursor, Failed, Pulled, Source, Wanted
from connectors.sandbox.jira.site import JiraState
from connectors.sandbox.jira.tracker import JiraTracker
from connectors.sandbox.server import Sandbox

Kind = Literal["jira-cloud", "jira-dc"]
ROBOT = {"id": "robot", "display": "Increment Sync", "email": "robot@acme.example", "token": "secret"}
OLD = {"created": "9d ago", "updated": "5d ago"}
PROJECTS: Mapping[str, Any] = {
    "DS": {"issues": [{"summary": f"Issue {n}", "labels": ["theirs"], **OLD} for n in range(1, 6)]},
    "OPS": {"issues": [{"summary": "Request", **OLD}]},
}


class DictCache:
    """A cache that forgets nothing."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, key: str) -> Any | None:
        return self.kept.get(key)

    def put(self, key: str, value: Any, *, days: float = 30) -> None:
        self.kept[key] = value


@dataclass
class JiraBox:
    """A served site, its state, and a reader and writer that work on it."""

    box: Sandbox
    kind: Kind
    reader: JiraReader
    writer: JiraWriter

    @property
    def state(self) -> JiraState:
        tracker = self.box.trackers["jira"]
        assert isinstance(tracker, JiraTracker)
        return tracker.state

    @property
    def url(self) -> str:
        return self.box.url("jira")

    def opened(self, **changed: Any) -> tuple[JiraReader, JiraWriter]:
        """Another reader and writer on the same site, with a cache of their own."""
        return opened(self.box, self.kind, **changed)

    def pull(
        self, *sources: Source, after: Mapping[Source, Cursor] | None = None, reader: JiraReader | None = None
    ) -> dict[Source, Pulled | Failed]:
        asked = [(source, (after or {}).get(source)) for source in sources]
        return {answer.source: answer for answer in (reader or self.reader).pull(asked, Wanted())}

    def census(self, *sources: Source) -> dict[Source, Census | Failed]:
        return {answer.source: answer for answer in self.reader.census(sources, Wanted())}

    def later(self, **by: float) -> None:
        self.box.clock.advance(timedelta(**by))

    def requests(self) -> list[str]:
        """Method and path below the REST API of every request since the last call."""
        entries = self.box.log.entries
        self.box.log.clear()
        return [f"{entry.method} {entry.path.partition('/rest/api/2')[2]}" for entry in entries]


def project(key: str, jql: str | None = None) -> Source:
    return Source(tracker="jira", project=key, jql=jql)


def whole(answer: Pulled | Failed) -> Pulled:
    assert isinstance(answer, Pulled), answer
    return answer


def keys(answer: Pulled | Failed) -> list[str]:
    return [issue.ref.key for issue in whole(answer).issues]


def cursors(answers: Mapping[Source, Pulled | Failed]) -> dict[Source, Cursor]:
    return {source: whole(answer).cursor for source, answer in answers.items()}


def opened(box: Sandbox, kind: Kind, **changed: Any) -> tuple[JiraReader, JiraWriter]:
    cloud = kind == "jira-cloud"
    given: dict[str, Any] = {
        "tracker": "jira",
        "kind": kind,
        "url": box.url("jira"),
        "email": ROBOT["email"] if cloud else None,
        "api_token": ROBOT["token"] if cloud else None,
        "pat": None if cloud else ROBOT["token"],
        "cache": DictCache(),
        "policy": RetryPolicy(random=lambda: 0.5),
        "now": box.clock.now,
        "sleep": lambda seconds: box.clock.advance(timedelta(seconds=seconds)),
        "on_wait": lambda wait: None,
    }
    return open_jira(**(given | changed))


@contextmanager
def jira_box(
    kind: Kind,
    *,
    now: str = "2026-11-20T09:00:00Z",
    robot: Mapping[str, Any] | None = None,
    projects: Mapping[str, Any] = PROJECTS,
    **site: Any,
) -> Iterator[JiraBox]:
    """A site that is served while the context lasts; its clock stands still."""
    part = {
        "kind": kind,
        "accounts": [ROBOT | dict(robot or {}), {"id": "dana"}],
        "projects": projects,
        **site,
    }
    with Sandbox.from_seed({"now": now, "trackers": {"jira": part}}) as box:
        yield JiraBox(box, kind, *opened(box, kind))
