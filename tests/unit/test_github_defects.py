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

from connectors.errors import (
    AuthFailed,
    BadPayload,
    ConnectorError,
    Gone,
    NotConfirmed,
    OutcomeUnknown,
    Rejected,
    WriteRedirected,
)
from connectors.github import paged_scan
from connectors.github.auth import GithubApp
from connectors.github.connect import open_github
from connectors.github.reader import GithubReader
from connectors.github.writer import GithubWriter
from connectors.http.retry import RetryPolicy
from connectors.model import (
    Cursor,
    FailedSource,
    FieldSelection,
    HistoryRequest,
    IssueRef,
    PulledSource,
    Source,
)
from connectors.testing import MemoryCache
from tests.unit.test_github_payload import raw_issue

API = "https://api.github.com"
REPO = f"{API}/repos/acme/churn"
ISSUE = f"{REPO}/issues/7"
SOURCE = Source(tracker="github", container="acme/churn")
REF = IssueRef(tracker="github", id="1296269", key="acme/churn#7")
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class GithubConnection:
    def __init__(self, **options: Any) -> None:
        self.time = START
        self.slept: list[float] = []
        self.reader: GithubReader
        self.writer: GithubWriter
        self.cache = MemoryCache()
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
    sent = net.calls[0].request.headers
    assert sent["Authorization"] == "token ghp_secret"
    assert (sent["Accept"], sent["X-GitHub-Api-Version"]) == ("application/vnd.github+json", "2022-11-28")
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


# ---- writes, and what proves them


