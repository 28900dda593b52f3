"""Absurd answers of one tracker in whole runs: the other tracker is read, and so are the good issues of the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.adapters import BaseAdapter

from sync.model.run import PullResult
from sync.pull.pull import pull_sources
from sync.runtime.bootstrap import ClientOptions
from sync.runtime.context import NoProgress
from sync.runtime.session import tracker_context
from sync.simulation.environment import (
    Environment,
    EnvironmentState,
    SimulatedRun,
    SourceFailureLog,
    StorePool,
    initial_state,
    restore_environment,
)
from sync.simulation.fault_schedule import RunSchedule
from sync.simulation.scenarios import random_scenario_for
from tests.support.absurd_values import Change, absurd_changes, absurd_header, garbled

Garble = Callable[[requests.PreparedRequest, requests.Response], None]
SCENARIOS = (0, 5)
"""Cloud and Data Center."""


class GarblingAdapter(BaseAdapter):
    """Adapter that changes answers on their way."""

    def __init__(self, inner: BaseAdapter, garble: Garble) -> None:
        super().__init__()
        self._inner, self._garble = inner, garble

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        response = self._inner.send(request, *args, **options)
        self._garble(request, response)
        return response

    def close(self) -> None:
        return


class Worlds:
    """Environments of two scenarios, before and after a first undisturbed run."""

    def __init__(self) -> None:
        self._stores = StorePool()
        self._states: dict[tuple[int, bool], EnvironmentState] = {}
        for number in SCENARIOS:
            self._states[number, False] = initial_state(random_scenario_for(number))
            environment = self.environment(number, warm=False)
            assert environment.run(RunSchedule()).stop_reason is None
            self._states[number, True] = environment.capture_state()

    def environment(self, number: int, *, warm: bool) -> Environment:
        return restore_environment(random_scenario_for(number), self._states[number, warm], self._stores)


@pytest.fixture(scope="module")
def worlds() -> Worlds:
    return Worlds()


def disturbed_pull(environment: Environment, garble: Garble) -> PullResult:
    """Read everything, as the first phase of a run does."""
    assert environment.adapter is not None
    scenario = environment.scenario
    options = ClientOptions(
        now=environment.now,
        sleep=environment.sleep,
        adapter=GarblingAdapter(environment.adapter, garble),
        page_size=scenario.page_size,
    )
    with tracker_context(
        scenario.loaded_workspace,
        scenario.credentials,
        environment.store,
        options,
        "a-run",
        writes=False,
        progress=NoProgress(),
        log=SourceFailureLog(),
        parallel_reads=1,
    ) as context:
        return pull_sources(context, full=True)


def disturbed_run(environment: Environment, garble: Garble) -> SimulatedRun:
    inner = environment.adapter
    assert inner is not None
    environment.adapter = GarblingAdapter(inner, garble)
    run = environment.run(RunSchedule(full=True))
    environment.adapter = inner
    return run


def content(response: requests.Response) -> Any:
    return json.loads(response.content) if response.content else None


def replace_content(response: requests.Response, data: Any) -> None:
    response._content = json.dumps(data).encode()


def rows_in(data: Any) -> list[Any]:
    """Return the issues in an answer."""
    rows = data.get("issues", [data]) if isinstance(data, dict) else data
    return rows if isinstance(rows, list) else []


@settings(max_examples=25)
@given(
    number=st.sampled_from(SCENARIOS),
    warm=st.booleans(),
    tracker=st.sampled_from(("jira", "github")),
    changes=absurd_changes,
)
def test_one_garbled_issue_leaves_all_others_readable(
    worlds: Worlds, number: int, warm: bool, tracker: str, changes: list[Change]
) -> None:
    environment = worlds.environment(number, warm=warm)
    key, name = ("DS-11", "DS-11") if tracker == "jira" else ("acme/churn#11", 11)

    def garble(request: requests.PreparedRequest, response: requests.Response) -> None:
        if f"/{tracker}/" not in str(request.url) or response.status_code != 200:
            return
        document = content(response)
        rows = rows_in(document)
        for index, row in enumerate(rows):
            if isinstance(row, dict) and name in (row.get("key"), row.get("number")) and "labels" in str(row):
                rows[index] = garbled(row, changes)
                replace_content(response, rows[0] if document is row else document)

    pulled = disturbed_pull(environment, garble)
    read = {item.issue.ref.key for item in pulled.known.values() if not item.vanished}
    expected = {each.key for each in environment.trackers["jira"].state.issues()}  # type: ignore[attr-defined]
    expected |= {
        f"{repo.full_name}#{issue_number}"
        for repo in environment.trackers["github"].state.repos.values()  # type: ignore[attr-defined]
        for issue_number in repo.issues
        if repo.full_name == "acme/churn"
    }
    assert expected - {key} <= read
    assert not pulled.failed
    assert not pulled.newly_missing


@settings(max_examples=15)
@given(
    number=st.sampled_from(SCENARIOS),
    warm=st.booleans(),
    trackers=st.permutations(("jira", "github")),
    nth=st.integers(0, 12),
    changes=st.none() | absurd_changes,
    headers=st.dictionaries(
        st.sampled_from(("Date", "ETag", "Link", "Retry-After")), absurd_header, max_size=2
    ),
)
def test_garbled_answers_of_one_tracker_never_cost_the_other(
    worlds: Worlds,
    number: int,
    warm: bool,
    trackers: list[str],
    nth: int,
    changes: list[Change] | None,
    headers: dict[str, str],
) -> None:
    environment = worlds.environment(number, warm=warm)
    tracker, other = trackers
    count = 0

    def garble(request: requests.PreparedRequest, response: requests.Response) -> None:
        nonlocal count
        if f"/{tracker}/" not in str(request.url):
            return
        count += 1
        if count - 1 != nth:
            return
        if changes:
            replace_content(response, garbled(content(response), changes))
        response.headers.update(headers)

    run = disturbed_run(environment, garble)
    assert run.unexpected_error is None
    assert run.result is not None, run.stop_reason
    assert not any(failure.source.tracker == other for failure in run.result.pulled.failed)
