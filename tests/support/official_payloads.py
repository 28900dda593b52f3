"""Payloads in the shapes that GitHub and Jira document, with the members that clients often forget."""

from __future__ import annotations

from typing import Any

API = "https://api.github.com"
SITE = "https://acme.example"


def github_user(login: str = "dana", number: int = 42) -> dict[str, Any]:
    url = f"{API}/users/{login}"
    return {"login": login, "id": number, "node_id": "U_1", "url": url, "type": "User", "site_admin": False}


def github_label(name: str = "features") -> dict[str, Any]:
    url = f"{API}/repos/acme/churn/labels/{name}"
    return {"id": 208, "node_id": "L_1", "url": url, "name": name, "color": "0e8a16", "default": False}


def github_issue() -> dict[str, Any]:
    url = f"{API}/repos/acme/churn/issues/7"
    return {
        "id": 1296269,
        "node_id": "I_1",
        "url": url,
        "repository_url": f"{API}/repos/acme/churn",
        "labels_url": f"{url}/labels{{/name}}",
        "html_url": "https://github.com/acme/churn/issues/7",
        "number": 7,
        "state": "closed",
        "state_reason": "completed",
        "title": "Sessionise events",
        "body": "Some text",
        "user": github_user(),
        "labels": [github_label(), github_label("area/x")],
        "assignee": github_user("eli", 43),
        "assignees": [github_user("eli", 43), github_user()],
        "milestone": {"id": 1, "number": 1, "title": "Q4", "state": "open", "due_on": "2026-12-31T00:00:00Z"},
        "type": {"id": 5, "node_id": "IT_1", "name": "Task", "description": None},
        "parent_issue_url": f"{API}/repos/acme/plans/issues/4",
        "sub_issues_summary": {"total": 0, "completed": 0, "percent_completed": 0},
        "issue_dependencies_summary": {
            "blocked_by": 2,
            "total_blocked_by": 3,
            "blocking": 0,
            "total_blocking": 0,
        },
        "locked": False,
        "active_lock_reason": None,
        "comments": 1,
        "closed_at": "2026-11-02T09:30:00Z",
        "closed_by": github_user(),
        "created_at": "2026-10-01T08:00:00Z",
        "updated_at": "2026-11-02T09:30:00Z",
        "author_association": "MEMBER",
        "reactions": {"total_count": 0},
    }


def github_comment() -> dict[str, Any]:
    return {
        "id": 9,
        "node_id": "IC_1",
        "url": f"{API}/repos/acme/churn/issues/comments/9",
        "user": github_user("increment-sync", 41),
        "created_at": "2026-10-01T08:00:00Z",
        "updated_at": "2026-10-02T08:00:00Z",
        "body": "state: done",
        "performed_via_github_app": None,
    }


def github_events() -> list[dict[str, Any]]:
    def event(number: int, kind: str, at: str, **more: Any) -> dict[str, Any]:
        base = {"id": number, "event": kind, "actor": github_user(), "created_at": at, "commit_id": None}
        return {**base, "commit_url": None, "issue": github_issue(), **more}

    return [
        event(4, "closed", "2026-11-02T09:30:00Z", state_reason="completed"),
        event(3, "unlabeled", "2026-10-03T08:00:00Z", label={"name": "old", "color": "000000"}),
        event(2, "labeled", "2026-10-02T08:00:00Z", label={"name": "blocked", "color": "000000"}),
        event(1, "renamed", "2026-10-01T09:00:00Z", rename={"from": "a", "to": "b"}),
    ]


def jira_person(name: str = "Ada L.") -> dict[str, Any]:
    ids = {"accountId": "712020:ab", "accountType": "atlassian"}
    return {**ids, "displayName": name, "active": True, "timeZone": "Europe/Berlin", "self": f"{SITE}/u"}


