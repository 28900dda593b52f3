"""Requests of Jira pulls, and responses that fail a source."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses

from connectors.errors import AuthFailed
from connectors.jira import search
from connectors.model import Cursor, FailedSource, FieldSelection, PulledSource, Source
from tests.unit.jira_connection import (
    DATE,
    DS,
    OPS,
    SITE,
    JiraConnection,
    issue_payload,
    mock_site,
    request_bodies,
    search_page,
)

SEARCH = f"{SITE}/rest/api/2/search/jql"
OLD_SEARCH = f"{SITE}/rest/api/2/search"
SINCE = Cursor(
    watermark=datetime(2026, 10, 1, 12, 0, 30, tzinfo=UTC),
    updated_since=datetime(2026, 10, 1, 12, 1, tzinfo=UTC),
)


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def connection() -> JiraConnection:
    return JiraConnection()


def pulled(
    connection: JiraConnection, *sources: Source, cursor: Cursor | None = None, **opened: Any
) -> list[PulledSource | FailedSource]:
    reader, _ = connection.open(**opened)
    return list(reader.pull([(source, cursor) for source in sources], FieldSelection()))


def only_failure(answers: list[PulledSource | FailedSource]) -> FailedSource:
    assert len(answers) == 1
    assert isinstance(answers[0], FailedSource)
    return answers[0]


def keys(answer: PulledSource | FailedSource) -> list[str]:
    assert isinstance(answer, PulledSource), answer
    return [issue.ref.key for issue in answer.issues]


def test_a_first_pull_costs_three_requests_and_the_pages(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.post(SEARCH, json=search_page(issue_payload(1), token="t2"), headers=DATE)
    server.post(SEARCH, json=search_page(issue_payload(2)), headers=DATE)
    answer = pulled(connection, DS)[0]
    assert keys(answer) == ["DS-1", "DS-2"]
    assert len(server.calls) == 3 + 2
    first, second = request_bodies(server)
    assert first["jql"] == '((project = "DS")) ORDER BY created ASC, key ASC'
    assert first["maxResults"] == 1000
    assert "nextPageToken" not in first and second["nextPageToken"] == "t2"
    assert {"summary", "labels", "updated", "customfield_10020"} <= set(first["fields"])
    assert "*all" not in first["fields"] and "description" not in first["fields"]


def test_an_unchanged_site_costs_one_request_for_all_its_sources(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server, zone="Australia/Sydney")
    server.post(SEARCH, json=search_page(), headers=DATE)
    pulled(connection, DS)
    before = len(server.calls)
    answers = pulled(connection, DS, OPS, cursor=SINCE)
    assert len(server.calls) == before + 1
    assert request_bodies(server)[-1]["jql"] == (
        '((project = "DS" AND updated >= "2026-10-01 22:01") OR '
        '(project = "OPS" AND updated >= "2026-10-01 22:01"))'
        " ORDER BY created ASC, key ASC"
    )
    assert [answer.cursor for answer in answers if isinstance(answer, PulledSource)] == [SINCE, SINCE]


def test_each_distinct_jql_has_its_own_search(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.post(SEARCH, json=search_page(), headers=DATE)
    blue = [
        Source(tracker="jira", container=each, options=(("jql", "team = Blue"),)) for each in ("DS", "OPS")
    ]
    ordered = Source(tracker="jira", container="ML", options=(("jql", "team = Blue ORDER BY rank"),))
    red = Source(tracker="jira", container="DS", options=(("jql", "team = Red"),))
    answers = pulled(connection, DS, OPS, *blue, ordered, red)
    assert len(request_bodies(server)) == 3
    assert [answer.source for answer in answers] == [DS, OPS, *blue, ordered, red]


def test_issues_are_assigned_to_the_source_of_their_project(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.post(
        SEARCH,
        json=search_page(issue_payload(1), issue_payload(2, project="OPS"), issue_payload(3)),
        headers=DATE,
    )
    assert [keys(answer) for answer in pulled(connection, DS, OPS)] == [["DS-1", "DS-3"], ["OPS-2"]]


def test_a_project_given_by_another_name_is_searched_separately(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    """JQL finds a project by its name and old keys, too; the response then has another key than the source."""
    mock_site(server)
    by_name = Source(tracker="jira", container="Data Science")
    server.post(SEARCH, json=search_page(issue_payload(1), issue_payload(2, project="OPS")), headers=DATE)
    server.post(SEARCH, json=search_page(issue_payload(1)), headers=DATE)
    server.post(SEARCH, json=search_page(issue_payload(2, project="OPS")), headers=DATE)
    assert [keys(answer) for answer in pulled(connection, by_name, OPS)] == [["DS-1"], ["OPS-2"]]


def test_a_repeated_row_counts_once_in_its_latest_version(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    newer = issue_payload(1, updated="2026-10-01T12:40:00.000+0000")
    server.post(SEARCH, json=search_page(issue_payload(1), token="t2"), headers=DATE)
    server.post(SEARCH, json=search_page(newer, issue_payload(2)), headers=DATE)
    answer = pulled(connection, DS)[0]
    assert isinstance(answer, PulledSource)
    assert sorted(keys(answer)) == ["DS-1", "DS-2"]
    assert answer.cursor.watermark == datetime(2026, 10, 1, 12, 40, tzinfo=UTC)


def test_the_cursor_follows_the_servers_clock(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    connection.clock.at += timedelta(days=400)
    server.post(SEARCH, json=search_page(), headers=DATE)
    answer = pulled(connection, DS)[0]
    assert isinstance(answer, PulledSource)
    visible = datetime(2026, 10, 1, 12, 50, tzinfo=UTC)
    assert (answer.cursor, answer.full) == (Cursor(watermark=visible, updated_since=visible), True)


def test_a_missing_project_fails_alone_and_is_named(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    refused = {"errorMessages": ["The value 'OPS' does not exist for the field 'project'."], "errors": {}}
    server.post(SEARCH, json=refused, status=400, headers=DATE)
    server.post(SEARCH, json=search_page(issue_payload(1)), headers=DATE)
    server.post(SEARCH, json=refused, status=400, headers=DATE)
    server.get(f"{SITE}/rest/api/2/project/OPS", status=404, json={})
    good, bad = pulled(connection, DS, OPS)
    assert keys(good) == ["DS-1"]
    assert isinstance(bad, FailedSource)
    assert bad.kind == "missing"
    assert bad.reason.startswith("there is no project OPS") and "Increment Sync" in bad.reason


def test_a_jql_that_jira_refuses_is_reported_with_jiras_message(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.post(SEARCH, json={"errorMessages": ["Field 'taem' does not exist."]}, status=400, headers=DATE)
    server.get(f"{SITE}/rest/api/2/project/DS", json={"key": "DS"})
    source = Source(tracker="jira", container="DS", options=(("jql", "taem = Blue"),))
    failure = only_failure(pulled(connection, source))
    assert "correct the jql" in failure.reason and "Field 'taem' does not exist." in failure.reason


def test_an_unbalanced_jql_is_never_sent(server: responses.RequestsMock, connection: JiraConnection) -> None:
    mock_site(server)
    source = Source(tracker="jira", container="DS", options=(("jql", "a = 1) OR (a = 2"),))
    failure = only_failure(pulled(connection, source))
    assert "a closing bracket has no opening one" in failure.reason
    assert not request_bodies(server)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"},
        {"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"},
        {"X-AUSERNAME": "anonymous"},
    ],
)
@pytest.mark.parametrize("status", [200, 400, 404])
def test_an_anonymous_response_fails_the_source(
    server: responses.RequestsMock, connection: JiraConnection, headers: dict[str, str], status: int
) -> None:
    mock_site(server)
    server.post(SEARCH, json=search_page(), headers=DATE | headers, status=status)
    assert only_failure(pulled(connection, DS)).kind == "auth"


def test_a_full_pull_requests_our_account_first(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.post(SEARCH, json=search_page(issue_payload(1)), headers=DATE)
    pulled(connection, DS)
    connection.clock.at += timedelta(hours=2)
    server.replace(responses.GET, f"{SITE}/rest/api/2/myself", status=401, json={})
    failure = only_failure(pulled(connection, DS))
    assert failure.kind == "auth"
    assert "JIRA_CLOUD_ID" in failure.reason and "secret-token" not in failure.reason
    assert len(request_bodies(server)) == 1


def test_an_unknown_zone_requests_earlier_times(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server, zone="")
    server.post(SEARCH, json=search_page(), headers=DATE)
    pulled(connection, DS, cursor=SINCE)
    assert 'updated >= "2026-10-01 00:01"' in request_bodies(server)[0]["jql"]


def test_the_wrong_kind_of_site_is_recognized_by_its_server_info(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server, deployment="Server")
    failure = only_failure(pulled(connection, DS))
    assert failure.kind == "auth" and "write kind: jira-dc" in failure.reason


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        (
            [search_page(issue_payload(1), token="a"), search_page(issue_payload(1), token="b")],
            "same page twice",
        ),
        (
            [search_page(issue_payload(1), token="a"), search_page(issue_payload(2), token="a")],
            "back to a page",
        ),
        ([{"issues": [issue_payload(1)], "isLast": False}], "more follows, but not where"),
        ([search_page(token="a"), search_page(token="a")], "is empty although more follows"),
        ([{"isLast": True}], 'no "issues"'),
        ([{"issues": {"1": {}}, "isLast": True}], "no list of issues"),
        ([{"issues": [issue_payload(1)], "nextPageToken": ["a"]}], "more follows, but not where"),
    ],
)
def test_an_incomplete_cloud_search_fails(
    server: responses.RequestsMock, connection: JiraConnection, pages: list[Any], message: str
) -> None:
    mock_site(server)
    for page in pages:
        server.post(SEARCH, json=page, headers=DATE)
    failure = only_failure(pulled(connection, DS))
    assert failure.kind == "payload" and message in failure.reason


def test_a_cloud_search_without_end_fails(
    server: responses.RequestsMock, connection: JiraConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each page has new rows and a new token."""
    monkeypatch.setattr(search, "MAX_PAGES", 3)
    mock_site(server)
    for number in range(1, 4):
        server.post(SEARCH, json=search_page(issue_payload(number), token=f"after {number}"), headers=DATE)
    failure = only_failure(pulled(connection, DS))
    assert (failure.kind, failure.reason) == ("payload", "jira: the search did not end after 3 pages")
    assert len(request_bodies(server)) == 3