def test_a_label_is_made_once_with_its_colour_and_a_short_description(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.post(f"{REPO}/labels", status=201, json={"name": "State:Done"})
    for name in ("State:Done", "state:done", "other"):
        connection.writer.ensure_label("acme/churn", name, "#0e8a16", "x" * 101)
    assert [json.loads(call.request.body or "") for call in net.calls] == [
        {"name": name, "color": "0e8a16", "description": "x" * 100} for name in ("State:Done", "other")
    ]
    connection.writer.ensure_label("Acme/Churn", "OTHER", "0e8a16", "")
    assert len(net.calls) == 2


def test_a_label_that_exists_is_not_made_again(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    exists = {"message": "Validation Failed", "errors": [{"code": "already_exists", "field": "name"}]}
    net.post(f"{REPO}/labels", status=422, json=exists)
    for _ in range(2):
        connection.writer.ensure_label("acme/churn", "done", "0e8a16", "")
    assert len(net.calls) == 1


def test_after_a_renaming_the_new_label_is_known_and_the_old_one_is_not(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.post(f"{REPO}/labels", status=201, json={})
    net.patch(f"{REPO}/labels/a%2Fold", json={"name": "New"})
    connection.writer.ensure_label("acme/churn", "kept", "0", "")
    connection.writer.ensure_label("acme/churn", "A/Old", "0", "")
    assert connection.writer.rename_label("acme/churn", "a/old", "new")
    for name in ("kept", "NEW", "a/old"):
        connection.writer.ensure_label("acme/churn", name, "0", "")
    assert [json.loads(call.request.body or "").get("name") for call in net.calls] == [
        *("kept", "A/Old", None, "a/old")
    ]
    assert json.loads(net.calls[2].request.body or "") == {"new_name": "new"}


@pytest.mark.parametrize(
    "refusal",
    [
        {"status": 404},
        {"status": 422, "json": {"errors": [{"code": "already_exists", "field": "name"}]}},
    ],
)
def test_a_refused_renaming_is_none_unless_an_earlier_attempt_may_have_worked(
    net: responses.RequestsMock, connection: GithubConnection, refusal: dict[str, Any]
) -> None:
    net.patch(f"{REPO}/labels/old", **refusal)
    assert connection.writer.rename_label("acme/churn", "old", "new") is False
    net.reset()
    net.patch(f"{REPO}/labels/old", status=502)
    net.patch(f"{REPO}/labels/old", **refusal)
    with pytest.raises(ConnectorError) as doubtful:
        connection.writer.rename_label("acme/churn", "old", "new")
    assert doubtful.value.follows_ambiguous_write


def test_labels_are_added_together_and_removed_one_by_one(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.post(f"{ISSUE}/labels", json=[{"name": name} for name in ("a", "b", "c", "d")])
    net.delete(f"{ISSUE}/labels/c", json=[{"name": name} for name in ("a", "b", "d")])
    net.delete(f"{ISSUE}/labels/d", status=404)
    net.get(f"{ISSUE}/labels", json=["a", "B"])
    connection.writer.change_labels(REF, ["a", "b"], ["c", "d"])
    assert json.loads(net.calls[0].request.body or "") == {"labels": ["a", "b"]}
    assert (net.calls[3].request.url or "").endswith("/labels?per_page=100")


def test_a_label_that_is_shown_after_a_404_was_not_removed(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.delete(f"{ISSUE}/labels/c", status=404)
    net.get(f"{ISSUE}/labels", json=[{"name": "C"}])
    with pytest.raises(NotConfirmed, match=r"removed the label c, and still shows it"):
        connection.writer.change_labels(REF, [], ["c"])


def test_line_ends_and_blanks_make_no_other_comment(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.post(f"{ISSUE}/comments", status=201, json=raw_comment(body="a\r\nb"))
    assert connection.writer.create_comment(REF, "a\nb\n", {}).id == "9"
    net.patch(f"{REPO}/issues/comments/9", json=raw_comment(body=" a\n"))
    assert connection.writer.edit_comment(REF, "9", "a", {}).body == " a\n"


def test_a_comment_is_deleted_when_github_says_so_or_shows_it_no_more(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    comment = f"{REPO}/issues/comments/9"
    net.delete(comment, status=204)
    connection.writer.delete_comment(REF, "9")
    net.reset()
    net.delete(comment, status=404)
    net.get(ISSUE, json=raw_issue())
    net.get(comment, status=404)
    connection.writer.delete_comment(REF, "9")
    net.reset()
    net.delete(comment, status=404)
    net.get(ISSUE, json=raw_issue())
    net.get(comment, json=raw_comment())
    with pytest.raises(NotConfirmed, match="does not exist, and still shows it"):
        connection.writer.delete_comment(REF, "9")
    net.reset()
    net.delete(comment, status=404)
    net.get(ISSUE, status=404)
    with pytest.raises(Gone):
        connection.writer.delete_comment(REF, "9")


def test_an_issue_of_another_tracker_has_no_address_here(connection: GithubConnection) -> None:
    with pytest.raises(Gone, match="'DS-7' is no issue of GitHub; write owner/repo#number"):
        connection.writer.change_labels(IssueRef(tracker="github", id="7", key="DS-7"), ["a"], [])


# ---- scans


def test_a_scan_reads_at_most_three_times_while_issues_move(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    minutes = itertools.count(1)

    def row(_: Any) -> tuple[int, dict[str, str], str]:
        moved = raw_issue(id=1, number=1, updated_at=f"2026-11-20T08:{next(minutes):02}:00Z")
        return 200, link, json.dumps([moved])

    second = f"{API}/repositories/900/issues?page=2"
    link = {"Link": f'<{second}>; rel="next"'}
    net.add_callback("GET", f"{REPO}/issues", row)
    link_of_second: dict[str, str] = {}
    net.add_callback("GET", second, lambda request: (200, link_of_second, row(request)[2]))
    answer = connection.pull(cursor(etag='"x"'))
    assert isinstance(answer, PulledSource)
    assert len(net.calls) == 6
    assert [call.request.headers.get("If-None-Match") for call in net.calls] == ['"x"'] + [None] * 5
    assert answer.issues[0].updated == datetime(2026, 11, 20, 8, 6, tzinfo=UTC)


def test_pages_by_cursor_are_read_once(net: responses.RequestsMock, connection: GithubConnection) -> None:
    second = f"{API}/repositories/900/issues?after=abc"
    net.get(f"{REPO}/issues", json=[raw_issue()], headers={"Link": f'<{second}>; rel="next"'})
    net.get(second, json=[raw_issue(updated_at="2026-11-20T08:50:00Z")])
    assert isinstance(connection.pull(cursor()), PulledSource)
    assert len(net.calls) == 2


def test_a_row_that_appears_twice_unchanged_is_no_move(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    second = f"{API}/repositories/900/issues?page=2"
    net.get(f"{REPO}/issues", json=[raw_issue()], headers={"Link": f'<{second}>; rel="next"'})
    net.get(second, json=[raw_issue(), raw_issue(id=8, number=8)])
    assert isinstance(connection.pull(cursor()), PulledSource)
    assert len(net.calls) == 2


def test_an_empty_page_between_others_fails_the_source(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    second = f"{API}/repositories/900/issues?page=2"
    net.get(f"{REPO}/issues", json=[raw_issue()], headers={"Link": f'<{second}>; rel="next"'})
    net.get(second, json=[])
    failed = connection.pull(cursor())
    assert isinstance(failed, FailedSource)
    assert failed.reason == (
        "GitHub sent an empty page in the middle of a list; nothing of it is used (github:acme/churn)"
    )


@pytest.mark.parametrize(
    ("etag", "kept"),
    [
        ('W/"abc"', 'W/"abc"'),
        ("x", "x"),
        ('"' + "y" * 500 + '"', '"' + "y" * 500 + '"'),
        ('"' + "y" * 501 + '"', None),
        ('"é"', None),
    ],
)
def test_an_etag_is_kept_if_it_can_be_sent_back(
    net: responses.RequestsMock, connection: GithubConnection, etag: str, kept: str | None
) -> None:
    net.get(f"{REPO}/issues", json=[raw_issue()], headers={"ETag": etag})
    answer = connection.pull(cursor())
    assert isinstance(answer, PulledSource)
    assert answer.cursor.etag == kept


def test_the_latest_readable_time_is_the_watermark(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    times = ("2026-11-20T08:10:00Z", "2026-11-20T08:40:00Z", "2026-11-20T08:20:00Z", "yesterday")
    rows = [raw_issue(id=number, number=number, updated_at=at) for number, at in enumerate(times, 1)]
    net.get(f"{REPO}/issues", json=rows, headers={"Date": "Fri, 20 Nov 2026 09:00:00 GMT"})
    net.get(REPO, json={"id": 900})
    answer = connection.pull()
    assert isinstance(answer, PulledSource)
    assert answer.full
    assert answer.cursor.watermark == datetime(2026, 11, 20, 8, 40, tzinfo=UTC)
    assert answer.cursor.updated_since == datetime(2026, 11, 20, 8, 40, 1, tzinfo=UTC)
    assert len(answer.unreadable) == 1


# ---- repositories


@pytest.mark.parametrize(("private", "public"), [(False, True), (True, False), (None, True)])
def test_a_repository_is_public_unless_github_says_private(
    net: responses.RequestsMock, connection: GithubConnection, private: bool | None, public: bool
) -> None:
    net.get(REPO, json={"id": 900, "private": private})
    net.get(f"{API}/repos/Acme/Churn", json={"id": 900, "private": not private})
    assert connection.reader.is_public("acme/churn") is public
    assert connection.reader.is_public("Acme/Churn") is public
    assert len(net.calls) == 1


def test_facts_about_a_repository_are_read_once(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.get(REPO, json={"id": 900, "archived": True})
    net.get(f"{REPO}/issues", json=[])
    for _ in range(2):
        assert isinstance(connection.pull(), PulledSource)
    assert [call.request.url for call in net.calls if call.request.url == REPO] == [REPO]


def test_an_error_of_the_tracker_ends_its_work_and_one_of_a_source_does_not(
    net: responses.RequestsMock,
) -> None:
    names = [f"acme/r{number}" for number in range(6)]
    sources = [(Source(tracker="github", container=name), cursor()) for name in names]
    for name in names:
        net.get(f"{API}/repos/{name}/issues", status=404 if name == names[0] else 200, json=[])
    kinds = [getattr(each, "kind", "") for each in GithubConnection().reader.pull(sources, FieldSelection())]
    assert kinds == ["missing", "", "", "", "", ""]
    net.reset()
    for name in names:
        net.get(f"{API}/repos/{name}/issues", status=401, json={"message": "Bad credentials"})
    connection = GithubConnection()
    kinds = [getattr(each, "kind", "") for each in connection.reader.pull(sources, FieldSelection())]
    assert kinds == ["auth"] * 6


def test_a_renamed_repository_is_found_by_its_id_if_that_is_known(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.get(REPO, json={"id": 900})
    net.get(f"{REPO}/issues", json=[])
    connection.pull()
    net.reset()
    net.get(f"{REPO}/issues", status=301, headers={"Location": "https://["})
    net.get(f"{API}/repositories/900", json={"full_name": "acme/new"})
    answer = connection.pull(cursor())
    assert isinstance(answer, FailedSource)
    assert "acme/churn was renamed or moved to acme/new; write" in answer.reason
    nameless = GithubConnection().pull(cursor())
    assert isinstance(nameless, FailedSource)
    assert "acme/churn was renamed or moved; write the new name" in nameless.reason


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (
            404,
            {},
            "missing",
            (
                "github: acme/churn does not exist, has no issues or is not visible with this "
                "token; check its name in the mapping, and that the token may read its issues"
            ),
        ),
        (
            410,
            {"message": "Issues are disabled for this repo"},
            "missing",
            "github: the issues of acme/churn are disabled; enable them in its settings, or remove it from the mapping",
        ),
        (
            403,
            {"message": "Blocked"},
            "forbidden",
            'github: GET /repos/acme/churn/issues: refused with HTTP 403: "Blocked"',
        ),
    ],
)
def test_a_source_that_cannot_be_read_says_why(
    net: responses.RequestsMock,
    connection: GithubConnection,
    status: int,
    body: dict[str, str],
    kind: str,
    reason: str,
) -> None:
    net.get(f"{REPO}/issues", status=status, json=body)
    answer = connection.pull(cursor())
    assert isinstance(answer, FailedSource)
    assert (answer.kind, answer.reason) == (kind, reason)


def test_a_list_of_events_that_is_not_allowed_is_named(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.get(f"{REPO}/issues/events", status=404)
    request = HistoryRequest(source=SOURCE, issues=())
    (answer,) = connection.reader.histories([request], FieldSelection())
    assert isinstance(answer, FailedSource)
    assert answer.kind == "missing"
    assert (
        "although the issues of acme/churn can be read; the times of their changes stay unknown"
        in answer.reason
    )


def test_pull_requests_are_issues_only_for_sources_that_want_them(
    net: responses.RequestsMock, connection: GithubConnection
) -> None:
    net.get(f"{REPO}/issues", json=[raw_issue(), raw_issue(id=8, number=8, pull_request={"url": "x"})])
    answer = connection.pull(cursor())
    assert isinstance(answer, PulledSource)
    assert [each.ref.id for each in answer.issues] == ["1296269"]
    wanting = Source(tracker="github", container="acme/churn", options=(("pull_requests", True),))
    (answer,) = connection.reader.pull([(wanting, cursor())], FieldSelection())
    assert isinstance(answer, PulledSource)
    assert [each.is_pull_request for each in answer.issues] == [False, True]
