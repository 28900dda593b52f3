"""Defects of PyGithub's request path that our requests, which go through it, do not reach.

Each test replays an exchange in which PyGithub 2.10 fails alone, without the adapter below it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
import responses

from connectors.errors import AuthFailed, BadPayload, NotConfirmed, OutcomeUnknown, Rejected, WriteRedirected
from connectors.github import paged_scan
from connectors.github.auth import GithubApp
from connectors.github.connect import open_github
from connectors.github.reader import GithubReader
from connectors.github.writer import GithubWriter
from connectors.http.retry import RetryPolicy
from connectors.model import Cursor, FailedSource, FieldSelection, IssueRef, PulledSource, Source
from tests.support.dict_cache import DictCache
from tests.unit.test_github_payload import raw_issue

API = "https://api.github.com"
REPO = f"{API}/repos/acme/churn"
ISSUE = f"{REPO}/issues/7"
SOURCE = Source(tracker="github", repo="acme/churn")
REF = IssueRef(tracker="github", id="1296269", key="acme/churn#7")
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class GithubConnection:
    def __init__(self, **options: Any) -> None:
        self.time = START
        self.slept: list[float] = []
        self.reader: GithubReader
        self.writer: GithubWriter
        self.cache = DictCache()
        self.reader, self.writer = open_github(
            tracker="github",
            cache=self.cache,
            now=lambda: self.time,
            sleep=self.sleep,
            on_wait=lambda wait: None,
            policy=RetryPolicy(random=lambda: 0.5),
            **({"token": "ghp_secret"} | options),
        )

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)

    def pull(self, cursor: Cursor | None = None) -> PulledSource | FailedSource:
        (answer,) = self.reader.pull([(SOURCE, cursor)], FieldSelection())
        return answer


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def connection() -> GithubConnection:
    return GithubConnection()


def cursor(since: datetime = START - timedelta(hours=2), etag: str | None = None) -> Cursor:
    return Cursor(watermark=since, updated_since=since, etag=etag)


def raw_comment(**changes: Any) -> dict[str, Any]:
    user = {"login": "increment-sync", "id": 41, "type": "User"}
    return {"id": 9, "user": user, "body": "status", "created_at": "2026-11-20T09:00:00Z"} | changes


def test_a_comment_is_not_repeated_after_a_502(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.post(f"{ISSUE}/comments", status=502)
    with pytest.raises(OutcomeUnknown):
        connection.writer.create_comment(REF, "status", {})
    assert len(net.calls) == 1


def test_a_redirected_list_does_not_return_thirty_open_issues(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    moved = f"{API}/repositories/900"
    net.get(f"{REPO}/issues", status=301, headers={"Location": f"{moved}/issues"})
    net.get(f"{moved}/issues", json=[raw_issue()])
    net.get(moved, json={"id": 900, "full_name": "acme/retention"})
    answer = connection.pull(cursor())
    assert isinstance(answer, FailedSource)
    assert answer.kind == "missing"
    assert answer.reason == (
        "github: acme/churn was renamed or moved to acme/retention; write the new name in the mapping"
    )
    assert [call.request.url for call in net.calls][1:] == [moved]


def test_a_307_on_a_write_raises_write_redirected(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    redirect = {"message": "Temporary Redirect", "url": f"{API}/repositories/900/issues/7/comments"}
    location = {"Location": redirect["url"]}
    net.post(f"{ISSUE}/comments", status=307, json=redirect, headers=location)
    net.patch(f"{REPO}/issues/comments/9", status=307, json=redirect, headers=location)
    net.post(f"{ISSUE}/labels", status=307, json=redirect, headers=location)
    for write in (
        lambda: connection.writer.create_comment(REF, "status", {}),
        lambda: connection.writer.edit_comment(REF, "9", "status", {}),
        lambda: connection.writer.change_labels(REF, ["mine"], []),
    ):
        with pytest.raises(WriteRedirected, match="the next run checks that nothing was written"):
            write()
    assert len(net.calls) == 3


def test_a_bare_429_is_a_rate_limit_and_waits_a_minute(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.get(f"{REPO}/issues", status=429)
    net.get(f"{REPO}/issues", json=[])
    assert isinstance(connection.pull(cursor()), PulledSource)
    assert connection.slept == [60]


@pytest.mark.parametrize(
    ("value", "seconds"), [("Fri, 20 Nov 2026 10:00:17 GMT", 17), ("2.5", 2.5), ("17", 17)]
)
def test_retry_after_is_respected_in_every_format(
    net: responses.RequestsMock, connection: GithubConnection, value: str, seconds: float
) -> None:
    refusal = {"Retry-After": value, "Date": "Fri, 20 Nov 2026 10:00:00 GMT"}
    net.get(f"{REPO}/issues", status=403, headers=refusal, json={"message": "secondary rate limit"})
    net.get(f"{REPO}/issues", json=[])
    assert isinstance(connection.pull(cursor()), PulledSource)
    assert connection.slept == [seconds]


def test_a_rate_limit_of_an_hour_fails_at_once(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(START.timestamp()) + 3600)}
    net.get(f"{REPO}/issues", status=403, headers=reset, json={"message": "API rate limit exceeded"})
    answer = connection.pull(cursor())
    assert isinstance(answer, FailedSource)
    assert answer.kind == "rate_limit"
    assert "until 2026-11-20 10:00 UTC" in answer.reason
    assert connection.slept == []


def test_a_403_about_permissions_is_no_rate_limit(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    left = {"X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": str(int(START.timestamp()) + 3600)}
    net.post(f"{ISSUE}/labels", status=403, headers=left, json={"message": "Must have push access"})
    with pytest.raises(Rejected, match="Must have push access"):
        connection.writer.change_labels(REF, ["mine"], [])
    assert connection.slept == []


def test_a_patch_is_retried_after_a_502(net: responses.RequestsMock, connection: GithubConnection) -> None:
    net.patch(f"{REPO}/issues/comments/9", status=502)
    net.patch(f"{REPO}/issues/comments/9", json=raw_comment())
    assert connection.writer.edit_comment(REF, "9", "status", {}).id == "9"
    assert connection.slept == [1.0]


def test_lists_are_requested_in_every_state_by_pages_of_100(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.get(f"{REPO}/issues", json=[])
    connection.pull(cursor(START - timedelta(hours=2)))
    query = parse_qs(urlsplit(net.calls[0].request.url or "").query)
    assert query == {
        "state": ["all"],
        "sort": ["updated"],
        "direction": ["asc"],
        "per_page": ["100"],
        "since": ["2026-11-20T07:00:00Z"],
    }


def test_since_is_sent_in_utc_whatever_zone_it_is_in(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.get(f"{REPO}/issues", json=[])
    connection.pull(cursor(datetime(2026, 11, 20, 9, 0, 0, tzinfo=ZoneInfo("Europe/Berlin"))))
    assert "since=2026-11-20T08%3A00%3A00Z" in (net.calls[0].request.url or "")


def test_a_304_is_unchanged_and_not_an_empty_list(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.get(f"{REPO}/issues", status=304)
    before = cursor(etag='W/"abc"')
    answer = connection.pull(before)
    assert isinstance(answer, PulledSource)
    assert (answer.unchanged, answer.issues, answer.cursor) == (True, (), before)
    assert net.calls[0].request.headers["If-None-Match"] == 'W/"abc"'


def test_next_pages_are_followed_as_given_but_only_on_the_same_host(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    away = '<https://evil.example/repositories/900/issues?page=2>; rel="next"'
    net.get(f"{REPO}/issues", json=[raw_issue()], headers={"Link": away})
    net.get("https://evil.example/repositories/900/issues", json=[])
    answer = connection.pull(cursor())
    assert isinstance(answer, FailedSource)
    assert answer.kind == "payload"
    assert len(net.calls) == 1


def test_pages_that_lead_in_a_circle_fail_the_source(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    second = f"{API}/repositories/900/issues?page=2"
    link = {"Link": f'<{second}>; rel="next"'}
    net.get(f"{REPO}/issues", json=[raw_issue()], headers=link)
    net.get(second, json=[raw_issue(id=2, number=8)], headers=link)
    answer = connection.pull(cursor())
    assert isinstance(answer, FailedSource)
    assert answer.kind == "payload"


def test_each_guard_against_endless_pages_holds_alone(
    net: responses.RequestsMock, connection: GithubConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are new each time under one address, one page under ever new addresses, and new ones without end."""
    numbers = itertools.count(1)

    def pages(*, same_address: bool, same_rows: bool) -> str:
        net.reset()

        def answer(_: Any) -> tuple[int, dict[str, str], str]:
            number = next(numbers)
            row = raw_issue(id=7, number=7) if same_rows else raw_issue(id=number, number=number)
            address = f"{API}/repositories/900/issues?page={2 if same_address else number}"
            return 200, {"Link": f'<{address}>; rel="next"'}, json.dumps([row])

        net.add_callback("GET", f"{REPO}/issues", answer)
        net.add_callback("GET", f"{API}/repositories/900/issues", answer)
        failed = connection.pull(cursor())
        assert isinstance(failed, FailedSource)
        return failed.reason

    assert "lead in a circle" in pages(same_address=True, same_rows=False)
    assert len(net.calls) == 2
    assert "the same page of issues twice" in pages(same_address=False, same_rows=True)
    assert len(net.calls) == 2
    monkeypatch.setattr(paged_scan, "MAX_PAGES", 3)
    assert "lead in a circle" in pages(same_address=False, same_rows=False)
    assert len(net.calls) == 4