def test_a_token_that_expires_midway_fails_the_source_as_unavailable(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.post(SEARCH, json=search_page(issue_payload(1), token="a"), headers=DATE)
    server.post(SEARCH, json={"errorMessages": ["Invalid token"]}, status=400, headers=DATE)
    assert only_failure(pulled(connection, DS)).kind == "unavailable"


def dc_page(*issues: dict[str, Any], start: int = 0, total: int = 0) -> dict[str, Any]:
    return {"startAt": start, "maxResults": len(issues), "total": total, "issues": list(issues)}


def dc_pull(connection: JiraConnection) -> list[PulledSource | FailedSource]:
    return pulled(connection, DS, kind="jira-dc", email=None, api_token=None, pat="secret-pat")


def test_data_center_pages_advance_by_the_granted_rows(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server, deployment="Server")
    server.post(OLD_SEARCH, json=dc_page(issue_payload(1), issue_payload(2), total=3), headers=DATE)
    server.post(OLD_SEARCH, json=dc_page(issue_payload(3), start=2, total=3), headers=DATE)
    assert keys(dc_pull(connection)[0]) == ["DS-1", "DS-2", "DS-3"]
    assert [body["startAt"] for body in request_bodies(server)] == [0, 2]
    assert server.calls[0].request.headers["Authorization"] == "Bearer secret-pat"


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([dc_page(issue_payload(1), total=3), dc_page(start=1, total=3)], "1 of 3 issues"),
        (
            [dc_page(issue_payload(1), total=3), dc_page(issue_payload(1), start=1, total=3)],
            "same page twice",
        ),
        (
            [dc_page(issue_payload(1), total=3), dc_page(issue_payload(2), start=1, total=2)],
            "left the search",
        ),
        ([{"issues": []}], 'no "total"'),
    ],
)
def test_an_incomplete_data_center_search_fails(
    server: responses.RequestsMock, connection: JiraConnection, pages: list[Any], message: str
) -> None:
    mock_site(server, deployment="Server")
    for page in pages:
        server.post(OLD_SEARCH, json=page, headers=DATE)
    failure = only_failure(dc_pull(connection))
    assert failure.kind == "payload" and message in failure.reason


