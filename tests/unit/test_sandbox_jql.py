"""JQL of the Jira sandbox: matching issues, order, and errors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.sandbox.core.tracker import Clock
from connectors.sandbox.jira.jql_evaluator import JqlEvaluator
from connectors.sandbox.jira.jql_parser import JqlError, parse_jql
from connectors.sandbox.jira.model import CustomField, JiraAccount, JiraCaller, Sprint
from connectors.sandbox.jira.site import JiraSiteState

NOON = datetime(2026, 10, 1, 12, 0, 38, tzinfo=UTC)


def site_of_three() -> JiraSiteState:
    """DS-1: an epic; DS-2: done, labelled, under the epic; DS-3: bare; SEC-1: in an invisible project."""
    clock = Clock(NOON)
    site = JiraSiteState("jira-cloud", clock)
    site.add_project("DS", "Data Science")
    site.add_project("SEC", "Secret")
    site.accounts["dana"] = JiraAccount(id="dana", display="Dana", email="dana@acme.example")
    site.sprints[1] = Sprint(id=1, name="Sprint 1")
    site.fields["customfield_10100"] = CustomField(id="customfield_10100", name="Team")
    site.add_issue("DS", "Churn feature set", type="Epic", by="dana")
    clock.advance(timedelta(minutes=1))
    site.add_issue(
        "DS",
        "Sessionise the click events",
        parent="DS-1",
        labels=["features", "Area/X"],
        components=("pipeline",),
        assignee="dana",
        sprints=(1,),
        custom={"customfield_10100": {"value": "Blue"}},
    )
    site.set_status("DS-2", "Done", "dana", resolution="Fixed")
    clock.advance(timedelta(minutes=1))
    site.add_issue("DS", "Train a model", flagged=True)
    site.add_issue("SEC", "Layoffs")
    return site


def keys(jql: str, *, zone: str = "UTC", site: JiraSiteState | None = None) -> list[str]:
    site = site or site_of_three()
    reader = JiraAccount(id="reader", display="R", timezone=zone, permissions={"DS": frozenset({"browse"})})
    return [issue.key for issue in JqlEvaluator(site, JiraCaller(account=reader)).find(parse_jql(jql))]


@pytest.mark.parametrize(
    ("jql", "expected"),
    [
        ("project = DS ORDER BY key", ["DS-1", "DS-2", "DS-3"]),
        ('project = "data science" ORDER BY key DESC', ["DS-3", "DS-2", "DS-1"]),
        ("", ["DS-3", "DS-2", "DS-1"]),
        ("labels = FEATURES", ["DS-2"]),
        ("labels in ('Area/X', other)", ["DS-2"]),
        ("labels is EMPTY order by created ASC, key DESC", ["DS-1", "DS-3"]),
        ("labels is not EMPTY", ["DS-2"]),
        ("status = done", ["DS-2"]),
        ("statusCategory = new ORDER BY key", ["DS-1", "DS-3"]),
        ('statusCategory != "To Do"', ["DS-2"]),
        ("resolution = Unresolved ORDER BY key", ["DS-1", "DS-3"]),
        ("resolution = Fixed", ["DS-2"]),
        ("type = Epic", ["DS-1"]),
        ("parent = DS-1", ["DS-2"]),
        ('"Epic Link" = DS-1', ["DS-2"]),
        ("component = pipeline AND assignee = 'Dana'", ["DS-2"]),
        ("sprint in openSprints()", ["DS-2"]),
        ("sprint = 'Sprint 1' OR flagged = Impediment ORDER BY key", ["DS-2", "DS-3"]),
        ("Team = blue", ["DS-2"]),
        ("cf[10100] = Blue", ["DS-2"]),
        ("summary ~ 'click sess*'", ["DS-2"]),
        ("text !~ model order by key", ["DS-1", "DS-2"]),
        ("key in (DS-3, ds-1) ORDER BY key", ["DS-1", "DS-3"]),
        ("key > DS-1 AND key <= DS-3 ORDER BY key", ["DS-2", "DS-3"]),
        ("NOT (type = Epic OR status = Done)", ["DS-3"]),
        ("project = DS && !(type = Epic) || key = DS-1 ORDER BY key", ["DS-1", "DS-2", "DS-3"]),
        ("creator = dana", ["DS-1"]),
    ],
)
def test_a_query_selects_the_same_issues_as_in_jira(jql: str, expected: list[str]) -> None:
    assert keys(jql) == expected


def test_a_negation_does_not_match_empty_fields() -> None:
    assert keys("labels != features") == []
    assert keys("NOT labels = features") == []
    assert keys("labels not in (other)") == ["DS-2"]
    assert keys("labels != features OR labels is EMPTY ORDER BY key") == ["DS-1", "DS-3"]


def test_times_are_compared_by_the_minute() -> None:
    assert keys('created >= "2026-10-01 12:01" ORDER BY key') == ["DS-2", "DS-3"]
    assert keys('created > "2026/10/01 12:01"') == ["DS-3"]
    assert keys('created <= "2026-10-01 12:01" ORDER BY key') == ["DS-1", "DS-2"]
    assert keys('created = "2026-10-01 12:01"') == ["DS-2"]


def test_times_are_read_in_the_zone_of_the_caller() -> None:
    assert keys('created >= "2026-10-01 14:01" ORDER BY key', zone="Europe/Berlin") == ["DS-2", "DS-3"]
    assert keys('created >= "2026-10-01 14:01"') == []
    assert keys('created >= "2026-10-01 12:01" ORDER BY key', zone="Europe/Berlin") == [
        "DS-1",
        "DS-2",
        "DS-3",
    ]


def test_relative_times_count_back_from_now() -> None:
    assert keys("created >= -1m ORDER BY key") == ["DS-2", "DS-3"]
    assert keys("updated >= '-1w 2d' AND created < startOfDay()") == []
    assert keys("resolutiondate >= -1h") == ["DS-2"]
    assert keys("resolutiondate is EMPTY ORDER BY key") == ["DS-1", "DS-3"]


def test_an_autumn_hour_that_happens_twice_counts_from_the_first() -> None:
    clock = Clock(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    site = JiraSiteState("jira-cloud", clock)
    site.add_project("DS")
    site.add_issue("DS", "In summer time")
    clock.advance(timedelta(hours=1))
    site.add_issue("DS", "In winter time")

    assert keys('created >= "2026-10-25 02:30" ORDER BY key', zone="Europe/Berlin", site=site) == [
        "DS-1",
        "DS-2",
    ]


def test_issues_of_invisible_projects_are_not_found() -> None:
    assert keys("summary ~ layoffs") == []


@pytest.mark.parametrize(
    ("jql", "part_of_the_message"),
    [
        ("project = NOPE", "The value 'NOPE' does not exist for the field 'project'."),
        ("project = SEC", "The value 'SEC' does not exist for the field 'project'."),
        ("project in (DS, SEC)", "The value 'SEC' does not exist"),
        ("status = Nowhere", "The value 'Nowhere' does not exist for the field 'status'."),
        ("squad = Blue", "Field 'squad' does not exist or you do not have permission to view it."),
        ("key = DS-99", "An issue with key 'DS-99' does not exist for field 'key'."),
        ("key = SEC-1", "An issue with key 'SEC-1' does not exist"),
        ("parent = DS-99", "An issue with key 'DS-99' does not exist"),
        ("updated >= yesterday", "Date value 'yesterday' for field 'updated' is invalid."),
        ("labels > features", "The operator '>' is not supported by the 'labels' field."),
        ("project = increment", "'increment' is a reserved JQL word"),
        ("labels = area/features", "The character '/' is a reserved JQL character"),
        ("labels = 'open", "The quoted string 'open' is not closed"),
        ("project =", "Expecting a value but got the end of the query"),
        ("project DS", "Expecting operator but got 'DS'"),
        ("(project = DS", "Expecting ')' but got the end of the query"),
        ("project = DS labels = x", "Expecting either 'OR' or 'AND' but got 'labels'"),
        ("labels is features", "takes only EMPTY or NULL"),
        ("assignee in membersOf()", "Unable to find JQL function 'membersof()'"),
    ],
)
def test_an_invalid_query_gives_the_error_of_jira(jql: str, part_of_the_message: str) -> None:
    with pytest.raises(JqlError) as refused:
        keys(jql)
    assert part_of_the_message in str(refused.value)


def test_quotes_and_backslashes_inside_a_value_are_kept() -> None:
    site = site_of_three()
    site.label("DS-3", 'say-"hi"\\', "dana")

    assert keys('labels = "say-\\"hi\\"\\\\"', site=site) == ["DS-3"]
    assert keys("labels = 'say-\"hi\"\\\\'", site=site) == ["DS-3"]