def test_an_issue_that_moves_between_numbered_pages_hides_no_other(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    def row(number: int, minute: int) -> dict[str, Any]:
        return raw_issue(id=number, number=number, updated_at=f"2026-11-20T08:{minute:02}:00Z")

    second = f"{API}/repositories/900/issues?page=2"
    link = {"Link": f'<{second}>; rel="next"'}
    # Issue 1 is updated between the pages and moves to the end: issue 3 slips onto page one.
    net.get(f"{REPO}/issues", json=[row(1, 1), row(2, 2)], headers=link)
    net.get(second, json=[row(4, 4), row(1, 50)])
    net.get(f"{REPO}/issues", json=[row(2, 2), row(3, 3)], headers=link)
    net.get(second, json=[row(4, 4), row(1, 50)])
    answer = connection.pull(cursor())
    assert isinstance(answer, PulledSource)
    assert sorted(issue.ref.id for issue in answer.issues) == ["1", "2", "3", "4"]


def test_a_response_that_is_no_list_fails_the_source(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.get(f"{REPO}/issues", json={"message": "odd"})
    failed = connection.pull(cursor())
    assert isinstance(failed, FailedSource)
    assert failed.kind == "payload"


@pytest.mark.parametrize(("row", "key"), [(7, ""), ({"number": 7}, "acme/churn#7"), (None, "")])
def test_a_row_that_is_no_issue_is_left_out_and_counted(
    net: responses.RequestsMock, connection: GithubConnection, row: Any, key: str
) -> None:
    net.get(f"{REPO}/issues", json=[row, raw_issue(number=8)])
    answer = connection.pull(cursor())
    assert isinstance(answer, PulledSource)
    assert [issue.ref.key for issue in answer.issues] == ["acme/churn#8"]
    assert [each.key for each in answer.unreadable] == [key]


def test_label_names_are_quoted_whole(net: responses.RequestsMock, connection: GithubConnection) -> None:
    net.delete(f"{ISSUE}/labels/a%2Fb%20100%25", json=[])
    connection.writer.change_labels(REF, [], ["a/b 100%"])
    assert (net.calls[0].request.url or "").endswith("/labels/a%2Fb%20100%25")


def test_labels_that_were_not_added_stop_the_removal(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.post(f"{ISSUE}/labels", json=[{"name": "other"}])
    with pytest.raises(Rejected, match="state:done"):
        connection.writer.change_labels(REF, ["state:done"], ["state:planned"])
    assert len(net.calls) == 1


def test_labels_compare_without_case(net: responses.RequestsMock, connection: GithubConnection) -> None:
    """GitHub keeps the spelling with which a label was made, and what follows the addition still happens."""
    net.post(f"{ISSUE}/labels", json=[{"name": "State:Done"}, {"name": "State:Planned"}])
    net.delete(f"{ISSUE}/labels/state%3Aplanned", json=[{"name": "State:Done"}])
    connection.writer.change_labels(REF, ["state:done"], ["state:planned"])
    assert [call.request.method for call in net.calls] == ["POST", "DELETE"]


@pytest.mark.parametrize("answer", [None, {}, [{"name": "state:planned"}]])
def test_a_label_counts_as_removed_when_the_answer_lists_the_others(
    net: responses.RequestsMock, connection: GithubConnection, answer: object
) -> None:
    net.delete(f"{ISSUE}/labels/state%3Aplanned", json=answer)
    with pytest.raises(NotConfirmed):
        connection.writer.change_labels(REF, [], ["state:planned"])


def test_a_label_counts_as_renamed_when_the_answer_has_its_new_name(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.patch(f"{REPO}/labels/old", json={"name": "old"})
    with pytest.raises(NotConfirmed, match="renamed old to new"):
        connection.writer.rename_label("acme/churn", "old", "new")


def test_a_success_without_a_comment_is_unknown(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    for odd in ({}, {"id": 9}, raw_comment(body="something else"), None):
        net.post(f"{ISSUE}/comments", status=201, json=odd)
        with pytest.raises(OutcomeUnknown):
            connection.writer.create_comment(REF, "status", {})
        net.reset()


def test_an_edit_that_answers_with_another_comment_is_refused(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.patch(f"{REPO}/issues/comments/9", json=raw_comment(id=10))
    with pytest.raises(BadPayload):
        connection.writer.edit_comment(REF, "9", "status", {})


def test_the_token_is_sent_and_never_shown(net: responses.RequestsMock, connection: GithubConnection) -> None:
    net.get(f"{REPO}/issues", status=401, json={"message": "Bad credentials"})
    answer = connection.pull(cursor())
    assert net.calls[0].request.headers["Authorization"] == "token ghp_secret"
    assert isinstance(answer, FailedSource)
    assert answer.kind == "auth"
    assert "ghp_secret" not in answer.reason
    assert "ghp_secret" not in str(connection.cache.values)


def test_missing_credentials_raise_auth_failed() -> None:
    for token in (None, "", "  \n"):
        with pytest.raises(AuthFailed, match="GH_TOKEN"):
            GithubConnection(token=token)


def test_a_broken_private_key_is_reported_without_showing_it(net: responses.RequestsMock) -> None:
    app = GithubApp(app_id="7", private_key="not a key at all", installation_id=70)
    assert "not a key" not in repr(app)
    with pytest.raises(AuthFailed, match="GITHUB_APP_PRIVATE_KEY") as refused:
        GithubConnection(token=None, app=app).reader.whoami()
    assert "not a key" not in repr(refused.value)
