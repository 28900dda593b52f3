"""Harness of a connector under test: what its author writes, and helpers that are the same for every tracker."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from connectors.http.retry import RetryPolicy
from connectors.http.usage import RequestStats
from connectors.model import (
    FieldSelection,
    HistoryRequest,
    Issue,
    IssueRef,
    PulledSource,
    Source,
    SourceHistory,
)
from connectors.ports import IssueReader, IssueWriter
from connectors.spec import ConnectorSpec, OpenArguments

MARKER: Final = {"instance": "contract", "anchor": "goal-1"}
START: Final = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class VirtualTime:
    """Clock that only a test moves. Connector and tracker share it."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the time (UTC)."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self._now += timedelta(seconds=seconds)


@dataclass
class MemoryCache:
    """``ports.Cache`` that keeps everything, as JSON like the real one."""

    values: dict[str, str] = field(default_factory=dict)

    def get(self, key: str) -> Any | None:
        """Return the value, or None."""
        return json.loads(self.values[key]) if key in self.values else None

    def put(self, key: str, value: Any, *, days: float = 30) -> None:
        """Store a JSON value."""
        assert days > 0
        self.values[key] = json.dumps(value)


def open_arguments(spec: ConnectorSpec, time: VirtualTime, **given: Any) -> OpenArguments:
    """Return the arguments of ``ConnectorSpec.open`` for a tracker that is named like the connector.

    ``given`` replaces any of them; ``options`` are added to the defaults of the specification.
    """
    defaults = {option.name: option.default for option in spec.settings}
    arguments: dict[str, Any] = {
        "tracker": spec.name,
        "kind": next(iter(spec.kinds)),
        "url": spec.default_url,
        "credentials": {},
        "cache": MemoryCache(),
        "policy": RetryPolicy(random=lambda: 0.5),
        "overlap": timedelta(minutes=10),
        "rate_limiter": None,
        "now": time.now,
        "sleep": time.sleep,
        "on_wait": lambda _: None,
        "on_smaller_page": lambda *_: None,
        "request_stats": RequestStats(),
    }
    arguments |= given
    return OpenArguments(**arguments | {"options": defaults | given.get("options", {})})


class TrackerHarness(ABC):
    """A tracker with one container, its user dana, and a connector to it.

    The abstract methods are what dana does there, in the tracker's own way and never through the connector.
    """

    spec: ConnectorSpec
    reader: IssueReader
    writer: IssueWriter
    source: Source
    """The container in which ``add_issue`` works."""
    missing: Source
    """A source that does not exist."""

    is_installed: bool = True
    """False for a connector without an entry point."""
    keeps_history: bool = True
    """False if the tracker does not keep who changed what: the connector then has to say that it does not know."""
    follows_moves: bool = True
    """False if an issue that moves cannot be found by its old key."""

    @abstractmethod
    def add_issue(self, title: str, *, labels: tuple[str, ...] = (), body: str = "") -> str:
        """Open an issue and return its key."""

    @abstractmethod
    def label(self, key: str, name: str) -> None:
        """Add a label as dana."""

    @abstractmethod
    def unlabel(self, key: str, name: str) -> None:
        """Remove a label as dana."""

    @abstractmethod
    def close(self, key: str) -> None:
        """Close an issue as dana."""

    @abstractmethod
    def reopen(self, key: str) -> None:
        """Reopen an issue as dana."""

    @abstractmethod
    def comment(self, key: str, body: str) -> str:
        """Comment as dana and return the comment's id."""

    @abstractmethod
    def comments_of(self, key: str) -> list[str]:
        """Return the bodies of an issue's comments from the tracker's own state, oldest first."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Delete an issue."""

    @abstractmethod
    def move(self, key: str) -> str:
        """Move an issue to another container and return its new key."""

    @abstractmethod
    def pass_minutes(self, minutes: float) -> None:
        """Advance the clocks of connector and tracker."""

    def lose_next_response_to_new_comment(self) -> None:
        """Let the next comment be created and its response be lost. Skips the test where no response can be lost."""
        pytest.skip("nothing is sent to this tracker, so that no response can be lost")

    def requests(self) -> int | None:
        """Return the number of answered requests; None for a tracker without requests."""
        return None

    # ---- the same for all trackers

    def pull(
        self, before: PulledSource | None = None, selection: FieldSelection = FieldSelection()
    ) -> PulledSource:
        """Pull the source, from the cursor of an earlier result on."""
        answers = list(self.reader.pull([(self.source, before.cursor if before else None)], selection))
        assert len(answers) == 1
        assert isinstance(answers[0], PulledSource), answers[0]
        return answers[0]

    def history(
        self, *keys: str, before: SourceHistory | None = None, labels: tuple[str, ...] = ()
    ) -> tuple[list[tuple[str, str, str]], SourceHistory]:
        """Return the changes of issues, oldest first, as (title, kind, new value or "no <old value>"), and the history.

        Like a run: histories are requested only if they do not come with the pull."""
        selection = FieldSelection(state_labels=frozenset(labels))
        issues = {
            issue.ref.id: issue for issue in self.pull(selection=selection).issues if issue.ref.key in keys
        }
        pulled = self.pull(selection=selection)
        if pulled.changes is not None:
            history = SourceHistory(source=self.source, changes=pulled.changes, complete=frozenset(issues))
        else:
            mark = before.bookmark if before else None
            request = HistoryRequest(source=self.source, issues=tuple(issues.values()), bookmark=mark)
            (answer,) = self.reader.histories([request], selection)
            assert isinstance(answer, SourceHistory), answer
            history = answer
        lines: list[tuple[str, str, str]] = [
            (issues[change.ref.id].title, change.kind, change.after or f"no {change.before}")
            for change in sorted(history.changes, key=lambda change: change.at)
            if change.ref.id in issues
        ]
        return lines, history

    def issue(self, key: str) -> Issue:
        """Read an issue with its body."""
        return self.reader.read(key, FieldSelection(body=True))

    def ref(self, key: str) -> IssueRef:
        """Read the identity of an issue."""
        return self.issue(key).ref


def titles(pulled: PulledSource) -> set[str]:
    """Return the titles of pulled issues."""
    return {issue.title for issue in pulled.issues}


def by_title(pulled: PulledSource) -> Mapping[str, Issue]:
    """Return pulled issues by their titles. Fails if one came twice."""
    assert len(titles(pulled)) == len(pulled.issues), "an issue came twice"
    return {issue.title: issue for issue in pulled.issues}
