"""Searches of the Jira sandbox: pages, limits, properties, lag."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.jira_mock import MockJira, error_text

KINDS = pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])


def test_cloud_returns_ids_only_unless_fields_are_named() -> None:
    site = MockJira()
    site.state.add_issue("DS", "One")

    assert site.search("project = DS").data["issues"] == [{"id": str(site.state.require_issue("DS-1").id)}]
    assert site.search("project = DS", fields="summary").data["issues"][0]["fields"] == {"summary": "One"}


def test_cloud_pages_by_token_and_pages_with_fields_are_smaller() -> None:
    site = MockJira(switches={"page_cap": 2})
    for number in range(5):
        site.state.add_issue("DS", f"Issue {number}")

    body: dict[str, Any] = {"jql": "project = DS ORDER BY key", "fields": ["summary"], "maxResults": 1000}
    pages = []
    while True:
        page = site.post("search/jql", body).data
        pages.append([issue["key"] for issue in page["issues"]])
        if "nextPageToken" not in page:
            break
        assert page["isLast"] is False
        body["nextPageToken"] = page["nextPageToken"]

    assert pages == [["DS-1", "DS-2"], ["DS-3", "DS-4"], ["DS-5"]]
    assert page["isLast"] is True
    assert len(site.search("project = DS", maxResults=5000).data["issues"]) == 5
    assert site.post("search/jql", {**body, "jql": "project = OPEN"}).status == 400
    assert site.search("project = DS", nextPageToken="bogus").status == 400


@pytest.mark.parametrize("jql", ["", "ORDER BY created"])
def test_cloud_rejects_unbounded_queries(jql: str) -> None:
    site = MockJira()

    assert "Unbounded" in error_text(site.search(jql))
    assert "Unbounded" in error_text(site.post("search/approximate-count", {"jql": jql}))


def test_the_old_search_is_gone_on_cloud_and_the_new_one_unknown_on_data_center() -> None:
    cloud, dc = MockJira(), MockJira("jira-dc")

    assert cloud.get("search", jql="project = DS").status == 410
    assert "has been removed" in error_text(cloud.post("search", {"jql": "project = DS"}))
    assert dc.get("search/jql", jql="project = DS").status == 404
    assert dc.get("/rest/api/3/search", jql="project = DS").status == 404


def test_cloud_searches_return_issue_properties() -> None:
    site = MockJira()
    site.state.add_issue("DS", "One", properties={"ours": {"hash": "abc"}, "other": 1})

    asked = {"jql": "project = DS", "fields": ["id"], "properties": ["ours", "missing"]}

    assert site.post("search/jql", asked).data["issues"][0]["properties"] == {"ours": {"hash": "abc"}}
    assert site.post("search/jql", {**asked, "properties": "ours"}).status == 400
    assert site.post("search/jql", {**asked, "properties": list("abcdef")}).status == 400


def test_cloud_searches_cap_comments_and_history() -> None:
    site = MockJira()
    site.state.add_issue("DS", "One")
    for number in range(50):
        site.state.comment("DS-1", f"Comment {number}", "dana")
        site.state.label("DS-1", f"l{number}", "dana")

    row = site.search("project = DS", fields="comment", expand="changelog").data["issues"][0]
    direct = site.get("issue/DS-1", fields="comment", expand="changelog").data

    assert (len(row["fields"]["comment"]["comments"]), row["fields"]["comment"]["total"]) == (20, 50)
    assert (len(row["changelog"]["histories"]), row["changelog"]["total"]) == (40, 50)
    assert len(direct["fields"]["comment"]["comments"]) == 50
    assert direct["changelog"]["histories"][0]["items"][0]["toString"].split()[-1] == "l9"
    assert len(site.get("issue/DS-1/changelog").data["values"]) == 50


def test_data_center_pages_by_start_with_total_and_page_size() -> None:
    site = MockJira("jira-dc", switches={"dc_page_cap": 2, "window": 4})
    for number in range(5):
        site.state.add_issue("DS", f"Issue {number}")

    first = site.search("project = DS ORDER BY key", maxResults=1000, fields="key").data
    second = site.search("project = DS ORDER BY key", startAt=2, maxResults=1000, fields="key").data
    beyond = site.search("project = DS ORDER BY key", startAt=4, maxResults=1000)

    assert (first["maxResults"], first["total"], first["startAt"]) == (2, 5, 0)
    assert [issue["key"] for issue in first["issues"] + second["issues"]] == ["DS-1", "DS-2", "DS-3", "DS-4"]
    assert beyond.status == 500
    assert site.search_keys("project = DS AND key > DS-4") == ["DS-5"]
    assert site.search("", maxResults=0).data["total"] == 5


@KINDS
def test_a_query_with_an_unknown_name_is_rejected(kind: str) -> None:
    site = MockJira(kind)

    refused = site.search("project = NOPE")

    assert refused.status == 400
    assert refused.data["errorMessages"] == ["The value 'NOPE' does not exist for the field 'project'."]


@KINDS
def test_searches_lag_behind_while_direct_reads_do_not(kind: str) -> None:
    site = MockJira(kind)
    site.state.add_issue("DS", "Old", labels=["early"])
    site.clock.advance(timedelta(minutes=10))
    site.tracker.search_lag = timedelta(seconds=30)
    site.state.label("DS-1", "late", "dana")
    site.state.add_issue("DS", "New")

    def labels(answer: Any) -> list[str]:
        return list(answer["fields"]["labels"])

    assert labels(site.get("issue/DS-1").data) == ["early", "late"]
    assert labels(site.search("project = DS", fields="labels").data["issues"][0]) == ["early"]
    assert site.search_keys("labels = late") == []
    assert site.search_keys("project = DS") == ["DS-1"]
    assert site.get("issue/DS-2").status == 200

    site.clock.advance(timedelta(seconds=30))

    assert site.search_keys("project = DS ORDER BY key") == ["DS-1", "DS-2"]
    assert site.search_keys("labels = late") == ["DS-1"]

    site.state.delete("DS-2")

    assert site.search_keys("project = DS ORDER BY key") == ["DS-1", "DS-2"]
    assert site.get("issue/DS-2").status == 404
