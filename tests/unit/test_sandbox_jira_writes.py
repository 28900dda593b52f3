"""The embedded Jira as its clients write to it: labels, comments, properties, mails, rights and limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.sandbox.jira_adf import document
from tests.unit.jira_lookalike import Site, why

KINDS = pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])


def site_with_issue(kind: str = "jira-cloud", **seed: Any) -> Site:
    """DS-1 with the label ``human``, watched by dana; then an hour passes."""
    site = Site(kind, **seed)
    site.state.add_issue("DS", "One", labels=["human"], watchers=("dana",), by="dana")
    site.clock.advance(timedelta(hours=1))
    return site


def relabel(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"update": {"labels": list(operations)}}


def labels(site: Site) -> list[str]:
    return list(site.get("issue/DS-1").data["fields"]["labels"])


# Labels.


@KINDS
def test_labels_are_added_and_removed_one_by_one_and_leave_a_trace(kind: str) -> None:
    site = site_with_issue(kind)

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
def test_an_edit_that_changes_nothing_leaves_no_trace(kind: str) -> None:
    site = site_with_issue(kind)
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
def test_a_bad_edit_is_refused_whole(body: Any, reason: str) -> None:
    site = site_with_issue()

    answer = site.put("issue/DS-1", body)

    assert answer.status == 400
    assert reason in why(answer)
    assert labels(site) == ["human"]
    assert site.state.need("DS-1").comments == ()


def test_replacing_the_set_takes_away_what_people_put() -> None:
    site = site_with_issue()

    site.put("issue/DS-1", {"fields": {"labels": ["ours"]}})

    assert labels(site) == ["ours"]


@KINDS
def test_labels_that_are_not_on_the_screen_cannot_be_set(kind: str) -> None:
    site = site_with_issue(kind, projects={"DS": {"labels_on_edit_screen": False}})

    answer = site.put("issue/DS-1", relabel({"add": "x"}))

    assert answer.status == 400
    assert "not on the appropriate screen" in answer.data["errors"]["labels"]


def test_a_missing_right_to_edit_is_said_by_cloud_and_disguised_by_data_center() -> None:
    cloud, dc = site_with_issue(), site_with_issue("jira-dc")

    plain = cloud.put("issue/DS-1", relabel({"add": "x"}), by="berlin")
    disguised = dc.put("issue/DS-1", relabel({"add": "x"}), by="berlin")

    assert (plain.status, disguised.status) == (403, 400)
    assert "not on the appropriate screen" in why(disguised)
    assert labels(cloud) == labels(dc) == ["human"]


@KINDS
def test_an_edit_mails_the_watchers_unless_an_admin_says_not_to(kind: str) -> None:
    site = site_with_issue(kind)

    site.put("issue/DS-1", relabel({"add": "quiet"}), by="admin", notifyUsers="false")
    assert site.state.mails == []

    site.put("issue/DS-1", relabel({"add": "loud"}))
    assert [(mail.to, mail.issue) for mail in site.state.mails] == [("dana", "DS-1")]


def test_silence_without_the_right_fails_on_data_center_and_is_ignored_on_cloud() -> None:
    cloud, dropping, dc = site_with_issue(), site_with_issue(), site_with_issue("jira-dc")
    dropping.state.switches.notify_without_right = "dropped"

    answers = [
        site.put("issue/DS-1", relabel({"add": "x"}), notifyUsers="false") for site in (cloud, dropping, dc)
    ]

    assert [answer.status for answer in answers] == [204, 204, 403]
    assert [labels(site) for site in (cloud, dropping, dc)] == [["human", "x"], ["human"], ["human"]]
    assert [len(site.state.mails) for site in (cloud, dropping, dc)] == [1, 0, 0]


@KINDS
def test_one_edit_carries_labels_a_comment_with_a_mark_and_an_issue_property(kind: str) -> None:
    site = site_with_issue(kind)
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


# Comments.


@KINDS
def test_a_comment_is_created_read_edited_and_deleted(kind: str) -> None:
    site = site_with_issue(kind)
    mark = [{"key": "ours", "value": {"instance": "acme"}}]

    created = site.post("issue/DS-1/comment", {"body": "First 🚀", "properties": mark})
    number = created.data["id"]
    site.clock.advance(timedelta(minutes=1))
    edited = site.put(f"issue/DS-1/comment/{number}", {"body": "Second"})

    shown = site.get(f"issue/DS-1/comment/{number}").data
    assert (created.status, created.data["body"], edited.status) == (201, "First 🚀", 200)
    assert shown["body"] == "Second"
    assert shown["updated"] > shown["created"]
    assert shown["author"]["displayName"] == "bot"
    assert "properties" not in shown
    assert site.get(f"comment/{number}/properties").data["keys"][0]["key"] == "ours"
    assert site.get("issue/DS-1").data["fields"]["updated"] == shown["updated"]

    assert site.send("DELETE", f"issue/DS-1/comment/{number}").status == 204
    assert site.get(f"issue/DS-1/comment/{number}").status == 404
    assert site.put(f"issue/DS-1/comment/{number}", {"body": "x"}).status == 404


def test_a_new_comment_mails_watchers_and_who_is_mentioned_and_an_edit_can_be_silent() -> None:
    site = site_with_issue()

    number = site.post("issue/DS-1/comment", {"body": "Look, [~accountid:berlin] and [~nobody]"}).data["id"]
    assert [mail.to for mail in site.state.mails] == ["berlin", "dana"]

    site.put(f"issue/DS-1/comment/{number}", {"body": "Better"}, notifyUsers="false")
    assert len(site.state.mails) == 2

    site.put(f"issue/DS-1/comment/{number}", {"body": "Best"})
    assert [mail.reason for mail in site.state.mails[2:]] == ["comment edited"]


def test_comments_come_in_pages_oldest_first() -> None:
    site = site_with_issue()
    numbers = [str(site.state.comment("DS-1", f"Comment {n}", "dana")) for n in range(60)]

    first = site.get("issue/DS-1/comment").data
    second = site.get("issue/DS-1/comment", startAt=50, maxResults=50).data

    assert (first["total"], first["maxResults"], len(first["comments"])) == (60, 50, 50)
    assert [each["id"] for each in first["comments"] + second["comments"]] == numbers


def test_cloud_lists_comments_by_id_with_their_properties() -> None:
    site = site_with_issue()
    mine = site.state.comment("DS-1", "Mine", "bot", properties={"ours": 1})
    other = site.state.comment("DS-1", "Other", "dana")

    listed = site.post("comment/list", {"ids": [mine, other, 999]}, expand="properties").data["values"]

    assert [each["properties"] for each in listed] == [[{"key": "ours", "value": 1}], []]
    assert "properties" not in site.post("comment/list", {"ids": [mine]}).data["values"][0]
    assert site.post("comment/list", {"ids": list(range(1001))}).status == 400
    assert site_with_issue("jira-dc").post("comment/list", {"ids": [mine]}).status == 404


@KINDS
def test_the_mark_of_a_comment_can_be_set_later_without_touching_the_issue(kind: str) -> None:
    site = site_with_issue(kind)
    number = site.post("issue/DS-1/comment", {"body": "Status"}).data["id"]
    updated = site.get("issue/DS-1").data["fields"]["updated"]
    site.clock.advance(timedelta(minutes=5))

    statuses = [site.put(f"comment/{number}/properties/ours", {"v": v}).status for v in (1, 2)]

    assert statuses == [201, 200]
    assert site.get(f"comment/{number}/properties/ours").data == {"key": "ours", "value": {"v": 2}}
    assert site.get("issue/DS-1").data["fields"]["updated"] == updated
    assert site.get(f"comment/{number}/properties/other").status == 404
    assert site.send("DELETE", f"comment/{number}/properties/ours").status == 204
    assert site.get(f"comment/{number}/properties/ours").status == 404


@KINDS
def test_comments_of_others_are_theirs(kind: str) -> None:
    site = site_with_issue(kind)
    number = site.state.comment("DS-1", "By a person", "dana")

    refused = [
        site.put(f"issue/DS-1/comment/{number}", {"body": "Hijacked"}),
        site.send("DELETE", f"issue/DS-1/comment/{number}"),
        site.put(f"comment/{number}/properties/ours", 1),
    ]

    assert {answer.status for answer in refused} == ({403} if kind == "jira-cloud" else {400})
    assert site.get(f"issue/DS-1/comment/{number}").data["body"] == "By a person"
    assert site.put(f"issue/DS-1/comment/{number}", {"body": "Moderated"}, by="admin").status == 200
    assert site.post("issue/DS-1/comment", {"body": "x"}, by="berlin").status in (400, 403)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * 32_768, "32,767 characters"),
        (" \n", "can not be empty"),
        ("a\x00b", "cannot be stored"),
        (7, "string"),
    ],
)
def test_a_text_that_jira_cannot_keep_is_refused(text: Any, reason: str) -> None:
    site = site_with_issue()

    answer = site.post("issue/DS-1/comment", {"body": text})

    assert (answer.status, reason in why(answer)) == (400, True)
    assert site.get("issue/DS-1/comment").data["total"] == 0


def test_version_three_takes_documents_and_version_two_shows_their_text() -> None:
    site = site_with_issue()
    path = "/rest/api/3/issue/DS-1/comment"

    number = site.post(path, {"body": document("One\n\nTwo")}).data["id"]

    assert site.get(f"issue/DS-1/comment/{number}").data["body"] == "One\n\nTwo"
    assert site.get(f"{path}/{number}").data["body"] == document("One\n\nTwo")
    assert site.post(path, {"body": "plain"}).status == 400


def test_customers_of_a_service_project_see_a_comment_unless_it_is_marked_internal() -> None:
    site = site_with_issue(projects={"DS": {"service_management": True}})
    internal = [{"key": "sd.public.comment", "value": {"internal": True}}]

    site.post("issue/DS-1/comment", {"body": "Oops"})
    site.post("issue/DS-1/comment", {"body": "Fine", "properties": internal})

    assert [comment.public for comment in site.state.need("DS-1").comments] == [True, False]


# Limits.


def test_a_burst_is_refused_until_a_second_has_passed() -> None:
    site = site_with_issue(switches={"burst_limit": 2})

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
    site = site_with_issue(switches={"issue_write_limits": True})
    site.state.add_issue("DS", "Two")

    answers = [site.put("issue/DS-1", relabel({"add": f"l{number}"})) for number in range(21)]

    assert [answer.status for answer in answers] == [204] * 20 + [429]
    assert answers[-1].headers["RateLimit-Reason"] == "jira-per-issue-on-write"
    assert site.put("issue/DS-2", relabel({"add": "x"})).status == 204
    assert site.get("issue/DS-1").status == 200


def test_data_center_tells_the_bucket_on_every_answer() -> None:
    site = site_with_issue("jira-dc", switches={"bucket": 2})

    answers = [site.get("myself") for _ in range(3)]
    site.clock.advance(timedelta(seconds=1))

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert [answer.headers["retry-after"] for answer in answers] == ["0", "1", "1"]
    assert site.get("myself").status == 200


# Nonsense.


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
def test_nonsense_is_refused_and_changes_nothing(kind: str, method: str, path: str, body: Any) -> None:
    site = Site(kind, accounts=[_BERLIN_ROBOT])
    site.state.add_issue("DS", "One")
    before = site.tracker.dump()
    if path == "search" and kind == "jira-cloud":
        path = "search/jql"

    answer = site.send(method, path, json=body)

    # Data Center knows no page tokens and no bulk read of comments.
    harmless = kind == "jira-dc" and isinstance(body, dict) and "nextPageToken" in body
    assert answer.status == 200 if harmless else answer.status in (400, 404)
    assert site.tracker.dump() == before


_BERLIN_ROBOT = {
    "id": "bot",
    "email": "bot@acme.example",
    "token": "bot-token",
    "timezone": "Europe/Berlin",
}
