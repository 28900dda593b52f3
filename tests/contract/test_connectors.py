"""Connector contract for the in-memory tracker, GitHub.com and GitHub Enterprise Server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.github.connect import open_github
from connectors.github.spec import SPEC as GITHUB
from connectors.markdown import MARKDOWN
from connectors.model import Source
from connectors.ports import IssueReader, IssueWriter
from connectors.sandbox.core.faults import Fault
from connectors.sandbox.server import Sandbox
from connectors.spec import SPEC_VERSION, ConnectorSpec, KeySpec, OpenArguments, Option, SourceSpec
from connectors.testing import START, ConnectorSuite, MemoryCache, TrackerHarness, VirtualTime
from tests.support.memory_tracker import MemoryTracker


def _open_nothing(arguments: OpenArguments) -> tuple[IssueReader, IssueWriter]:
    raise NotImplementedError("tests make the in-memory tracker themselves")


MEMORY = ConnectorSpec(
    version=SPEC_VERSION,
    name="memory",
    title="Memory",
    kinds={"memory": "Memory"},
    needs_url=False,
    open=_open_nothing,
    keys=KeySpec(
        pattern=re.compile(r"[A-Z]+-[1-9][0-9]*"),
        example="DS-1",
        container=lambda key: key.rpartition("-")[0],
    ),
    source=SourceSpec(noun="project", shape="{project: KEY}", options=(Option("project", "Project."),)),
    markup=MARKDOWN,
)
"""Nothing that is optional."""


class MemoryFixture(TrackerHarness):
    is_installed = False

    def __init__(self) -> None:
        self.spec, self.time = MEMORY, VirtualTime()
        self.tracker = MemoryTracker("memory", ["DS", "OPS"], now=self.time.now)
        self.reader = self.writer = self.tracker
        self.source = Source(tracker="memory", container="DS")
        self.missing = Source(tracker="memory", container="NOPE")

    def add_issue(self, title: str, *, labels: tuple[str, ...] = (), body: str = "") -> str:
        return self.tracker.add_issue("DS", title, labels=labels, body=body).key

    def label(self, key: str, name: str) -> None:
        self.tracker.label(key, name)

    def unlabel(self, key: str, name: str) -> None:
        self.tracker.unlabel(key, name)

    def close(self, key: str) -> None:
        self.tracker.close(key)

    def reopen(self, key: str) -> None:
        self.tracker.reopen(key)

    def comment(self, key: str, body: str) -> str:
        return self.tracker.comment_as(key, body).id

    def comments_of(self, key: str) -> list[str]:
        return [comment.body for comment in self.tracker.comments(self.ref(key))]

    def delete(self, key: str) -> None:
        self.tracker.delete_issue(key)

    def move(self, key: str) -> str:
        return self.tracker.move(key, "OPS").key

    def pass_minutes(self, minutes: float) -> None:
        self.time.sleep(60 * minutes)

    def lose_next_response_to_new_comment(self) -> None:
        self.tracker.loses_responses = True


class GithubFixture(TrackerHarness):
    def __init__(self, sandbox: Sandbox, **options: Any) -> None:
        self.spec, self.sandbox = GITHUB, sandbox
        self.state: Any = sandbox.trackers["github"].state  # type: ignore[attr-defined]
        self.cache = MemoryCache()
        self.waits: list[float] = []
        self.options: dict[str, Any] = {"token": "ghp_sync"} | options
        self.reader, self.writer = self.connect()
        self.source = Source(tracker="github", container="acme/churn")
        self.missing = Source(tracker="github", container="acme/nope")

    def connect(self, **options: Any) -> tuple[Any, Any]:
        return open_github(
            tracker="github",
            url=self.sandbox.url("github"),
            cache=self.cache,
            now=self.sandbox.clock.now,
            sleep=self.sleep,
            on_wait=lambda wait: self.waits.append(wait.seconds),
            **(self.options | options),
        )

    def sleep(self, seconds: float) -> None:
        self.sandbox.clock.advance(timedelta(seconds=seconds))

    def add_issue(self, title: str, *, labels: tuple[str, ...] = (), body: str = "") -> str:
        return f"acme/churn#{self.state.add_issue('acme/churn', title, by='dana', labels=labels, body=body)}"

    def label(self, key: str, name: str) -> None:
        self.state.label(*split_key(key), name, by="dana")

    def unlabel(self, key: str, name: str) -> None:
        self.state.unlabel(*split_key(key), name, by="dana")

    def close(self, key: str) -> None:
        self.state.close(*split_key(key), by="dana")

    def reopen(self, key: str) -> None:
        self.state.reopen(*split_key(key), by="dana")

    def comment(self, key: str, body: str) -> str:
        return str(self.state.comment(*split_key(key), body, by="dana"))

    def comments_of(self, key: str) -> list[str]:
        return [comment.body for comment in self.state.issue(*split_key(key)).comments]

    def delete(self, key: str) -> None:
        self.state.delete_issue(*split_key(key))

    def move(self, key: str) -> str:
        return f"acme/ops#{self.state.transfer(*split_key(key), 'acme/ops', by='dana')}"

    def pass_minutes(self, minutes: float) -> None:
        self.sandbox.clock.advance(timedelta(minutes=minutes))

    def lose_next_response_to_new_comment(self) -> None:
        self.sandbox.faults.add(Fault(kind="reset_after", method="POST", path="*/comments"))

    def requests(self) -> int:
        return self.sandbox.log.count()


def split_key(key: str) -> tuple[str, int]:
    repo, number = key.split("#")
    return repo, int(number)


def seed(**more: Any) -> dict[str, Any]:
    permissions = {"increment-sync": "write", "dana": "write"}
    tracker = {
        "kind": "github",
        "accounts": [
            {"login": "increment-sync", "id": 41, "token": "ghp_sync"},
            {"login": "dana", "id": 42, "token": "ghp_dana"},
        ],
        "repos": {
            "acme/churn": {"private": True, "permissions": permissions},
            "acme/ops": {"private": True, "permissions": permissions},
        },
    }
    return {"now": START.isoformat(), "trackers": {"github": tracker | more}}


class TestMemory(ConnectorSuite):
    @pytest.fixture
    def world(self) -> TrackerHarness:
        return MemoryFixture()


class TestGithub(ConnectorSuite):
    @pytest.fixture
    def world(self) -> Iterator[TrackerHarness]:
        with Sandbox.from_seed(seed()) as sandbox:
            yield GithubFixture(sandbox)


class TestGithubEnterpriseServer(ConnectorSuite):
    @pytest.fixture
    def world(self) -> Iterator[TrackerHarness]:
        with Sandbox.from_seed(seed(server="enterprise")) as sandbox:
            yield GithubFixture(sandbox)
