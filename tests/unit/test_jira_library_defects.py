"""Defects of the ``jira`` library (3.10.5) that our requests, which go through it, do not reach.

Each test replays an exchange in which the library fails alone, without the adapter below it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
import responses

from connectors.errors import OutcomeUnknown, RateLimitExceeded
from connectors.model import FieldSelection, PulledSource
from tests.unit.jira_connection import (
    DATE,
    DS,
    REF,
    SITE,
    JiraConnection,
    issue_payload,
    mock_site,
    search_page,
)

SEARCH = f"{SITE}/rest/api/2/search/jql"
COMMENTS = f"{SITE}/rest/api/2/issue/10012/comment"
GATEWAY = "https://api.atlassian.com/ex/jira/cloud-1"


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def connection() -> JiraConnection:
    return JiraConnection()


def first_pull(connection: JiraConnection) -> object:
    reader, _ = connection.open()
    return next(iter(reader.pull([(DS, None)], FieldSelection())))


def test_cloud_is_searched_at_the_new_endpoint(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    """Without serverInfo, the library takes every site for a Data Center: the old search, or None."""
    mock_site(server)
    server.post(SEARCH, json=search_page(issue_payload(1)), headers=DATE)
    server.get(f"{SITE}/rest/api/2/search", status=410, json={"errorMessages": ["removed"]})
    server.post(f"{SITE}/rest/api/2/search", status=410, json={"errorMessages": ["removed"]})
    answer = first_pull(connection)
    assert isinstance(answer, PulledSource) and len(answer.issues) == 1


def test_opening_a_site_sends_no_request(server: responses.RequestsMock, connection: JiraConnection) -> None:
    connection.open()
    connection.data_center()
    assert len(server.calls) == 0


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [("Thu, 01 Oct 2026 13:00:40 GMT", 40.0), ("1.5", 1.5), ("7", 7.0)]
)
def test_retry_after_is_parsed_in_every_format(
    server: responses.RequestsMock, connection: JiraConnection, retry_after: str, seconds: float
) -> None:
    """The library parses it with int(), crashes on the first two values and prolongs the third."""
    mock_site(server)
    server.post(SEARCH, status=429, json={}, headers=DATE | {"Retry-After": retry_after})
    server.post(SEARCH, json=search_page(issue_payload(1)), headers=DATE)
    assert isinstance(first_pull(connection), PulledSource)
    assert connection.clock.sleeps == [seconds]


def test_a_long_wait_is_not_shortened(server: responses.RequestsMock, connection: JiraConnection) -> None:
    """The library retries after a minute at most, three times, against the server's demand."""
    server.put(f"{SITE}/rest/api/2/issue/10012", status=429, headers=DATE | {"Retry-After": "1800"}, json={})
    server.get(f"{SITE}/rest/api/2/mypermissions", json={"permissions": {}})
    _, writer = connection.open()
    with pytest.raises(RateLimitExceeded, match="13:35"):
        writer.change_labels(REF, ["capability:x"], [])
    assert connection.clock.sleeps == []


def test_a_comment_is_not_repeated_after_a_lost_response(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    server.post(COMMENTS, body=requests.ConnectionError("reset by peer"))
    _, writer = connection.open()
    with pytest.raises(OutcomeUnknown):
        writer.create_comment(REF, "state: done", {"instance": "acme"})
    assert len(server.calls) == 1


def test_behind_the_gateway_all_requests_go_there_in_spite_of_self_links(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    """The library replaces the host of ``self`` and keeps its path, which lacks the gateway's /ex/jira/<id>."""
    mock_site(server, base=GATEWAY)
    server.get(f"{GATEWAY}/rest/api/2/issue/DS-12", json=issue_payload(12))
    server.get(f"{GATEWAY}/rest/api/2/mypermissions", json={"permissions": {}})
    server.put(f"{GATEWAY}/rest/api/2/issue/10012", status=204)
    reader, writer = connection.open(cloud_id="cloud-1")
    issue = reader.read("DS-12", FieldSelection())
    writer.change_labels(issue.ref, ["capability:x"], [])
    assert issue.url == f"{SITE}/browse/DS-12"
    assert all((call.request.url or "").startswith(GATEWAY) for call in server.calls)
    assert server.calls[-1].request.headers["Authorization"].startswith("Basic ")


def test_every_request_has_a_timeout(server: responses.RequestsMock, connection: JiraConnection) -> None:
    mock_site(server)
    server.post(SEARCH, json=search_page(), headers=DATE)
    first_pull(connection)
    assert [call.request.req_kwargs["timeout"] for call in server.calls] == [(5.0, 30.0)] * 4


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_read_is_retried_after_an_error_that_the_library_would_raise(
    server: responses.RequestsMock, connection: JiraConnection, status: int
) -> None:
    mock_site(server)
    server.post(SEARCH, status=status)
    server.post(SEARCH, json=search_page(issue_payload(1)), headers=DATE)
    assert isinstance(first_pull(connection), PulledSource)
