"""Requests that change labels and comments on Jira, and the reads around them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses
from responses import matchers

from connectors.errors import AuthFailed, BadPayload, Gone, NotConfirmed, OutcomeUnknown, Rejected
from connectors.http.rate_limiter import RateLimiter, WriteLimits
from connectors.jira import comments
from connectors.model import FieldSelection
from tests.unit.jira_connection import (
    DATE,
    REF,
    SITE,
    JiraConnection,
    issue_payload,
    mock_site,
    request_bodies,
)

API = f"{SITE}/rest/api/2"
ISSUE, COMMENTS, RIGHTS = f"{API}/issue/10012", f"{API}/issue/10012/comment", f"{API}/mypermissions"
MARKER = {"instance": "acme", "anchor": "churn-model"}
PROPERTIES = [
    {"key": "increment-sync", "value": MARKER},
    {"key": "sd.public.comment", "value": {"internal": True}},
]
QUIET = matchers.query_param_matcher({"notifyUsers": "false"})
LOUD = matchers.query_param_matcher({})


@pytest.fixture
def server() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def connection() -> JiraConnection:
    return JiraConnection()


def rights(server: responses.RequestsMock, admin: bool) -> None:
    server.get(RIGHTS, json={"permissions": {"ADMINISTER_PROJECTS": {"havePermission": admin}}})


def raw_comment(
    comment_id: str = "7", body: str = "state: done", author: str = "712020:sync", **more: Any
) -> Any:
    times = {"created": "2026-10-01T08:00:00.000+0000", "updated": "2026-10-01T08:00:00.000+0000"}
    return {"id": comment_id, "author": {"accountId": author}, "body": body, **times, **more}


def test_labels_are_changed_one_by_one_in_one_request(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    rights(server, admin=False)
    server.put(ISSUE, status=204, match=[LOUD])
    _, writer = connection.open()
    writer.change_labels(REF, ["increment:2026-q4", "capability:x"], ["capability:y"])
    assert request_bodies(server, "PUT") == [
        {
            "update": {
                "labels": [
                    {"add": "increment:2026-q4"},
                    {"add": "capability:x"},
                    {"remove": "capability:y"},
                ]
            }
        }
    ]


def test_no_label_changes_mean_no_request(server: responses.RequestsMock, connection: JiraConnection) -> None:
    _, writer = connection.open()
    writer.change_labels(REF, [], [])
    writer.ensure_label("DS", "capability:x", "1d76db", "")
    assert len(server.calls) == 0


def test_administrators_edit_without_mail_and_the_permission_is_cached(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    rights(server, admin=True)
    server.put(ISSUE, status=204, match=[QUIET])
    _, writer = connection.open()
    writer.change_labels(REF, ["a"], [])
    writer.change_labels(REF, ["b"], [])
    assert [call.request.method for call in server.calls] == ["GET", "PUT", "PUT"]


def test_a_refused_edit_without_mail_is_tried_once_only(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    rights(server, admin=True)
    server.put(ISSUE, status=403, json={"errorMessages": ["notifyUsers"]}, match=[QUIET])
    server.put(ISSUE, status=204, match=[LOUD])
    _, writer = connection.open()
    writer.change_labels(REF, ["a"], [])
    writer.change_labels(REF, ["b"], [])
    assert [call.request.method for call in server.calls] == ["GET", "PUT", "PUT", "PUT"]


def test_labels_missing_on_the_edit_screen_raise_an_error_with_instructions(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    rights(server, admin=False)
    reason = {"labels": "Field 'labels' cannot be set. It is not on the appropriate screen, or unknown."}
    server.put(ISSUE, status=400, json={"errorMessages": [], "errors": reason})
    _, writer = connection.open()
    with pytest.raises(
        Rejected, match=r"appropriate screen.*put the Labels field on the project's edit screen"
    ):
        writer.change_labels(REF, ["a"], [])


def test_writes_are_spaced(server: responses.RequestsMock, connection: JiraConnection) -> None:
    rights(server, admin=False)
    server.put(ISSUE, status=204)
    _, writer = connection.open(rate_limiter=RateLimiter(WriteLimits(spacing=0.2), tracker="jira"))
    for label in "abc":
        writer.change_labels(REF, [label], [])
    assert connection.clock.sleeps == [0.2, 0.2]


def test_a_comment_is_created_with_its_marker_and_hidden_from_customers(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    server.post(COMMENTS, status=201, json=raw_comment())
    _, writer = connection.open()
    comment = writer.create_comment(REF, "state: done", MARKER)
    assert request_bodies(server) == [{"body": "state: done", "properties": PROPERTIES}]
    assert (comment.id, comment.body, comment.marker) == ("7", "state: done", MARKER)


@pytest.mark.parametrize("answer", [{}, raw_comment(body=""), [], {"id": None}])
def test_a_response_that_is_no_comment_leaves_the_outcome_unknown(
    server: responses.RequestsMock, connection: JiraConnection, answer: Any
) -> None:
    server.post(COMMENTS, status=201, json=answer)
    _, writer = connection.open()
    with pytest.raises(OutcomeUnknown):
        writer.create_comment(REF, "state: done", MARKER)


def test_an_edit_keeps_the_marker_and_sends_no_mail_if_allowed(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    rights(server, admin=True)
    server.put(f"{COMMENTS}/7", json=raw_comment(body="state: planned"), match=[QUIET])
    _, writer = connection.open()
    comment = writer.edit_comment(REF, "7", "state: planned", MARKER)
    assert request_bodies(server, "PUT") == [{"body": "state: planned", "properties": PROPERTIES}]
    assert (comment.body, comment.marker) == ("state: planned", MARKER)


def test_a_missing_comment_cannot_be_edited_but_counts_as_deleted(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    rights(server, admin=False)
    server.put(f"{COMMENTS}/7", status=404, json={})
    server.delete(f"{COMMENTS}/7", status=404, json={})
    server.get(f"{COMMENTS}/7", status=404, json={})
    _, writer = connection.open()
    with pytest.raises(Gone):
        writer.edit_comment(REF, "7", "x", MARKER)
    writer.delete_comment(REF, "7")


def test_a_404_does_not_prove_that_a_comment_is_deleted(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.delete(f"{COMMENTS}/7", status=404, json={})
    server.get(f"{COMMENTS}/7", json=raw_comment("7"))
    _, writer = connection.open()
    with pytest.raises(NotConfirmed):
        writer.delete_comment(REF, "7")


def test_cloud_returns_markers_of_our_comments_by_one_more_request(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    page = [raw_comment("7"), raw_comment("8", author="712020:ada"), raw_comment("9")]
    server.get(COMMENTS, json={"comments": page[:2], "total": 3}, match=[from_row(0)])
    server.get(COMMENTS, json={"comments": page[2:], "total": 3}, match=[from_row(2)])
    listed = [raw_comment("7", properties=PROPERTIES), raw_comment("9", properties=[])]
    server.post(f"{API}/comment/list", json={"values": listed})
    reader, _ = connection.open()
    found = reader.comments(REF)
    assert [(each.id, each.marker) for each in found] == [("7", MARKER), ("8", None), ("9", None)]
    assert request_bodies(server) == [{"ids": [7, 9]}]
    assert "expand=properties" in (server.calls[-1].request.url or "")


def test_data_center_returns_markers_with_comments_or_one_by_one(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server, deployment="Server")
    ours = raw_comment("7") | {"author": {"name": "sync"}}
    other = raw_comment("8") | {"author": {"name": "ada"}}
    server.get(COMMENTS, json={"comments": [ours, other], "total": 2})
    server.get(f"{API}/comment/7/properties/increment-sync", json=PROPERTIES[0])
    reader, _ = connection.data_center()
    assert [(each.id, each.marker) for each in reader.comments(REF)] == [("7", MARKER), ("8", None)]
    before = len(server.calls)
    server.get(f"{COMMENTS}/7", json=ours | {"properties": PROPERTIES})
    assert reader.comment(REF, "7").marker == MARKER
    assert len(server.calls) == before + 1


def test_a_comment_with_its_marker_costs_one_request_on_cloud(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    server.post(f"{API}/comment/list", json={"values": [raw_comment("7", properties=PROPERTIES)]})
    reader, _ = connection.open()
    assert reader.comment(REF, "7").marker == MARKER
    assert len(server.calls) == 1


def test_an_incomplete_comment_list_is_a_bad_payload(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    server.get(COMMENTS, json={"comments": [raw_comment("7")], "total": 2}, match=[from_row(0)])
    server.get(COMMENTS, json={"comments": [], "total": 2}, match=[from_row(1)])
    reader, _ = connection.open()
    with pytest.raises(Exception, match="1 of 2 comments"):
        reader.comments(REF)


def test_a_moved_issue_is_read_under_its_new_key(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    moved = issue_payload(12) | {"key": "OPS-3"}
    server.get(f"{API}/issue/DS-12", json=moved)
    reader, _ = connection.open()
    issue = reader.read("DS-12", FieldSelection(body=True))
    assert (issue.ref.id, issue.ref.key) == ("10012", "OPS-3")
    assert "description" in (server.calls[-1].request.url or "")


def test_a_404_is_believed_only_after_a_login_check(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.get(f"{API}/issue/DS-12", status=404, json={"errorMessages": ["Issue does not exist"]})
    reader, _ = connection.open()
    with pytest.raises(Gone):
        reader.read("DS-12", FieldSelection())
    server.replace(responses.GET, f"{API}/myself", status=401, json={})
    another, _ = connection.open()
    with pytest.raises(AuthFailed):
        another.read("DS-12", FieldSelection())


def test_another_credential_uses_another_cache_key(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    server.get(f"{API}/myself", json={"accountId": "1", "displayName": "One", "timeZone": "UTC"})
    server.get(f"{API}/myself", json={"accountId": "2", "displayName": "Two", "timeZone": "UTC"})
    names = [connection.open(api_token=token)[0].whoami().name for token in ("a", "a", "b")]
    assert names == ["One", "One", "Two"]
    assert "secret" not in json.dumps(connection.cache.values)


def test_label_origins_cost_one_request(server: responses.RequestsMock, connection: JiraConnection) -> None:
    raw = issue_payload(12)
    raw["fields"]["labels"] = ["capability:x"]
    items = [{"field": "labels", "fromString": "", "toString": "capability:x"}]
    entry = {"author": {"accountId": "712020:ada"}, "created": "2026-10-01T08:00:00.000+0000", "items": items}
    server.get(ISSUE, json=raw | {"changelog": {"histories": [entry]}}, headers=DATE)
    reader, _ = connection.open()
    assert reader.label_origins(REF)["capability:x"].author_id == "712020:ada"


def from_row(start: int) -> Any:
    return matchers.query_param_matcher({"startAt": start}, strict_match=False)


# ---- comments page by page


def comments_of(server: responses.RequestsMock, *pages: list[Any], total: int) -> None:
    start = 0
    for page in pages:
        server.get(COMMENTS, json={"comments": page, "total": total}, match=[from_row(start)])
        start += len(page)


def test_comments_are_sorted_by_time_then_by_number(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    late = {"created": "2026-10-02T08:00:00.000+0000"}
    comments_of(server, [raw_comment("10"), raw_comment("9"), raw_comment("8", **late)], total=3)
    server.post(f"{API}/comment/list", json={"values": []})
    reader, _ = connection.open()
    assert [each.id for each in reader.comments(REF)] == ["9", "10", "8"]
    assert "orderBy=created" in (server.calls[0].request.url or "")
    assert "maxResults=1000" in (server.calls[0].request.url or "")


def test_a_comment_that_shifts_to_the_next_page_counts_once(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    others = [raw_comment(str(number), author="712020:ada") for number in range(3)]
    comments_of(server, others[:2], others[1:], total=3)
    reader, _ = connection.open()
    assert [each.id for each in reader.comments(REF)] == ["0", "1", "2"]
    assert not request_bodies(server), "none of them may be ours"


def test_a_comment_of_a_former_account_is_found_by_its_footer(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    footer = raw_comment("7", body="x\n~increment-sync~", author="712020:former")
    comments_of(server, [footer], total=1)
    server.post(f"{API}/comment/list", json={"values": [footer | {"properties": PROPERTIES}]})
    reader, _ = connection.open()
    assert reader.comments(REF)[0].marker == MARKER


def test_a_stale_answer_holds_another_comment(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server)
    server.post(f"{API}/comment/list", json={"values": [raw_comment("8")]})
    reader, _ = connection.open()
    with pytest.raises(Gone, match="comment 7 does not exist any more, or is not visible to this account"):
        reader.comment(REF, "7")
    assert request_bodies(server) == [{"ids": [7]}]


def test_old_data_centers_are_asked_for_the_marker_of_what_may_be_ours(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    mock_site(server, deployment="Server")
    ours, other = (
        raw_comment(number) | {"author": {"name": name}} for number, name in (("7", "sync"), ("8", "ada"))
    )
    server.get(f"{COMMENTS}/7", json=ours)
    server.get(f"{COMMENTS}/8", json=other)
    server.get(f"{API}/comment/7/properties/increment-sync", json=PROPERTIES[0])
    reader, _ = connection.data_center()
    assert reader.comment(REF, "7").marker == MARKER
    assert reader.comment(REF, "8").marker is None
    server.replace(responses.GET, f"{API}/comment/7/properties/increment-sync", status=404, json={})
    assert reader.comment(REF, "7").marker is None


def test_markers_are_requested_a_thousand_at_a_time(
    server: responses.RequestsMock, connection: JiraConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comments, "MARKER_BATCH_SIZE", 2)
    mock_site(server)
    comments_of(server, [raw_comment(number) for number in "123"], total=3)
    server.post(f"{API}/comment/list", json={"values": [raw_comment("1", properties=PROPERTIES)]})
    server.post(f"{API}/comment/list", json={"values": [raw_comment("3", properties=PROPERTIES)]})
    reader, _ = connection.open()
    assert [each.marker for each in reader.comments(REF)] == [MARKER, None, MARKER]
    assert request_bodies(server) == [{"ids": [1, 2]}, {"ids": [3]}]


# ---- what proves a write


def test_an_edit_that_answers_with_another_comment_is_refused(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    rights(server, admin=False)
    server.put(f"{COMMENTS}/7", json=raw_comment("8"))
    _, writer = connection.open()
    with pytest.raises(BadPayload, match="answers with comment 8 to an edit of comment 7"):
        writer.edit_comment(REF, "7", "x", MARKER)


def test_a_comment_is_deleted_when_jira_says_so(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    server.delete(f"{COMMENTS}/7", status=204)
    _, writer = connection.open()
    writer.delete_comment(REF, "7")
    assert len(server.calls) == 1
    assert writer.rename_label("DS", "a", "b") is False


def test_jira_may_normalize_a_text_and_an_empty_one_is_no_comment_of_ours(
    server: responses.RequestsMock, connection: JiraConnection
) -> None:
    server.post(COMMENTS, status=201, json=raw_comment(body="other"))
    _, writer = connection.open()
    assert writer.create_comment(REF, "state: done", MARKER).body == "other"
    server.replace(responses.POST, COMMENTS, status=201, json=raw_comment(body=" \n"))
    with pytest.raises(OutcomeUnknown, match="another text than ours"):
        writer.create_comment(REF, "state: done", MARKER)
