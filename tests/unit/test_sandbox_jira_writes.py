"""Jira sandbox, writes: labels, mails, permissions and limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.jira_mock import MockJira, error_text, mock_jira_with_issue

KINDS = pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])


def relabel(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"update": {"labels": list(operations)}}


def labels(site: MockJira) -> list[str]:
    return list(site.get("issue/DS-1").data["fields"]["labels"])


# Labels.


@KINDS
def test_label_changes_are_recorded_in_the_history(kind: str) -> None:
    site = mock_jira_with_issue(kind)

    answer = site.put("issue/DS-1", relabel({"add": "state:done"}, {"add": "Human"}, {"remove": "human"}))

    issue = site.get("issue/DS-1", expand="changelog").data
    entry = issue["changelog"]["histories"][0]
    assert (answer.status, answer.data) == (204, None)
    assert issue["fields"]["labels"] == ["Human", "state:done"]
    assert issue["fields"]["updated"] == "2026-10-01T10:00:38.612+0000"
    assert entry["author"]["displayName"] == "bot"
    assert entry["items"][0]["field"] == "labels"
    assert (entry["items"][0]["fromString"], entry["items"][0]["toString"]) == ("human", "Human state:done")


@KINDS
def test_an_edit_without_changes_is_not_recorded(kind: str) -> None:
    site = mock_jira_with_issue(kind)
    before = site.get("issue/DS-1", expand="changelog").data

    answer = site.put("issue/DS-1", relabel({"add": "human"}, {"remove": "absent"}))

    assert answer.status == 204
    assert site.get("issue/DS-1", expand="changelog").data == before
    assert site.state.mails == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (relabel({"add": "two words"}), "contains spaces"),
        (relabel({"add": "x" * 256}), "exceeds the maximum length"),
        (relabel({"add": "fine"}, {"add": "not fine"}), "contains spaces"),
        (relabel({"rename": "x"}), "'rename' is not supported"),
        ({**relabel({"add": "x"}), "fields": {"labels": ["y"]}}, "both 'fields' and 'update'"),
        ({"update": {"colour": [{"set": "red"}]}}, "not on the appropriate screen"),
        ({"update": {"labels": [{"add": "x"}], "comment": [{"add": {"body": ""}}]}}, "can not be empty"),
        ("nonsense", "has to be a JSON object"),
    ],
)
def test_an_invalid_edit_changes_nothing(body: Any, reason: str) -> None:
    site = mock_jira_with_issue()

    answer = site.put("issue/DS-1", body)

    assert answer.status == 400
    assert reason in error_text(answer)
    assert labels(site) == ["human"]
    assert site.state.require_issue("DS-1").comments == ()


def test_setting_labels_removes_all_others() -> None:
    site = mock_jira_with_issue()

    site.put("issue/DS-1", {"fields": {"labels": ["ours"]}})

    assert labels(site) == ["ours"]


@KINDS
def test_labels_that_are_not_on_the_screen_cannot_be_set(kind: str) -> None:
    site = mock_jira_with_issue(kind, projects={"DS": {"labels_on_edit_screen": False}})

    answer = site.put("issue/DS-1", relabel({"add": "x"}))

    assert answer.status == 400
    assert "not on the appropriate screen" in answer.data["errors"]["labels"]


def test_a_missing_edit_permission_is_403_on_cloud_and_400_on_data_center() -> None:
    cloud, dc = mock_jira_with_issue(), mock_jira_with_issue("jira-dc")

    plain = cloud.put("issue/DS-1", relabel({"add": "x"}), by="berlin")
    disguised = dc.put("issue/DS-1", relabel({"add": "x"}), by="berlin")

    assert (plain.status, disguised.status) == (403, 400)
    assert "not on the appropriate screen" in error_text(disguised)
    assert labels(cloud) == labels(dc) == ["human"]


@KINDS
def test_an_edit_mails_watchers_unless_an_admin_suppresses_that(kind: str) -> None:
    site = mock_jira_with_issue(kind)

    site.put("issue/DS-1", relabel({"add": "quiet"}), by="admin", notifyUsers="false")
    assert site.state.mails == []

    site.put("issue/DS-1", relabel({"add": "loud"}))
    assert [(mail.to, mail.issue) for mail in site.state.mails] == [("dana", "DS-1")]


def test_suppressing_mails_without_admin_fails_on_data_center_and_is_ignored_on_cloud() -> None:
    cloud, dropping, dc = mock_jira_with_issue(), mock_jira_with_issue(), mock_jira_with_issue("jira-dc")
    dropping.state.switches.notify_without_right = "dropped"

    answers = [
        site.put("issue/DS-1", relabel({"add": "x"}), notifyUsers="false") for site in (cloud, dropping, dc)
    ]

    assert [answer.status for answer in answers] == [204, 204, 403]
    assert [labels(site) for site in (cloud, dropping, dc)] == [["human", "x"], ["human"], ["human"]]
    assert [len(site.state.mails) for site in (cloud, dropping, dc)] == [1, 0, 0]


@KINDS
def test_one_edit_sets_labels_a_comment_and_properties(kind: str) -> None:
    site = mock_jira_with_issue(kind)
    comment = {"body": "Status", "properties": [{"key": "ours", "value": {"of": "acme"}}]}
    body = {
        "update": {"labels": [{"add": "x"}], "comment": [{"add": comment}]},
        "properties": [{"key": "pushed", "value": {"hash": 1}}],
    }

    answer = site.put("issue/DS-1", body, by="admin", notifyUsers="false")

    number = site.get("issue/DS-1/comment").data["comments"][0]["id"]
    assert answer.status == 204
    assert labels(site) == ["human", "x"]
    assert site.get(f"comment/{number}/properties/ours").data["value"] == {"of": "acme"}
    assert site.get("issue/DS-1/properties/pushed").data["value"] == {"hash": 1}
    assert site.state.mails == []


# Limits.


def test_a_burst_meets_the_rate_limit_for_a_second() -> None:
    site = mock_jira_with_issue(switches={"burst_limit": 2})

    statuses = [site.get("myself").status for _ in range(3)]
    refused = site.get("myself")
    other_method = site.put("issue/DS-1", relabel({"add": "x"}))
    site.clock.advance(timedelta(seconds=1))

    assert statuses == [200, 200, 429]
    assert (refused.headers["Retry-After"], refused.headers["RateLimit-Reason"]) == ("1", "jira-burst-based")
    assert other_method.status == 204
    assert site.get("myself").status == 200

    site.state.switches.burst_retry_after = None
    assert "Retry-After" not in [site.get("myself") for _ in range(2)][-1].headers


def test_one_issue_takes_twenty_writes_in_two_seconds() -> None:
    site = mock_jira_with_issue(switches={"issue_write_limits": True})
    site.state.add_issue("DS", "Two")

    answers = [site.put("issue/DS-1", relabel({"add": f"l{number}"})) for number in range(21)]

    assert [answer.status for answer in answers] == [204] * 20 + [429]
    assert answers[-1].headers["RateLimit-Reason"] == "jira-per-issue-on-write"
    assert site.put("issue/DS-2", relabel({"add": "x"})).status == 204
    assert site.get("issue/DS-1").status == 200


def test_data_center_responses_have_rate_limit_headers() -> None:
    site = mock_jira_with_issue("jira-dc", switches={"bucket": 2})

    answers = [site.get("myself") for _ in range(3)]
    site.clock.advance(timedelta(seconds=1))

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert [answer.headers["retry-after"] for answer in answers] == ["0", "1", "1"]
    assert site.get("myself").status == 200


# Invalid requests.


@KINDS
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "issue/DS-1", {"update": {"labels": 5}}),
        ("PUT", "issue/DS-1", {"update": {"labels": ["add"]}}),
        ("PUT", "issue/DS-1", {"update": 5}),
        ("PUT", "issue/DS-1", {"update": {"comment": 5}}),
        ("PUT", "issue/DS-1", {"fields": {"labels": "x"}}),
        ("PUT", "issue/DS-1", {"fields": {"summary": None}}),
        ("PUT", "issue/DS-1", {"properties": 5}),
        ("PUT", "issue/DS-1", {"properties": [{"key": 5}]}),
        ("POST", "issue/DS-1/comment", None),
        ("POST", "issue/DS-1/comment", {"body": "x", "properties": {"a": 1}}),
        ("POST", "search", {"jql": "(" * 5000}),
        ("POST", "search", {"jql": "updated > -99999999999w"}),
        ("POST", "search", {"jql": "updated > '0001-01-01'"}),
        ("POST", "search", {"jql": "project = DS", "fields": 5}),
        ("POST", "search", {"jql": "project = DS", "maxResults": "many"}),
        ("POST", "search", {"jql": "project = DS", "maxResults": 1, "nextPageToken": "NQ=="}),
        ("POST", "comment/list", {"ids": ["x"]}),
        ("GET", "issue/DS-1/comment/" + "9" * 5000, None),
    ],
)
def test_invalid_requests_change_nothing(kind: str, method: str, path: str, body: Any) -> None:
    site = MockJira(kind, accounts=[_BERLIN_ROBOT])
    site.state.add_issue("DS", "One")
    before = site.tracker.dump()
    if path == "search" and kind == "jira-cloud":
        path = "search/jql"

    answer = site.send(method, path, json=body)

    # Data Center has no page tokens and no bulk read of comments.
    harmless = kind == "jira-dc" and isinstance(body, dict) and "nextPageToken" in body
    assert answer.status == 200 if harmless else answer.status in (400, 404)
    assert site.tracker.dump() == before


_BERLIN_ROBOT = {
    "id": "bot",
    "email": "bot@acme.example",
    "token": "bot-token",
    "timezone": "Europe/Berlin",
}