def jira_issue() -> dict[str, Any]:
    status = {"id": "3", "name": "In Progress", "statusCategory": {"id": 4, "key": "indeterminate"}}
    fields = {
        "summary": "Sessionise events",
        "description": "Some text",
        "status": status,
        "resolution": {"id": "1", "name": "Done"},
        "issuetype": {"id": "10001", "name": "Task", "subtask": False, "hierarchyLevel": 0},
        "project": {"id": "10000", "key": "DS", "name": "Data", "projectTypeKey": "software"},
        "parent": {"id": "10011", "key": "DS-11", "fields": {"summary": "Epic", "status": status}},
        "issuelinks": [
            jira_link("10", {"name": "Blocks", "inward": "is blocked by", "outward": "blocks"}, status),
            jira_link("11", {"name": "Wait", "inward": "waits for", "outward": "holds up"}, status),
        ],
        "labels": ["features", "urgent"],
        "components": [{"id": "1", "name": "etl"}],
        "fixVersions": [{"id": "2", "name": "1.4", "released": False}],
        "assignee": jira_person(),
        "creator": jira_person(),
        "reporter": jira_person("Bob"),
        "created": "2026-10-01T08:00:00.000+0200",
        "updated": "2026-11-05T14:31:38.612+0800",
        "resolutiondate": "2026-11-05T14:31:38.612+0800",
        "statuscategorychangedate": "2026-11-01T10:00:00.000+0000",
        "customfield_1": [
            {"id": 1, "name": "S1", "state": "closed", "endDate": "2026-10-15T09:00:00.000Z", "boardId": 1},
            {"id": 2, "name": "S2", "state": "future", "startDate": "2026-12-01T09:00:00.000Z", "goal": ""},
        ],
        "customfield_2": "DS-3",
        "customfield_3": [{"value": "Impediment", "id": "1"}],
        "customfield_4": {"value": "EU", "id": "7", "child": {"value": "DE", "id": "8"}},
        "customfield_5": {"showField": True, "data": {"id": 5, "key": "PORT-1"}},
    }
    return {
        "id": "10012",
        "key": "DS-12",
        "self": f"{SITE}/rest/api/2/issue/10012",
        "expand": "changelog",
        "fields": fields,
        "changelog": {"startAt": 0, "maxResults": 2, "total": 2, "histories": jira_histories()},
    }


def jira_link(number: str, kind: dict[str, str], status: dict[str, Any]) -> dict[str, Any]:
    """A link by which an issue waits for OPS-<number>."""
    issue = {"id": f"200{number}", "key": f"OPS-{number}", "fields": {"summary": "Other", "status": status}}
    return {"id": f"300{number}", "type": {"id": "1", **kind}, "inwardIssue": issue}


def jira_histories() -> list[dict[str, Any]]:
    def item(field: str, before: str | None, after: str | None, **more: Any) -> dict[str, Any]:
        strings = {"fromString": before, "toString": after, "from": None, "to": None}
        return {"field": field, "fieldtype": "jira", "fieldId": field, **strings, **more}

    first = [
        item("status", "To Do", "In Progress", **{"from": "1", "to": "3"}),
        item("labels", "", "blocked"),
    ]
    second = [item("Flagged", "", "Impediment"), item("labels", "blocked", "features")]
    return [
        {"id": "501", "author": jira_person(), "created": "2026-10-02T10:00:00.000+0000", "items": first},
        {"id": "502", "author": jira_person(), "created": "2026-10-03T10:00:00.000+0000", "items": second},
    ]


def jira_comment() -> dict[str, Any]:
    marker = {"key": "increment-sync", "value": {"instance": "acme-ds", "subject": "goal"}}
    return {
        "id": "7",
        "self": f"{SITE}/rest/api/2/issue/10012/comment/7",
        "author": jira_person("Sync"),
        "updateAuthor": jira_person("Sync"),
        "body": "state: done",
        "created": "2026-10-01T08:00:00.000+0200",
        "updated": "2026-10-05T14:31:38.612+0800",
        "jsdPublic": True,
        "properties": [marker],
    }


def jira_fields() -> list[dict[str, Any]]:
    def field(number: int, name: str, custom: str) -> dict[str, Any]:
        schema = {"type": "any", "custom": custom, "customId": number}
        row = {"id": f"customfield_{number}", "name": name, "untranslatedName": name, "schema": schema}
        return {**row, "custom": True, "orderable": True, "clauseNames": [f"cf[{number}]", name]}

    greenhopper = "com.pyxis.greenhopper.jira:"
    return [
        {"id": "summary", "name": "Summary", "custom": False, "schema": {"type": "string"}},
        field(1, "Sprint", f"{greenhopper}gh-sprint"),
        field(2, "Epic Link", f"{greenhopper}gh-epic-link"),
        field(3, "Flagged", "com.atlassian.jira.plugin.system.customfieldtypes:multicheckboxes"),
        field(4, "Team", "com.atlassian.jira.plugin.system.customfieldtypes:select"),
        field(5, "Parent Link", "com.atlassian.jpo:jpo-custom-field-parent"),
    ]


def jira_statuses() -> list[dict[str, Any]]:
    return [
        {"id": "1", "name": "To Do", "statusCategory": {"id": 2, "key": "new", "name": "To Do"}},
        {"id": "3", "name": "In Progress", "statusCategory": {"id": 4, "key": "indeterminate"}},
    ]
