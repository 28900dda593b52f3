"""Pulls over HTTP from the Jira mock server, Cloud and Data Center: results and request counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from connectors.http.page_size import PageSizeBackoff
from connectors.jira.search import search_pages
from connectors.model import Census, Cursor, FailedSource, FieldSelection, Source
from connectors.sandbox.core.faults import Fault
from tests.contract.jira_server import (
    OLD_TIMES,
    JiraServer,
    Kind,
    connect,
    cursors,
    issue_keys,
    project,
    pulled_source,
    serve_jira,
)

KINDS = get_args(Kind)
DS, OPS = project("DS"), project("OPS")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def jira(kind: Kind) -> Iterator[JiraServer]:
    with serve_jira(kind) as sandbox:
        yield sandbox


def test_a_first_pull_costs_three_requests_and_the_granted_pages(kind: Kind) -> None:
    with serve_jira(kind, switches={"page_cap": 2, "dc_page_cap": 2}) as jira:
        assert issue_keys(jira.pull(DS)[DS]) == ["DS-1", "DS-2", "DS-3", "DS-4", "DS-5"]
        requests = jira.requests()
        assert requests[:3] == ["GET /serverInfo", "GET /myself", "GET /field"]
        assert len(requests) == 3 + 3


def test_an_unchanged_site_costs_one_request_and_returns_nothing(jira: JiraServer) -> None:
    narrowed = project("DS", "labels = theirs ORDER BY rank")
    first = jira.pull(DS, OPS, narrowed)
    jira.requests()
    jira.advance(hours=1)
    second = jira.pull(DS, OPS, narrowed, after=cursors(first))
    assert len(jira.requests()) == 1 + 1
    assert [issue_keys(answer) for answer in second.values()] == [[], [], []]
    assert cursors(second) == cursors(first)


def test_a_change_is_returned_for_the_source_that_contains_it(jira: JiraServer) -> None:
    first = jira.pull(DS, OPS)
    jira.advance(minutes=30)
    jira.state.label("DS-3", "urgent", "robot")
    second = jira.pull(DS, OPS, after=cursors(first))
    assert [issue_keys(answer) for answer in second.values()] == [["DS-3"], []]
    assert "urgent" in pulled_source(second[DS]).issues[0].labels
    assert not pulled_source(second[DS]).full


def test_two_changes_within_one_minute_with_a_pull_between_are_both_returned(jira: JiraServer) -> None:
    after = cursors(jira.pull(DS))
    jira.advance(minutes=30, seconds=5)
    jira.state.label("DS-1", "one", "robot")
    after = cursors(jira.pull(DS, after=after))
    jira.advance(seconds=20)
    jira.state.label("DS-2", "two", "robot")
    assert "DS-2" in issue_keys(jira.pull(DS, after=after)[DS])


def test_a_change_that_the_search_index_shows_late_is_not_lost(jira: JiraServer) -> None:
    """DS-1 changes and is not in the index yet. DS-2 changed before and must not move the watermark past DS-1."""
    after = cursors(jira.pull(DS))
    jira.advance(hours=1)
    jira.state.label("DS-2", "seen", "robot")
    jira.advance(minutes=4)
    jira.state.label("DS-1", "late", "robot")
    jira.state.search_lag = timedelta(minutes=3)
    found = jira.pull(DS, after=after)
    assert issue_keys(found[DS]) == ["DS-2"]
    jira.advance(minutes=5)
    assert "DS-1" in issue_keys(jira.pull(DS, after=cursors(found))[DS])


def test_a_change_that_appears_after_a_later_one_is_not_lost(jira: JiraServer) -> None:
    """DS-2's change is in the index while DS-1's change, two minutes older, is not."""
    jira.advance(hours=1)
    jira.state.label("DS-2", "seen", "robot")
    after = cursors(jira.pull(DS))
    jira.advance(minutes=-2)
    jira.state.label("DS-1", "late", "robot")
    jira.advance(minutes=4)
    assert "DS-1" in issue_keys(jira.pull(DS, after=after)[DS])


@pytest.mark.parametrize(
    ("zone", "eve"),
    [
        ("America/New_York", "2026-11-01T04:10:00Z"),
        ("America/New_York", "2026-03-08T05:10:00Z"),
        ("Australia/Sydney", "2026-04-04T14:10:00Z"),
        ("Australia/Sydney", "2026-10-03T14:10:00Z"),
        ("Asia/Kathmandu", "2026-11-20T09:00:00Z"),
    ],
)
def test_no_change_is_lost_in_the_accounts_zone_when_clocks_change(kind: Kind, zone: str, eve: str) -> None:
    with serve_jira(kind, now=eve, robot={"timezone": zone}) as jira:
        after = cursors(jira.pull(DS))
        for round_number in range(14):
            jira.advance(minutes=17, seconds=13)
            jira.state.label("DS-1", f"round-{round_number}", "robot")
            jira.advance(minutes=1)
            answer = jira.pull(DS, after=after)
            assert f"round-{round_number}" in pulled_source(answer[DS]).issues[0].labels
            after = cursors(answer)


def test_a_missing_project_fails_alone(jira: JiraServer) -> None:
    gone = project("NOPE")
    answers = jira.pull(DS, gone, OPS)
    assert (len(issue_keys(answers[DS])), len(issue_keys(answers[OPS]))) == (5, 1)
    failure = answers[gone]
    assert isinstance(failure, FailedSource)
    assert failure.kind == "missing" and "NOPE" in failure.reason


def test_an_expired_token_is_never_an_empty_site(kind: Kind) -> None:
    with serve_jira(kind, robot={"expires": "in 2h"}) as jira:
        first = jira.pull(DS)
        assert len(issue_keys(first[DS])) == 5
        jira.advance(hours=3)
        for answer in (jira.pull(DS, after=cursors(first))[DS], jira.pull(DS)[DS], jira.census(DS)[DS]):
            assert isinstance(answer, FailedSource)
            assert answer.kind == "auth" and "secret" not in answer.reason


def test_a_scoped_token_uses_the_gateway_and_links_lead_to_the_site() -> None:
    with serve_jira("jira-cloud", robot={"scoped": True}, cloud_id="cloud-1") as jira:
        reader, writer = jira.connect(cloud_id="cloud-1", gateway_url=f"{jira.url}/gateway")
        issue = pulled_source(jira.pull(DS, reader=reader)[DS]).issues[0]
        writer.change_labels(issue.ref, ["capability:x"], [])
        writer.create_comment(issue.ref, "state: planned", {"instance": "acme"})
        assert issue.url == f"{jira.url}/browse/DS-1"
        assert "capability:x" in jira.state.require_issue("DS-1").labels
        assert {entry.path.split("/rest/")[0] for entry in jira.sandbox.log.entries} == {
            "/gateway/ex/jira/cloud-1"
        }


def test_a_scoped_token_on_the_site_url_fails_with_instructions() -> None:
    with serve_jira("jira-cloud", robot={"scoped": True}) as jira:
        failure = jira.pull(DS)[DS]
        assert isinstance(failure, FailedSource)
        assert failure.kind == "auth" and "JIRA_CLOUD_ID" in failure.reason


def test_the_wrong_kind_is_reported_before_wrong_credentials() -> None:
    with serve_jira("jira-cloud") as jira:
        reader, _ = connect(jira.sandbox, "jira-dc")
        failure = jira.pull(DS, reader=reader)[DS]
        assert isinstance(failure, FailedSource)
        assert failure.kind == "auth" and "write kind: jira-cloud" in failure.reason


def test_a_census_returns_the_current_issues(jira: JiraServer) -> None:
    ids = {
        key: str(jira.state.require_issue(key).id)
        for key in ("DS-1", "DS-2", "DS-3", "DS-4", "DS-5", "OPS-1")
    }
    jira.state.delete("DS-2")
    jira.state.move("DS-3", "OPS")
    counted = jira.census(DS, OPS)
    assert counted[DS] == Census(source=DS, ids=frozenset(ids[key] for key in ("DS-1", "DS-4", "DS-5")))
    assert counted[OPS] == Census(source=OPS, ids=frozenset({ids["OPS-1"], ids["DS-3"]}))


def test_a_data_center_with_a_result_window_is_read_completely() -> None:
    stamps = [
        {"summary": f"Issue {n}", "created": f"{60 - 2 * n}h ago", "updated": "2h ago"} for n in range(25)
    ]
    with serve_jira("jira-dc", projects={"DS": {"issues": stamps}}, switches={"window": 10}) as jira:
        site = jira.reader.site
        pages = search_pages(
            site,
            'project = "DS"',
            ["created"],
            zone=ZoneInfo("UTC"),
            page_sizes=PageSizeBackoff(4),
            window=10,
        )
        found = {row["key"] for page in pages for row in page.rows}
        assert found == {f"DS-{n}" for n in range(1, 26)}


@pytest.mark.parametrize(
    ("kind", "fault"),
    [("jira-cloud", "repeat_page"), ("jira-dc", "repeat_page"), ("jira-dc", "empty_page")],
)
def test_a_broken_page_fails_the_source_and_the_next_pull_recovers(kind: Kind, fault: str) -> None:
    with serve_jira(kind, switches={"page_cap": 2, "dc_page_cap": 2}) as jira:
        jira.sandbox.faults.add(Fault(kind=fault, path="*/search*", nth=2))  # type: ignore[arg-type]
        answer = jira.pull(DS)[DS]
        assert isinstance(answer, FailedSource)
        assert answer.kind == "payload"
        assert len(issue_keys(jira.pull(DS)[DS])) == 5


def test_a_truncated_page_is_read_again(jira: JiraServer) -> None:
    jira.sandbox.faults.add(Fault(kind="truncated", path="*/search*"))
    assert len(issue_keys(jira.pull(DS)[DS])) == 5


def test_a_server_that_stays_down_fails_all_its_sources(jira: JiraServer) -> None:
    jira.sandbox.faults.add(Fault(kind="status", status=503, path="*/search*", times=None))
    answers = jira.pull(DS, OPS)
    assert [answer.kind for answer in answers.values() if isinstance(answer, FailedSource)] == [
        "unavailable"
    ] * 2


def test_all_fields_used_by_rules_are_read(kind: Kind) -> None:
    issues = [
        {"key": "DS-1", "summary": "Churn", "type": "Epic", **OLD_TIMES},
        {
            "summary": "Sessionise",
            "type": "Task",
            "status": "In Progress",
            "status_changed": "3d ago",
            "parent": "DS-1",
            "sprint": "Sprint 1",
            "assignee": "ada",
            "creator": "bob",
            "description": "why",
            "flagged": True,
            "components": ["etl"],
            "fix_versions": ["1.4"],
            "fields": {"Team": "Blue"},
            **OLD_TIMES,
        },
    ]
    people = [{"id": "robot", "email": "robot@acme.example", "token": "secret"}, {"id": "ada"}, {"id": "bob"}]
    with serve_jira(
        kind,
        projects={"DS": {"issues": issues}},
        accounts=people,
        sprints=[{"id": 1, "name": "Sprint 1", "state": "active"}],
        fields=[{"name": "Team", "id": "customfield_10100"}],
        switches={"language": "fr"},
    ) as jira:
        selection = FieldSelection(body=True, fields=("team", "No such field"))
        answer = next(iter(jira.reader.pull([(DS, None)], selection)))
        issue = pulled_source(answer).issues[1]
        assert issue == jira.reader.read("DS-2", selection)
        assert (issue.category, issue.type, issue.parent, issue.sprint) == (
            "doing",
            "Task",
            "DS-1",
            "Sprint 1",
        )
        assert (issue.assignees, issue.author, issue.body, issue.flagged) == (("ada",), "bob", "why", True)
        assert (issue.components, issue.fix_versions, issue.fields) == (
            ("etl",),
            ("1.4",),
            {"team": ("Blue",)},
        )
        started = datetime(2026, 11, 17, 9, tzinfo=UTC) if kind == "jira-cloud" else None
        assert issue.started == started


def test_a_cursor_later_than_the_index_reads_the_overlap_again(jira: JiraServer) -> None:
    fresh = datetime(2026, 11, 20, 8, 58, tzinfo=UTC)
    jira.state.label("DS-1", "now", "robot")
    cursor = Cursor(watermark=fresh, updated_since=fresh)
    answer = pulled_source(jira.pull(DS, after={DS: cursor})[DS])
    assert answer.cursor.watermark == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert answer.cursor.updated_since == datetime(2026, 11, 20, 8, 50, tzinfo=UTC)


def test_a_jql_source_returns_matching_issues_only(jira: JiraServer) -> None:
    jira.state.label("DS-4", "blue", "robot")
    blue = Source(tracker="jira", container="DS", options=(("jql", 'labels = "blue" OR labels = never'),))
    assert issue_keys(jira.pull(blue)[blue]) == ["DS-4"]
