"""Jira sandbox, reads: authentication, format of issues, seeds."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from connectors.sandbox.core.seed import SeedError
from connectors.sandbox.jira.adf import text_to_adf
from connectors.sandbox.server import Sandbox
from tests.unit.jira_mock import MockJira

KINDS = pytest.mark.parametrize("kind", ["jira-cloud", "jira-dc"])

# Authentication.


@KINDS
def test_myself_has_account_and_time_zone(kind: str) -> None:
    site = MockJira(kind)

    answer = site.get("myself", by="berlin")

    assert answer.status == 200
    assert answer.data["timeZone"] == "Europe/Berlin"
    assert answer.data["accountId" if kind == "jira-cloud" else "name"] == "berlin"
    assert answer.authenticated_as == "berlin"
    assert answer.headers["Date"] == "Thu, 01 Oct 2026 09:00:38 GMT"


@pytest.mark.parametrize("who", ["expired", "stranger"])
def test_cloud_treats_bad_credentials_as_anonymous_in_searches(who: str) -> None:
    site = MockJira()
    site.state.add_issue("DS", "Private")
    site.state.add_issue("OPEN", "Public")

    answer = site.search("project in (DS, OPEN)", fields="key", by=who)

    assert answer.status == 200
    assert [issue["key"] for issue in answer.data["issues"]] == ["OPEN-1"]
    assert answer.headers["X-Seraph-LoginReason"] == "AUTHENTICATED_FAILED"
    assert answer.authenticated_as is None
    assert site.get("myself", by=who).status == 401
    assert site.get("issue/DS-1", by=who).status == 404
    assert site.put("issue/OPEN-1", {"update": {"labels": [{"add": "x"}]}}, by=who).status == 401


def test_data_center_rejects_unknown_tokens_and_anonymous_callers() -> None:
    site = MockJira("jira-dc")
    site.state.add_issue("OPEN", "Public")

    refused = site.search("project = OPEN", by="expired")
    anonymous = site.search("project = OPEN", by=None)

    assert refused.status == 401
    assert anonymous.headers["X-AUSERNAME"] == "anonymous"
    assert anonymous.data["total"] == 1
    assert site.get("myself", by="bot").headers["X-AUSERNAME"] == "bot"


def test_a_scoped_token_works_on_the_gateway_only_and_any_other_on_the_site_only() -> None:
    site = MockJira()
    cloud_id = site.get("/_edge/tenant_info", by=None).data["cloudId"]
    gateway = f"/gateway/ex/jira/{cloud_id}/rest/api/2/myself"

    assert site.get(gateway, by="scoped").status == 200
    assert site.get("myself", by="scoped").status == 401
    assert site.get("myself", by="bot").status == 200
    assert site.get(gateway, by="bot").status == 401
    assert site.get(gateway, by="expired").status == 401
    assert site.get("/gateway/ex/jira/other/rest/api/2/myself", by="scoped").status == 404


def test_links_use_the_site_unless_the_gateway_is_switched_on() -> None:
    site = MockJira()
    site.state.add_issue("DS", "One")
    path = f"{site.tracker.gateway}/rest/api/3/issue/DS-1"

    of_site = site.get(path, by="scoped").data["self"]
    site.state.switches.self_links = "gateway"
    of_gateway = site.get(path, by="scoped").data["self"]

    number = site.state.require_issue("DS-1").id
    assert of_site == f"https://acme.test/jira/rest/api/3/issue/{number}"
    assert of_gateway == f"https://acme.test/jira{site.tracker.gateway}/rest/api/3/issue/{number}"


def test_permissions_are_by_project() -> None:
    rights = {"OPEN": ["browse", "comment"], "DS": ["admin", "browse"]}
    site = MockJira(
        accounts=[{"id": "bot", "email": "bot@acme.example", "token": "bot-token", "permissions": rights}]
    )

    def granted(project: str) -> set[str]:
        wanted = "ADMINISTER,ADMINISTER_PROJECTS,BROWSE_PROJECTS,EDIT_ISSUES,ADD_COMMENTS,EDIT_OWN_COMMENTS"
        answer = site.get("mypermissions", permissions=wanted, projectKey=project)
        return {name for name, right in answer.data["permissions"].items() if right["havePermission"]}

    assert granted("OPEN") == {"BROWSE_PROJECTS", "ADD_COMMENTS", "EDIT_OWN_COMMENTS"}
    assert granted("DS") == {"ADMINISTER_PROJECTS", "BROWSE_PROJECTS"}
    assert site.get("mypermissions", permissions="FLY").status == 400


# Format of issues.


def test_times_are_in_the_zone_of_the_reader_without_a_colon_in_the_offset() -> None:
    site = MockJira()
    site.state.add_issue("DS", "One")

    assert site.get("issue/DS-1", by="berlin").data["fields"]["created"] == "2026-10-01T11:00:38.612+0200"
    assert site.get("issue/DS-1").data["fields"]["created"] == "2026-10-01T09:00:38.612+0000"


def test_a_status_has_a_localised_category_name_and_a_stable_key() -> None:
    site = MockJira(
        switches={"language": "de"}, projects={"DS": {"statuses": {"Offen": "new", "Dunkel": "undefined"}}}
    )
    site.state.add_issue("DS", "One")
    site.state.set_status("DS-1", "Dunkel", "dana")

    category = site.get("issue/DS-1").data["fields"]["status"]["statusCategory"]

    assert (category["key"], category["name"]) == ("undefined", "Keine Kategorie")
    assert [status["name"] for status in site.get("status").data] == ["Offen", "Dunkel"]


def test_epics_are_parents_on_cloud_and_a_custom_field_on_data_center() -> None:
    cloud, dc = MockJira(), MockJira("jira-dc")
    for site in (cloud, dc):
        site.state.add_issue("DS", "Epic", type="Epic")
        site.state.add_issue("DS", "Story", parent="DS-1")
        site.state.add_issue("DS", "Part", type="Sub-task", parent="DS-2")

    epic_link = next(
        field["id"]
        for field in dc.get("field").data
        if field["schema"].get("custom") == "com.pyxis.greenhopper.jira:gh-epic-link"
    )

    assert cloud.get("issue/DS-2").data["fields"]["parent"]["key"] == "DS-1"
    assert cloud.get("issue/DS-3").data["fields"]["parent"]["key"] == "DS-2"
    assert "parent" not in dc.get("issue/DS-2").data["fields"]
    assert dc.get("issue/DS-2").data["fields"][epic_link] == "DS-1"
    assert dc.get("issue/DS-3").data["fields"]["parent"]["key"] == "DS-2"
    assert dc.search_keys('"Epic Link" = DS-1') == ["DS-2"]
    assert epic_link not in {field["id"] for field in cloud.get("field").data}


def test_sprints_are_objects_on_cloud_and_texts_on_data_center() -> None:
    sprints = [{"id": 7, "name": "Sprint 7", "start": "2026-09-28"}]
    shown = []
    for kind in ("jira-cloud", "jira-dc"):
        site = MockJira(kind, sprints=sprints)
        site.state.add_issue("DS", "One", sprints=(7,), flagged=True)
        ids = {field["name"]: field["id"] for field in site.get("field").data}
        fields = site.get("issue/DS-1").data["fields"]
        assert fields[ids["Flagged"]][0]["value"] == "Impediment"
        shown.append(fields[ids["Sprint"]][0])

    assert (shown[0]["name"], shown[0]["startDate"]) == ("Sprint 7", "2026-09-28T00:00:00.000Z")
    assert "[id=7,rapidViewId=1,state=ACTIVE,name=Sprint 7,startDate=2026-09-28T" in shown[1]


def test_texts_are_wiki_markup_in_version_two_and_documents_in_version_three() -> None:
    site = MockJira()
    site.state.add_issue("DS", "One", description="Why\nnow\n\nBecause")

    assert site.get("issue/DS-1").data["fields"]["description"] == "Why\nnow\n\nBecause"
    described = site.get("/rest/api/3/issue/DS-1").data["fields"]["description"]
    assert described == text_to_adf("Why\nnow\n\nBecause")
    assert [part["type"] for part in described["content"][0]["content"]] == ["text", "hardBreak", "text"]


@KINDS
def test_a_moved_issue_keeps_its_id_and_its_former_key(kind: str) -> None:
    site = MockJira(kind)
    site.state.add_issue("DS", "One")
    before = site.get("issue/DS-1").data

    new_key = site.state.move("DS-1", "OPEN", "dana")

    after = site.get("issue/DS-1")
    assert (after.status, after.data["key"], after.data["id"]) == (200, new_key, before["id"])
    assert site.search_keys("project = DS") == []
    assert site.search_keys("key = DS-1") == ["OPEN-1"]


@KINDS
def test_server_info_has_deployment_type_and_version(kind: str) -> None:
    answer = MockJira(kind).get("serverInfo", by=None)

    assert answer.data["deploymentType"] == ("Cloud" if kind == "jira-cloud" else "Server")
    assert answer.data["baseUrl"] == "https://acme.test/jira"


@KINDS
def test_missing_resources_are_not_found(kind: str) -> None:
    site = MockJira(kind)

    assert site.get("project/NOPE").status == 404
    assert site.get("project/DS").data["name"] == "Data Science"
    assert site.get("issue/DS-404").status == 404
    assert site.get("unknown").status == 404
    assert site.send("DELETE", "myself").status == 405


# Seeds.


def test_a_seed_makes_issues_with_relative_times_history_and_parents_in_any_order() -> None:
    done = {"at": "2d ago", "by": "eve", "field": "status", "from": "To Do", "to": "Done"}
    issues: list[dict[str, Any]] = [
        {
            "summary": "Child",
            "parent": "DS-9",
            "fields": {"Team": "Blue"},
            "sprint": "S1",
            "created": "3d ago",
        },
        {
            "key": "DS-9",
            "summary": "Epic",
            "type": "Epic",
            "status": "Done",
            "resolution": "Fixed",
            "resolved": "1d ago",
            "created": "5d ago",
            "history": [done],
        },
    ]
    site = MockJira(fields=[{"name": "Team"}], sprints=[{"name": "S1"}], projects={"DS": {"issues": issues}})

    child, epic = (site.get(f"issue/{key}", expand="changelog").data for key in ("DS-1", "DS-9"))

    assert child["fields"]["parent"]["key"] == "DS-9"
    assert child["fields"]["updated"] == "2026-09-28T09:00:38.000+0000"
    assert site.search_keys("Team = Blue AND sprint = S1") == ["DS-1"]
    assert epic["fields"]["resolutiondate"] == epic["fields"]["updated"] == "2026-09-30T09:00:38.000+0000"
    assert epic["changelog"]["histories"][0]["author"]["displayName"] == "eve"
    assert site.state.add_issue("DS", "Next") == "DS-10"


@pytest.mark.parametrize(
    ("seed", "complaint"),
    [
        ({"projects": {"DS": {"issues": [{"key": "DS-1"}]}}}, r"projects.DS.issues\[0\].summary is missing"),
        ({"projects": {"DS": {"issues": [{"summary": "a", "colour": 1}]}}}, "unknown key 'colour'"),
        ({"projects": {"DS": {"issues": [{"summary": "a", "parent": "DS-7"}]}}}, "parent DS-7 of DS-1"),
        ({"projects": {"DS": {"issues": [{"summary": "a", "status": "Gone"}]}}}, "write one of To Do"),
        ({"projects": {"DS": {"issues": [{"summary": "a", "created": "soon"}]}}}, "is not a time"),
        ({"projects": {"DS": {"statuses": {"Open": "todo"}}}}, "write one of undefined, new"),
        (
            {"switches": {"speed": 1}},
            "switches has the unknown key 'speed'; it may have bucket, burst_limit.",
        ),
        ({"accounts": [{"nam": "a"}]}, r"accounts\[0\] has the unknown key 'nam'; did you mean 'name'"),
        ({"fields": [{"name": "a", "schem": "b"}]}, "did you mean 'schema'"),
    ],
)
def test_an_invalid_seed_is_rejected_with_its_place(seed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SeedError, match=complaint):
        MockJira(**seed)


def test_a_reset_restores_the_seed() -> None:
    site = MockJira(projects={"DS": {"issues": [{"summary": "One", "labels": ["a"]}]}})
    site.state.label("DS-1", "b", "dana")
    site.state.delete("DS-1")

    site.tracker.reset()

    assert site.tracker.dump()["issues"]["DS-1"]["labels"] == ["a"]


def test_a_site_answers_over_http() -> None:
    site = MockJira()
    seed = {
        "kind": "jira-cloud",
        "projects": {"OPEN": {"public": True, "issues": [{"summary": "Über alles 🚀"}]}},
    }
    with Sandbox.from_seed({"trackers": {"jira": seed}}, clock=site.clock) as box:
        url = box.url("jira") + "/rest/api/2/search/jql"
        answer = requests.post(url, json={"jql": "project = OPEN", "fields": ["summary"]}, timeout=5)
        broken = requests.post(url, data="{", headers={"Content-Type": "application/json"}, timeout=5)
        box.close()

        row = answer.json()["issues"][0]
        assert row["fields"]["summary"] == "Über alles 🚀"
        assert row["self"].startswith("http://127.0.0.1:") and "/jira/rest/api/2/issue/" in row["self"]
        assert broken.status_code == 400
        assert box.log.count("POST", "/rest/api/2/search/jql") == 2
