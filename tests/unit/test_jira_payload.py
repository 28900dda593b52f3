"""Parsing of Jira's JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.errors import BadPayload, MalformedIssue
from connectors.jira.changelog import parse_label_origins
from connectors.jira.payload import (
    FieldIds,
    fields_to_request,
    has_permission,
    parse_account,
    parse_comment,
    parse_field_ids,
    parse_issue,
)
from connectors.jira.scalars import parse_time
from connectors.model import FieldSelection, Issue

IDS = FieldIds(
    sprint="customfield_1",
    epic_link="customfield_2",
    parent_link="customfield_5",
    flagged="customfield_3",
    custom={"Team": ("customfield_4",)},
)
GREENHOPPER = "com.pyxis.greenhopper.jira:"
ON_THE_FIFTH = datetime(2026, 10, 5, 6, 31, 38, 612000, tzinfo=UTC)


def raw_issue(**fields: Any) -> dict[str, Any]:
    basic: dict[str, Any] = {
        "summary": "Sessionise events",
        "status": {"id": "3", "name": "In Arbeit", "statusCategory": {"key": "indeterminate"}},
        "created": "2026-10-01T08:00:00.000+0200",
        "updated": "2026-10-05T14:31:38.612+0800",
        "project": {"key": "DS"},
    }
    return {"id": "10012", "key": "DS-12", "self": "https://elsewhere/x", "fields": basic | fields}


def read(ids: FieldIds = IDS, **fields: Any) -> Issue:
    return parse_issue(raw_issue(**fields), tracker="jira", site_url="https://acme.example", field_ids=ids)


def test_an_issue_is_identified_by_number_addressed_by_key_and_browsed_on_the_site() -> None:
    issue = read()
    assert (issue.ref.tracker, issue.ref.id, issue.ref.key) == ("jira", "10012", "DS-12")
    assert issue.url == "https://acme.example/browse/DS-12"
    assert issue.container == "DS"


def test_times_with_an_offset_without_colon_become_utc() -> None:
    assert read().updated == ON_THE_FIFTH
    assert read().updated.tzinfo is UTC


@pytest.mark.parametrize(
    ("key", "category"), [("new", "todo"), ("indeterminate", "doing"), ("done", "done"), ("undefined", None)]
)
def test_the_category_key_decides_not_its_translated_name(key: str, category: str | None) -> None:
    assert (
        read(status={"name": "Fertig", "statusCategory": {"key": key, "name": "Done"}}).category == category
    )


def test_lists_of_objects_become_names() -> None:
    issue = read(
        components=[{"id": "1", "name": "etl"}],
        fixVersions=[{"id": "2", "name": "1.4"}, {"id": "3", "name": "1.5"}],
        issuetype={"name": "Task"},
        resolution={"name": "Won't Do"},
        labels=["b", "a"],
    )
    assert (issue.components, issue.fix_versions) == (("etl",), ("1.4", "1.5"))
    assert (issue.type, issue.resolution, issue.labels) == ("Task", "Won't Do", frozenset({"a", "b"}))


def test_people_are_named_by_login_on_data_center_and_display_name_on_cloud() -> None:
    on_cloud = {"accountId": "712020:ab", "displayName": "Ada L."}
    on_dc = {"name": "ada", "key": "JIRAUSER1", "displayName": "Ada L."}
    assert read(assignee=on_cloud, creator=on_cloud).assignees == ("Ada L.",)
    assert read(assignee=on_dc, creator=on_dc).author == "ada"
    assert read(creator={"name": "robot"}, reporter=on_dc).reporter == "ada"
    assert read(creator=on_dc, reporter=None).reporter == ""
    assert read(assignee=None).assignees == ()


def test_the_parent_comes_before_the_epic_link() -> None:
    assert read(parent={"key": "DS-1"}, customfield_2="DS-2").parent == "DS-1"
    assert read(customfield_2="DS-2").parent == "DS-2"
    assert read().parent is None


@pytest.mark.parametrize(
    "value", ["PORT-7", {"key": "PORT-7"}, {"showField": True, "data": {"key": "PORT-7"}}]
)
def test_an_epics_parent_is_in_the_field_of_advanced_roadmaps(value: Any) -> None:
    assert read(customfield_5=value).parent == "PORT-7"
    assert read(customfield_5=value, customfield_2="DS-2").parent == "DS-2"


@pytest.mark.parametrize("value", [None, "", [], {"data": None}, {"key": 7}, "no key", 12])
def test_a_parent_link_without_key_is_no_parent(value: Any) -> None:
    assert read(customfield_5=value).parent is None


def sprint(name: str, state: str, **dates: str) -> dict[str, Any]:
    return {"name": name, "state": state} | {field: f"{day}T09:00:00.000Z" for field, day in dates.items()}


@pytest.mark.parametrize(
    ("sprints", "chosen"),
    [
        ([sprint("S1", "closed"), sprint("S2", "active"), sprint("S3", "future")], "S2"),
        ([sprint("S9", "future"), sprint("S7", "closed")], "S9"),
        ([sprint("S1", "closed"), sprint("S3", "future")], "S3"),
        ([sprint("S2", "active"), sprint("S7", "closed")], "S2"),
        (
            [sprint("S9", "future", startDate="2026-12-01"), sprint("S8", "future", startDate="2026-11-15")],
            "S8",
        ),
        ([sprint("S9", "future"), sprint("S8", "future", startDate="2026-11-15")], "S8"),
        ([sprint("S8", "future"), sprint("S9", "future")], "S8"),
        (
            [sprint("S7", "closed", completeDate="2026-10-30"), sprint("S6", "closed", endDate="2026-10-15")],
            "S7",
        ),
        ([sprint("S6", "closed"), sprint("S7", "closed")], "S7"),
        (
            [sprint("A", "active", startDate="2026-11-02"), sprint("B", "ACTIVE", startDate="2026-11-01")],
            "A",
        ),
        ([sprint("S1", "closed"), {"name": "S2"}], "S2"),
        ([{"name": "S1", "state": ["closed"]}, {"name": ""}, None, 7, "no sprint"], "S1"),
        (
            [sprint("S7", "closed", completeDate="9999-99-99"), sprint("S6", "closed", endDate="2026-10-15")],
            "S6",
        ),
        ("S1", None),
        (None, None),
    ],
)
def test_the_active_sprint_counts_else_the_next_else_the_last(sprints: Any, chosen: str | None) -> None:
    assert read(customfield_1=sprints).sprint == chosen


def test_sprints_of_old_data_centers_are_parsed_from_text() -> None:
    text = "com.atlassian.greenhopper.service.sprint.Sprint@1a2b[id={},"
    text += "rapidViewId=7,state={},name={},goal=,sequence=4]"
    closed, active = text.format(1, "CLOSED", "Sprint 1"), text.format(2, "ACTIVE", "Sprint 2, late [x]")
    assert read(customfield_1=[active, closed]).sprint == "Sprint 2, late [x]"
    dated = text.format(3, "FUTURE", "Sprint 4,startDate={},endDate=<null>")
    later, earlier = dated.format("2026-12-01T09:00:00.000+01:00"), dated.format("<null>").replace("4", "3")
    assert read(customfield_1=[closed, earlier, later]).sprint == "Sprint 4"


def test_work_in_progress_started_when_its_category_changed() -> None:
    changed = "2026-10-03T10:00:00.000+0000"
    assert read(statuscategorychangedate=changed).started == datetime(2026, 10, 3, 10, tzinfo=UTC)
    assert read(statuscategorychangedate=changed, status=done()).started is None


def test_done_work_was_closed_when_resolved_or_else_when_its_category_changed() -> None:
    changed, resolved = "2026-10-03T10:00:00.000+0000", "2026-10-02T10:00:00.000+0000"
    both = read(status=done(), resolutiondate=resolved, statuscategorychangedate=changed)
    assert both.closed == datetime(2026, 10, 2, 10, tzinfo=UTC)
    unresolved = read(status=done(), resolutiondate=None, statuscategorychangedate=changed)
    assert unresolved.closed == datetime(2026, 10, 3, 10, tzinfo=UTC)
    assert read(statuscategorychangedate=changed).closed is None


def test_a_set_flagged_field_flags_the_issue() -> None:
    assert read(customfield_3=[{"value": "Impediment"}]).flagged
    assert not read(customfield_3=None).flagged


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("Blue", ("Blue",)),
        ({"value": "Blue", "id": "7"}, ("Blue",)),
        ([{"value": "Blue"}, {"value": "Red"}], ("Blue", "Red")),
        ({"value": "EU", "child": {"value": "DE"}}, ("EU", "DE")),
        ({"accountId": "1", "displayName": "Ada"}, ("Ada",)),
        (5.0, ("5",)),
        (2.5, ("2.5",)),
    ],
)
def test_custom_fields_become_texts_under_the_name_of_the_rule(value: Any, texts: tuple[str, ...]) -> None:
    assert read(customfield_4=value).fields == {"Team": texts}


def test_a_custom_field_without_value_is_absent() -> None:
    assert read(customfield_4=None).fields == {}


def test_text_is_cleaned_of_nul_and_surrogates() -> None:
    issue = read(summary="a\x00b \ud83d c \U0001f600", description="x\x00y")
    assert (issue.title, issue.body) == ("ab � c \U0001f600", "xy")


@pytest.mark.parametrize("missing", ["status", "created", "updated"])
def test_a_missing_field_is_named(missing: str) -> None:
    with pytest.raises(BadPayload, match=f'issue DS-12 has no "{missing}"'):
        read(**{missing: None})


def test_malformed_values_are_rejected_and_named() -> None:
    with pytest.raises(BadPayload, match="DS-12 holds 'soon' where a time belongs"):
        read(created="soon")
    with pytest.raises(BadPayload, match="without its offset"):
        read(created="2026-10-01T08:00:00")
    with pytest.raises(BadPayload, match="DS-12 holds 'Done' as its \"status\""):
        read(status="Done")
    with pytest.raises(BadPayload, match='an issue has no "key"'):
        parse_issue(["DS-12"], tracker="jira", site_url="https://acme.example", field_ids=IDS)


def test_an_issue_without_summary_is_named_by_its_key() -> None:
    assert read(summary=None).title == "DS-12"
    assert read(summary={"text": "odd"}).title == "DS-12"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("created", "0001-01-01T00:00:00.000+0100"),
        ("updated", "9999-12-31T23:59:59.999-0800"),
        ("created", "0001-01-01T00:00:00.000+1459"),
        ("resolutiondate", "2026-12-31T23:59:60.000+0000"),
        ("created", 7),
        ("labels", "features"),
        ("labels", [{"name": "features"}]),
        ("resolution", "Won't Do"),
        ("components", [None]),
        ("status", {"name": None}),
    ],
)
def test_an_issue_that_cannot_be_used_is_named_with_its_id_and_key(field: str, value: Any) -> None:
    with pytest.raises(MalformedIssue, match="DS-12") as caught:
        read(**{field: value})
    assert (caught.value.id, caught.value.key) == ("10012", "DS-12")


@pytest.mark.parametrize("issue_id", [None, "", "x", 1.5, True, [], "9" * 5000])
def test_an_issue_without_a_usable_id_is_named_with_its_key(issue_id: Any) -> None:
    with pytest.raises(MalformedIssue, match="DS-12") as caught:
        parse_issue(raw_issue() | {"id": issue_id}, tracker="jira", site_url="", field_ids=IDS)
    assert (caught.value.id, caught.value.key) == ("", "DS-12")


def test_what_a_message_quotes_is_short() -> None:
    with pytest.raises(MalformedIssue) as caught:
        read(created="x" * 100_000, status={"name": "To Do"})
    assert len(str(caught.value)) < 200


def test_fields_are_found_by_schema_and_by_name_or_id() -> None:
    listed = [
        {"id": "summary", "name": "Summary"},
        {"id": "customfield_20", "name": "Iteration", "schema": {"custom": GREENHOPPER + "gh-sprint"}},
        {"id": "customfield_21", "name": "Epos", "schema": {"custom": GREENHOPPER + "gh-epic-link"}},
        {"id": "customfield_22", "name": "Flagged", "schema": {"custom": "x:multicheckboxes"}},
        {
            "id": "customfield_25",
            "name": "Übergeordnet",
            "schema": {"custom": "com.atlassian.jpo:jpo-custom-field-parent"},
        },
        {"id": "customfield_23", "name": "Team", "schema": {"custom": "x:select"}},
        {"id": "customfield_24", "name": "Team", "schema": {"custom": "x:multicheckboxes"}},
    ]
    ids = parse_field_ids(listed, ["team", "customfield_23", "No such"])
    assert (ids.sprint, ids.epic_link, ids.flagged) == ("customfield_20", "customfield_21", "customfield_22")
    assert ids.parent_link == "customfield_25"
    assert ids.custom == {"team": ("customfield_23", "customfield_24"), "customfield_23": ("customfield_23",)}


def test_only_needed_fields_are_requested() -> None:
    plain = fields_to_request(FieldIds(), FieldSelection(), cloud=False)
    assert "description" not in plain and "statuscategorychangedate" not in plain and "comment" not in plain
    rich = fields_to_request(IDS, FieldSelection(body=True), cloud=True)
    assert {"description", "statuscategorychangedate", "customfield_1", "customfield_4"} <= set(rich)


def test_our_comment_is_recognized_by_its_property() -> None:
    ours = {"key": "increment-sync", "value": {"instance": "acme-ds", "v": 1}}
    comment = parse_comment(raw_comment(properties=[{"key": "sd.public.comment", "value": {}}, ours]))
    assert comment.marker == {"instance": "acme-ds", "v": "1"}
    assert (comment.id, comment.author_id, comment.updated) == ("7", "712020:ab", ON_THE_FIFTH)
    assert parse_comment(raw_comment()).marker is None


def test_an_account_without_zone_gets_the_westernmost_zone() -> None:
    assert parse_account({"accountId": "1", "displayName": "Sync"}).timezone == "Etc/GMT+12"
    account = parse_account(
        {"name": "sync", "key": "JIRAUSER9", "displayName": "Sync", "timeZone": "Europe/Berlin"}
    )
    assert (account.id, account.name, account.timezone) == ("sync", "Sync", "Europe/Berlin")


def test_the_origin_of_a_label_is_its_last_addition() -> None:
    raw = raw_issue(labels=["a", "b", "unknown", "nobody"])
    nameless = history("", "2026-10-05T10:00:00.000+0000", "", "nobody") | {"author": None}
    raw["changelog"] = {
        "histories": [
            nameless,
            history("zoe", "2026-10-04T10:00:00.000+0000", "b", "b a"),
            history("bob", "2026-10-03T10:00:00.000+0000", "a", "b"),
            history("ada", "2026-10-02T10:00:00.000+0000", "", "a gone"),
        ]
    }
    events = parse_label_origins(raw)
    assert {label: event.author_id for label, event in events.items()} == {"a": "zoe", "b": "bob"}
    assert events["a"].at == datetime(2026, 10, 4, 10, tzinfo=UTC)


def done() -> dict[str, Any]:
    return {"name": "Fertig", "statusCategory": {"key": "done"}}


def raw_comment(**more: Any) -> dict[str, Any]:
    author = {"accountId": "712020:ab", "displayName": "Sync"}
    times = {"created": "2026-10-01T08:00:00.000+0200", "updated": "2026-10-05T14:31:38.612+0800"}
    return {"id": "7", "author": author, "body": "state: done", **times, **more}


def history(person: str, at: str, before: str, after: str) -> dict[str, Any]:
    items = [
        {"field": "status", "toString": "x"},
        {"field": "labels", "fromString": before, "toString": after},
    ]
    return {"author": {"name": person}, "created": at, "items": items}


# ---- odd values


def test_what_is_missing_is_empty() -> None:
    issue = read()
    assert (issue.type, issue.resolution, issue.body, issue.sprint) == ("", None, "", None)
    assert (issue.author, issue.reporter, issue.assignees) == ("", "", ())
    assert (issue.labels, issue.components, issue.fix_versions) == (frozenset(), (), ())
    assert (issue.started, issue.closed, issue.flagged, issue.fields) == (None, None, False, {})


def test_a_project_without_key_is_that_of_the_issue_key() -> None:
    assert read(project=None).container == "DS"
    assert read(project={"key": "OPS"}).container == "OPS"


def test_a_status_keeps_its_id() -> None:
    assert read().status_id == "3"
    assert read(status={"name": "x"}).status_id == ""


def test_sites_without_the_field_have_no_flags_and_sprints() -> None:
    issue = read(FieldIds(), customfield_3=[{"value": "Impediment"}], customfield_1=[sprint("S", "active")])
    assert (issue.flagged, issue.sprint) == (False, None)


@pytest.mark.parametrize("key", ["DS-", "-12", "D S-12", "DS-12x", "1DS-2", "DS-1/2", 7])
def test_a_key_that_is_no_address_is_none(key: Any) -> None:
    with pytest.raises(MalformedIssue, match="where the key of an issue belongs") as caught:
        parse_issue(raw_issue() | {"key": key}, tracker="jira", site_url="", field_ids=IDS)
    assert (caught.value.id, caught.value.key) == ("10012", "")


@pytest.mark.parametrize("key", ["A-1", "DÄ_2-7"])
def test_servers_may_allow_other_keys_than_atlassian(key: str) -> None:
    issue = parse_issue(raw_issue() | {"key": key}, tracker="jira", site_url="https://x", field_ids=IDS)
    assert (issue.ref.key, issue.url) == (key, f"https://x/browse/{key}")


def test_fields_of_odd_lists_are_not_found() -> None:
    listed = [
        {"id": None, "name": "Team", "schema": {"custom": "x:gh-sprint"}},
        {"id": "customfield_1", "schema": None},
        {"id": "customfield_2", "name": "Flagged", "schema": {"custom": "x:select"}},
        {"id": "customfield_3", "name": "Markiert", "schema": {"custom": "x:multicheckboxes"}},
        {
            "id": "customfield_4",
            "name": "Markiert",
            "untranslatedName": "Flagged",
            "schema": {"custom": "x:multicheckboxes"},
        },
    ]
    ids = parse_field_ids(listed, ["Team", " MARKIERT "])
    assert (ids.sprint, ids.flagged) == (None, "customfield_4")
    assert ids.custom == {" MARKIERT ": ("customfield_3", "customfield_4")}
    assert ids.all_ids() == ["customfield_4", "customfield_3", "customfield_4"]
    assert fields_to_request(ids, FieldSelection(), cloud=False).count("customfield_4") == 1


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("", None),
        ([], None),
        ({}, None),
        (True, ("true",)),
        (False, ("false",)),
        (0, ("0",)),
        ([["a", None], "b"], ("a", "b")),
        ({"name": "N", "key": "K"}, ("N",)),
        ({"key": "K", "id": "7"}, ("K",)),
        ({"id": "7"}, ("7",)),
        ({"other": "7"}, None),
    ],
)
def test_custom_fields_of_other_types(value: Any, texts: tuple[str, ...] | None) -> None:
    assert read(customfield_4=value).fields == ({"Team": texts} if texts else {})


def test_a_comment_without_author_or_change_is_read() -> None:
    raw = raw_comment(body="e\u0301", author=None) | {"updated": None}
    comment = parse_comment(raw)
    assert (comment.author_id, comment.body) == ("", "e\u0301")
    assert comment.updated == comment.created == datetime(2026, 10, 1, 6, tzinfo=UTC)
    given = parse_comment(
        raw_comment(properties=[{"key": "increment-sync", "value": {"a": "b"}}]), {"c": "d"}
    )
    assert given.marker == {"c": "d"}


@pytest.mark.parametrize(
    "properties",
    [None, {}, [7], [{"key": "increment-sync", "value": "x"}], [{"key": "x", "value": {"a": "b"}}]],
)
def test_a_malformed_marker_is_none(properties: Any) -> None:
    assert parse_comment(raw_comment(properties=properties)).marker is None


def test_an_account_is_named_as_well_as_possible() -> None:
    assert parse_account({"name": "sync"}).name == "sync"
    assert parse_account({"accountId": "7", "name": "x"}).id == "7"
    with pytest.raises(BadPayload, match='our account has no "name"'):
        parse_account({})


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (1_790_000_000, datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        (1_790_000_000_000, datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)),
        ("2026-10-01T08:00:00+02:00", datetime(2026, 10, 1, 6, tzinfo=UTC)),
    ],
)
def test_bulk_responses_hold_seconds_or_milliseconds(value: Any, at: datetime) -> None:
    assert parse_time(value, "it") == at


@pytest.mark.parametrize("value", [True, 1e300, float("nan"), 99_999_999_999, None])
def test_a_number_that_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(BadPayload, match="where a time belongs"):
        parse_time(value, "it")


def test_permissions_are_known_by_either_name() -> None:
    granted = {
        "EDIT": {"havePermission": True},
        "NO": {"havePermission": False},
        "ODD": {"havePermission": 1},
    }
    assert has_permission(granted, "x", "EDIT") is True
    assert has_permission(granted, "NO", "EDIT") is False
    assert has_permission(granted, "ODD") is None
    assert has_permission(None, "EDIT") is None
