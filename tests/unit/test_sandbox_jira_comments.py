"""Comments of the Jira sandbox: permissions, properties, mails and limits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.sandbox.jira.adf import text_to_adf
from tests.unit.jira_mock import error_text, mock_jira_with_issue

KINDS = pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])


@KINDS
def test_a_comment_is_created_read_edited_and_deleted(kind: str) -> None:
    site = mock_jira_with_issue(kind)
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
    site = mock_jira_with_issue()

    number = site.post("issue/DS-1/comment", {"body": "Look, [~accountid:berlin] and [~nobody]"}).data["id"]
    assert [mail.to for mail in site.state.mails] == ["berlin", "dana"]

    site.put(f"issue/DS-1/comment/{number}", {"body": "Better"}, notifyUsers="false")
    assert len(site.state.mails) == 2

    site.put(f"issue/DS-1/comment/{number}", {"body": "Best"})
    assert [mail.reason for mail in site.state.mails[2:]] == ["comment edited"]


def test_comments_come_in_pages_oldest_first() -> None:
    site = mock_jira_with_issue()
    numbers = [str(site.state.comment("DS-1", f"Comment {n}", "dana")) for n in range(60)]

    first = site.get("issue/DS-1/comment").data
    second = site.get("issue/DS-1/comment", startAt=50, maxResults=50).data

    assert (first["total"], first["maxResults"], len(first["comments"])) == (60, 50, 50)
    assert [each["id"] for each in first["comments"] + second["comments"]] == numbers


def test_cloud_lists_comments_by_id_with_their_properties() -> None:
    site = mock_jira_with_issue()
    mine = site.state.comment("DS-1", "Mine", "bot", properties={"ours": 1})
    other = site.state.comment("DS-1", "Other", "dana")

    listed = site.post("comment/list", {"ids": [mine, other, 999]}, expand="properties").data["values"]

    assert [each["properties"] for each in listed] == [[{"key": "ours", "value": 1}], []]
    assert "properties" not in site.post("comment/list", {"ids": [mine]}).data["values"][0]
    assert site.post("comment/list", {"ids": list(range(1001))}).status == 400
    assert mock_jira_with_issue("jira-dc").post("comment/list", {"ids": [mine]}).status == 404


@KINDS
def test_a_comment_property_can_be_set_later_without_updating_the_issue(kind: str) -> None:
    site = mock_jira_with_issue(kind)
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
def test_comments_of_others_cannot_be_edited(kind: str) -> None:
    site = mock_jira_with_issue(kind)
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
def test_an_invalid_comment_text_is_rejected(text: Any, reason: str) -> None:
    site = mock_jira_with_issue()

    answer = site.post("issue/DS-1/comment", {"body": text})

    assert (answer.status, reason in error_text(answer)) == (400, True)
    assert site.get("issue/DS-1/comment").data["total"] == 0


def test_version_three_takes_documents_and_version_two_shows_their_text() -> None:
    site = mock_jira_with_issue()
    path = "/rest/api/3/issue/DS-1/comment"

    number = site.post(path, {"body": text_to_adf("One\n\nTwo")}).data["id"]

    assert site.get(f"issue/DS-1/comment/{number}").data["body"] == "One\n\nTwo"
    assert site.get(f"{path}/{number}").data["body"] == text_to_adf("One\n\nTwo")
    assert site.post(path, {"body": "plain"}).status == 400


def test_customers_of_a_service_project_see_a_comment_unless_it_is_marked_internal() -> None:
    site = mock_jira_with_issue(projects={"DS": {"service_management": True}})
    internal = [{"key": "sd.public.comment", "value": {"internal": True}}]

    site.post("issue/DS-1/comment", {"body": "Oops"})
    site.post("issue/DS-1/comment", {"body": "Fine", "properties": internal})

    assert [comment.public for comment in site.state.require_issue("DS-1").comments] == [True, False]
