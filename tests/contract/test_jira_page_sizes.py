"""Data Center that cannot deliver pages of a thousand issues with changelogs, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.http.retry import RetryPolicy
from connectors.model import FailedSource, FieldSelection, HistoryRequest, IssueChange, SourceHistory
from connectors.sandbox.core.faults import Fault
from tests.contract.jira_server import JiraServer, Kind, issue_keys, project, pulled_source, serve_jira

DS, OPS = project("DS"), project("OPS")
ISSUES = 120
SEARCH = "POST /search"


def serve_many_issues(kind: Kind = "jira-dc") -> Any:
    times = {"created": "9d ago", "started": "8d ago", "updated": "5d ago", "status": "In Progress"}
    issues = [{"summary": f"Issue {n}", **times} for n in range(ISSUES)]
    return serve_jira(kind, projects={"DS": {"issues": issues}, "OPS": {"issues": issues[:1]}})


@pytest.fixture
def jira() -> Iterator[JiraServer]:
    with serve_many_issues() as server:
        yield server


def fail_large_requests(
    jira: JiraServer, *, rows: int | None = None, expand: str | None = None, **fault: Any
) -> None:
    """Let matching searches fail from now on."""
    jira.sandbox.faults.add(Fault(**({"kind": "timeout", "times": None} | fault), rows=rows, expand=expand))


def keys_with_history(answer: Any) -> set[str]:
    return {change.ref.key for change in pulled_source(answer).changes or ()}


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"kind": "truncated"},
        {"kind": "reset_before"},
        *({"kind": "status", "status": status} for status in (500, 502, 503)),
    ],
)
def test_smaller_pages_return_everything_and_their_size_is_kept(
    jira: JiraServer, fault: dict[str, Any]
) -> None:
    undisturbed = jira.pull(DS)[DS]
    jira.requests()
    fail_large_requests(jira, rows=51, **fault)
    answer = jira.pull(DS)[DS]
    assert replace(pulled_source(answer), changes=None) == replace(pulled_source(undisturbed), changes=None)
    assert sorted(map(str, pulled_source(answer).changes or ())) == sorted(
        map(str, pulled_source(undisturbed).changes or ())
    )
    searches = [each for each in jira.requests() if each == SEARCH]
    assert len(searches) == 4 + 2 + 3, "1000 rows four times, 250 twice, then three pages of 50"
    jira.pull(DS)
    assert jira.requests().count(SEARCH) == 3, "the size that worked stays"


def test_a_page_that_fails_once_is_retried_at_full_size(jira: JiraServer) -> None:
    jira.sandbox.faults.add(Fault(kind="timeout", rows=51, times=3))
    assert len(issue_keys(jira.pull(DS)[DS])) == ISSUES
    assert jira.requests().count(SEARCH) == 4
    jira.pull(DS)
    assert jira.requests().count(SEARCH) == 1


def test_a_failed_fallback_counts_as_one_failure_and_a_working_one_as_none(jira: JiraServer) -> None:
    fail_large_requests(jira, rows=51)
    jira.pull(DS)
    assert len(issue_keys(jira.pull(OPS)[OPS])) == 1
    jira.sandbox.faults.clear()
    fail_large_requests(jira)
    assert isinstance(jira.pull(DS)[DS], FailedSource)
    jira.sandbox.faults.clear()
    assert len(issue_keys(jira.pull(OPS)[OPS])) == 1, "one failed request does not open the circuit breaker"


def test_a_server_that_is_down_gets_no_fallbacks_from_later_sources(jira: JiraServer) -> None:
    narrowed = project("OPS", "labels = x")
    jira.pull(DS)
    jira.requests()
    fail_large_requests(jira, kind="status", status=503)
    answers = jira.pull(DS, narrowed, project("OPS", "labels = y"))
    assert [answer.kind for answer in answers.values() if isinstance(answer, FailedSource)] == [
        "unavailable"
    ] * 3
    assert jira.requests().count(SEARCH) == (4 + 2 + 2 + 2) + 4, (
        "the third source finds the circuit breaker open"
    )


def test_a_wait_demanded_by_the_server_applies_before_a_smaller_page(jira: JiraServer) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        jira.advance(seconds=seconds)

    reader, _ = jira.connect(sleep=sleep)
    fail_large_requests(jira, rows=251, kind="status", status=503, retry_after=40)
    assert len(issue_keys(jira.pull(DS, reader=reader)[DS])) == ISSUES
    assert slept == [40.0] * 4
    jira.sandbox.faults.clear()
    reader, _ = jira.connect(sleep=sleep)
    jira.requests()
    fail_large_requests(jira, rows=251, kind="status", status=503, retry_after=3600)
    assert isinstance(jira.pull(DS, reader=reader)[DS], FailedSource)
    assert jira.requests().count(SEARCH) == 1, "no fallback when the server demands a wait of an hour"


@pytest.mark.parametrize("limit", ["max_total", "deadline"])
def test_all_fallbacks_of_a_page_share_the_time_of_one_request(jira: JiraServer, limit: str) -> None:
    policy = RetryPolicy(random=lambda: 0.5)
    over: Any = (
        {"max_total": 9.0}
        if limit == "max_total"
        else {"deadline": jira.sandbox.clock.now() + timedelta(seconds=9)}
    )
    reader, _ = jira.connect(policy=replace(policy, **over))
    fail_large_requests(jira, rows=51)
    assert isinstance(jira.pull(DS, reader=reader)[DS], FailedSource)
    assert jira.requests().count(SEARCH) == 4 + 2, (
        "7 seconds between the four attempts, one more before the smaller page"
    )


def test_an_unreachable_server_gets_no_smaller_requests(jira: JiraServer) -> None:
    waits: list[float] = []
    jira.pull(DS)
    reader, _ = jira.connect(cache=jira.reader.site._cache, sleep=waits.append)
    jira.sandbox.close()
    assert isinstance(jira.pull(DS, reader=reader)[DS], FailedSource)
    assert len(waits) == 3, "between the four usual attempts"


# ---- changelogs


def test_a_page_too_large_with_changelogs_comes_without_and_the_next_with_them(jira: JiraServer) -> None:
    jira.sandbox.faults.add(Fault(kind="timeout", expand="changelog", times=4 + 2 + 2))
    answer = pulled_source(jira.pull(DS)[DS])
    assert len(answer.issues) == ISSUES
    assert len(answer.without_history) == 50
    assert keys_with_history(answer) == {
        issue.ref.key for issue in answer.issues if issue.ref.id not in answer.without_history
    }
    assert jira.requests().count(SEARCH) == (4 + 2 + 2 + 1) + 2


def test_changelogs_that_always_fail_are_not_requested_again(jira: JiraServer) -> None:
    reductions: list[tuple[str, str]] = []
    reader, _ = jira.connect(on_smaller_page=lambda *arguments: reductions.append(arguments))
    fail_large_requests(jira, expand="changelog")
    answer = pulled_source(jira.pull(DS, reader=reader)[DS])
    assert len(answer.issues) == len(answer.without_history) == ISSUES
    assert jira.requests().count(SEARCH) == (4 + 2 + 2 + 1) + (4 + 1) + 1
    assert [text.partition("from now on: ")[2] for _, text in reductions] == [
        "50 issues per page",
        "no changelogs with the issues",
    ]
    jira.pull(DS, reader=reader)
    assert jira.requests().count(SEARCH) == 3
    request = HistoryRequest(source=DS, issues=answer.issues)
    (failure,) = reader.histories([request], FieldSelection())
    assert isinstance(failure, FailedSource) and failure.kind == "payload"
    assert "changelogs are too much for this server" in failure.reason
    assert jira.requests() == []


def histories(
    jira: JiraServer, selection: FieldSelection = FieldSelection()
) -> tuple[SourceHistory, HistoryRequest]:
    request = HistoryRequest(source=DS, issues=pulled_source(jira.pull(DS)[DS]).issues)
    jira.requests()
    (history,) = jira.reader.histories([request], selection)
    assert isinstance(history, SourceHistory), history
    return history, request


def started(changes: tuple[IssueChange, ...]) -> set[str]:
    return {change.ref.key for change in changes if change.after == "In Progress"}


@pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])
def test_histories_fall_back_to_smaller_requests(kind: Kind) -> None:
    with serve_many_issues(kind) as jira:
        undisturbed, _ = histories(jira)
        at_ease = len(jira.requests())
        assert len(started(undisturbed.changes)) == ISSUES
        path = "*/changelog/bulkfetch" if kind == "jira-cloud" else "*/search"
        request = HistoryRequest(source=DS, issues=pulled_source(jira.pull(DS)[DS]).issues)
        jira.requests()
        fail_large_requests(jira, path=path, rows=51)
        (history,) = jira.reader.histories([request], FieldSelection())
        assert isinstance(history, SourceHistory)
        assert (started(history.changes), history.complete) == (
            started(undisturbed.changes),
            undisturbed.complete,
        )
        assert at_ease <= 3
        assert len(jira.requests()) == 4 + 3, "the full size four times, then three requests of 50"


def test_ten_issues_whose_histories_are_too_large_are_incomplete(jira: JiraServer) -> None:
    request = HistoryRequest(source=DS, issues=pulled_source(jira.pull(DS)[DS]).issues)
    jira.requests()
    jira.sandbox.faults.add(Fault(kind="timeout", expand="changelog", times=4 + 2 + 2))
    (history,) = jira.reader.histories([request], FieldSelection())
    assert isinstance(history, SourceHistory)
    assert len(history.complete) == len(started(history.changes)) == ISSUES - 10


def test_without_bulk_access_issues_with_hidden_changelogs_are_left_out() -> None:
    with serve_many_issues("jira-cloud") as jira:
        refs = [issue.ref for issue in pulled_source(jira.pull(DS)[DS]).issues[:3]]
        jira.state.label(refs[0].key, "theirs", "dana")
        jira.sandbox.faults.add(Fault(kind="status", status=403, path="*/changelog/bulkfetch", times=None))
        jira.sandbox.faults.add(Fault(kind="status", status=404, path=f"*/issue/{refs[1].id}/changelog"))
        histories = jira.reader.label_histories(refs)
        assert {ref.key: set(labels) for ref, labels in histories.items()} == {
            refs[0].key: {"theirs"},
            refs[2].key: set(),
        }