def test_a_response_without_date_fails_the_source(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.post(SEARCH, json=search_page())
    assert "no Date header" in only_failure(pulled(connection, DS)).reason


def test_a_url_without_jira_is_reported_with_instructions(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    server.get(f"{SITE}/jira/rest/api/2/serverInfo", status=404, json={})
    failure = only_failure(pulled(connection, DS, url=f"{SITE}/jira"))
    assert failure.kind == "unavailable"
    assert f"there is no Jira at {SITE}/jira; check url" in failure.reason


def test_no_sources_mean_no_request(server: responses.RequestsMock, connection: JiraConnection) -> None:
    reader, _ = connection.open()
    assert list(reader.pull([], FieldSelection())) == list(reader.census([], FieldSelection())) == []
    assert len(server.calls) == 0


def test_missing_credentials_are_reported_before_any_request(connection: JiraConnection) -> None:
    with pytest.raises(AuthFailed, match="set JIRA_EMAIL and JIRA_API_TOKEN"):
        connection.open(api_token=None)
    with pytest.raises(AuthFailed, match="set JIRA_PAT"):
        connection.open(kind="jira-dc", api_token=None)


# ---- pages


def test_an_empty_page_between_two_is_requested_once_more(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.post(SEARCH, json=search_page(issue_payload(1), token="b"), headers=DATE)
    server.post(SEARCH, json=search_page(token="c"), headers=DATE)
    server.post(SEARCH, json=search_page(issue_payload(2)), headers=DATE)
    assert keys(pulled(connection, DS)[0]) == ["DS-1", "DS-2"]
    assert [body.get("nextPageToken") for body in request_bodies(server)] == [None, "b", "b"]


def test_an_empty_last_page_is_believed_the_second_time(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.post(SEARCH, json=search_page(issue_payload(1), token="b"), headers=DATE)
    server.post(SEARCH, json=search_page(), headers=DATE)
    assert keys(pulled(connection, DS)[0]) == ["DS-1"]
    assert len(request_bodies(server)) == 3


def test_an_empty_site_is_believed_at_once(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.post(SEARCH, json=search_page(), headers=DATE)
    assert keys(pulled(connection, DS)[0]) == []
    assert len(request_bodies(server)) == 1


@pytest.mark.parametrize("last", [{"isLast": True, "nextPageToken": "x"}, {}])
def test_the_last_page_says_so_or_has_no_token(
    server: responses.RequestsMock, connection: JiraConnection, last: dict[str, Any]
) -> None:
    mock_site(server)
    server.post(SEARCH, json={"issues": [issue_payload(1)], **last}, headers=DATE)
    assert keys(pulled(connection, DS)[0]) == ["DS-1"]
    assert len(request_bodies(server)) == 1


def test_the_first_page_gives_the_time_of_the_cursor(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    """Changes between the first page and the last one may be on no page."""
    mock_site(server)
    late = {"Date": "Thu, 01 Oct 2026 13:04:00 GMT"}
    server.post(
        SEARCH,
        json=search_page(issue_payload(1, updated="2026-10-01T12:49:00.000+0000"), token="b"),
        headers=DATE,
    )
    server.post(
        SEARCH, json=search_page(issue_payload(2, updated="2026-10-01T12:55:00.000+0000")), headers=late
    )
    answer = pulled(connection, DS)[0]
    assert isinstance(answer, PulledSource)
    assert answer.cursor.updated_since == datetime(2026, 10, 1, 12, 50, tzinfo=UTC)


def test_an_unreadable_row_is_left_out_and_counted_once(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    broken = issue_payload(2) | {"fields": None}
    server.post(SEARCH, json=search_page(issue_payload(1), broken, token="b"), headers=DATE)
    server.post(SEARCH, json=search_page(broken, issue_payload(3)), headers=DATE)
    answer = pulled(connection, DS)[0]
    assert keys(answer) == ["DS-1", "DS-3"]
    assert isinstance(answer, PulledSource)
    assert [(each.id, each.key) for each in answer.unreadable] == [("10002", "DS-2")]


def test_an_unreadable_row_belongs_to_the_source_of_its_project(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    broken = issue_payload(2, project="OPS") | {"fields": None}
    server.post(SEARCH, json=search_page(issue_payload(1), broken), headers=DATE)
    of_ds, of_ops = pulled(connection, DS, OPS)
    assert isinstance(of_ds, PulledSource) and isinstance(of_ops, PulledSource)
    assert [each.key for each in (*of_ds.unreadable, *of_ops.unreadable)] == ["OPS-2"]
    assert of_ds.unreadable == ()
    assert len(request_bodies(server)) == 1


def test_an_older_version_of_a_row_does_not_replace_a_newer_one(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    newer = issue_payload(1, updated="2026-10-01T12:40:00.000+0000")
    server.post(SEARCH, json=search_page(newer, issue_payload(3), token="t2"), headers=DATE)
    server.post(SEARCH, json=search_page(issue_payload(1), issue_payload(2)), headers=DATE)
    answer = pulled(connection, DS)[0]
    assert isinstance(answer, PulledSource)
    assert answer.issues[0].updated == datetime(2026, 10, 1, 12, 40, tzinfo=UTC)


def test_sources_without_a_project_are_searched_alone(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.post(SEARCH, json=search_page(issue_payload(1)), headers=DATE)
    filters = [
        Source(tracker="jira", container="", options=(("jql", "filter = 7"),)),
        Source(tracker="jira", container="", options=(("jql", "filter = 7 ORDER BY rank"),)),
    ]
    assert [keys(answer) for answer in pulled(connection, *filters)] == [["DS-1"], ["DS-1"]]
    assert [body["jql"].partition(" ORDER")[0] for body in request_bodies(server)] == ["(filter = 7)"] * 2


# ---- Data Center


def with_history(payload: dict[str, Any], *entries: Any) -> dict[str, Any]:
    return payload | {"changelog": {"histories": list(entries)}}


def test_changelogs_come_with_the_issues_and_an_invalid_one_is_left_out(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server, deployment="Server")
    server.get(f"{SITE}/rest/api/2/status", json=[])
    moved = {"field": "status", "fromString": "A", "toString": "To Do", "from": "9", "to": "1"}
    put = {"field": "labels", "fromString": "", "toString": "x"}
    entry = {"id": "5", "created": "2026-10-01T08:00:00.000+0000", "items": [moved, put]}
    rows = [
        with_history(issue_payload(1), entry),
        with_history(issue_payload(2), {"id": "6"}),
        issue_payload(3),
    ]
    server.post(OLD_SEARCH, json=dc_page(*rows, total=3), headers=DATE)
    (answer,) = dc_pull(connection)
    assert isinstance(answer, PulledSource)
    assert [(each.ref.key, each.id) for each in answer.changes or ()] == [("DS-1", "5:status")]
    assert answer.without_history == {"10002", "10003"}
    assert {ref.key: list(labels) for ref, labels in answer.label_histories.items()} == {"DS-1": ["x"]}
    assert request_bodies(server)[0]["expand"] == ["changelog"]


def test_histories_go_to_the_source_of_their_issue(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server, deployment="Server")
    server.get(f"{SITE}/rest/api/2/status", json=[])
    flag = {"field": "Flagged", "fromString": "", "toString": "Impediment"}
    entry = {"id": "5", "created": "2026-10-01T08:00:00.000+0000", "items": [flag]}
    rows = [with_history(issue_payload(1), entry), with_history(issue_payload(2, project="OPS"), entry)]
    rows[1]["id"] = "20002"
    server.post(OLD_SEARCH, json=dc_page(*rows, issue_payload(4, project="OPS"), total=3), headers=DATE)
    credentials: dict[str, Any] = {"kind": "jira-dc", "email": None, "api_token": None, "pat": "secret-pat"}
    answers = pulled(connection, DS, OPS, **credentials)
    told = [
        ([each.ref.key for each in answer.changes or ()], answer.without_history, len(answer.label_histories))
        for answer in answers
        if isinstance(answer, PulledSource)
    ]
    assert told == [(["DS-1"], frozenset(), 1), (["OPS-2"], frozenset({"10004"}), 1)]


def test_after_its_first_page_a_refused_search_is_no_matter_of_the_jql(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server, deployment="Server")
    server.post(OLD_SEARCH, json=dc_page(issue_payload(1), total=3), headers=DATE)
    server.post(OLD_SEARCH, json={"errorMessages": ["odd"]}, status=400, headers=DATE)
    failure = only_failure(dc_pull(connection))
    assert failure.kind == "unavailable"
    assert "the search was refused after its first page: " in failure.reason


def test_a_search_beyond_the_window_goes_on_at_the_latest_creation(
    server: responses.RequestsMock, connection: JiraConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(search.search_pages.__kwdefaults__, "window", 2)
    mock_site(server, deployment="Server")

    def created(number: int, minute: int) -> dict[str, Any]:
        made = with_history(issue_payload(number))
        made["fields"]["created"] = f"2026-09-01T08:{minute:02}:40.000+0000"
        return made

    unreadable = created(3, 7) | {"fields": {"created": "soon"}}
    server.post(OLD_SEARCH, json=dc_page(created(1, 5), created(2, 6), total=5), headers=DATE)
    server.post(OLD_SEARCH, json=dc_page(created(2, 6), unreadable, total=4), headers=DATE)
    failure = only_failure(dc_pull(connection))
    assert "more than 2 issues were created at 2026-09-01 08:06, more than Jira can list" in failure.reason
    first, second = request_bodies(server)
    assert (first["startAt"], first["maxResults"]) == (0, 2)
    assert 'AND created >= "2026-09-01 08:06" ORDER BY' in second["jql"]


def test_a_window_without_a_readable_time_of_creation_fails(
    server: responses.RequestsMock, connection: JiraConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(search.search_pages.__kwdefaults__, "window", 1)
    mock_site(server, deployment="Server")
    server.post(OLD_SEARCH, json=dc_page({"id": "1", "key": "DS-1"}, total=2), headers=DATE)
    assert "has no readable creation time" in only_failure(dc_pull(connection)).reason


# ---- census


def census(server: responses.RequestsMock, *answers: dict[str, Any], cloud: bool = True) -> Any:
    mock_site(server, deployment="Cloud" if cloud else "Server")
    for answer in answers:
        server.post(SEARCH if cloud else OLD_SEARCH, json=answer, headers=DATE)
    connection = JiraConnection()
    reader, _ = connection.open() if cloud else connection.data_center()
    (found,) = reader.census([DS], FieldSelection())
    return found


def test_a_census_asks_for_ids_only(server: responses.RequestsMock) -> None:
    found = census(server, {"issues": [{"id": "1"}, {"id": 2}, {"id": "x"}, 7], "isLast": True})
    assert found.ids == {"1", "2"}
    (body,) = request_bodies(server)
    assert (body["fields"], body["maxResults"]) == (["id"], 5000)


def test_a_census_of_data_center_needs_the_time_of_creation(server: responses.RequestsMock) -> None:
    found = census(server, dc_page({"id": "1"}, total=1), cloud=False)
    assert found.ids == {"1"}
    (body,) = request_bodies(server)
    assert (body["fields"], body["maxResults"], body.get("expand")) == (["created"], 1000, None)


def test_a_census_that_fails_names_its_source(server: responses.RequestsMock) -> None:
    found = census(server, {"isLast": True})
    assert isinstance(found, FailedSource)
    assert found.source == DS
