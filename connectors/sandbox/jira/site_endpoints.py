"""The embedded Jira's answers about itself: server, account, fields, rights, projects, statuses."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.core.tracker import Request, Response
from connectors.sandbox.jira.dates import jira_time
from connectors.sandbox.jira.model import EPIC_LINK_FIELD, FLAGGED_FIELD, SPRINT_FIELD, Caller
from connectors.sandbox.jira.request_checks import Refusal, may, names, visible_issue, visible_project
from connectors.sandbox.jira.serializer import Shapes
from connectors.sandbox.jira.site import JiraState

_PERMISSIONS = {
    "ADMINISTER": "admin",
    "ADMINISTER_PROJECTS": "admin",
    "BROWSE_PROJECTS": "browse",
    "EDIT_ISSUES": "edit",
    "ADD_COMMENTS": "comment",
    "EDIT_OWN_COMMENTS": "comment",
    "EDIT_ALL_COMMENTS": "edit_all_comments",
    "DELETE_OWN_COMMENTS": "comment",
}
_SYSTEM_FIELDS = {
    "summary": "Summary",
    "status": "Status",
    "resolution": "Resolution",
    "resolutiondate": "Resolved",
    "issuetype": "Issue Type",
    "labels": "Labels",
    "components": "Components",
    "fixVersions": "Fix versions",
    "parent": "Parent",
    "assignee": "Assignee",
    "creator": "Creator",
    "reporter": "Reporter",
    "created": "Created",
    "updated": "Updated",
    "description": "Description",
    "comment": "Comment",
}


def server_info(site: JiraState, caller: Caller, request: Request) -> Response:
    version = "1001.0.0-SNAPSHOT" if site.is_cloud else "9.12.15"
    return Response(
        data={
            "baseUrl": request.base_url,
            "version": version,
            "versionNumbers": [int(part) for part in version.split("-")[0].split(".")],
            "deploymentType": "Cloud" if site.is_cloud else "Server",
            "buildNumber": 100_000,
            "serverTime": jira_time(site.clock.now(), caller.timezone),
            "serverTitle": "Embedded Jira",
        }
    )


def myself(site: JiraState, caller: Caller, _request: Request) -> Response:
    if caller.account is None:
        raise Refusal(401, "Client must be authenticated to access this resource.")
    return Response(data=Shapes(site, caller).user(caller.account))


def fields(site: JiraState, _caller: Caller, _request: Request) -> Response:
    """System and custom fields with their schema."""
    shapes = [
        {
            "id": name,
            "key": name,
            "name": title,
            "custom": False,
            "navigable": True,
            "schema": {"system": name},
        }
        for name, title in _SYSTEM_FIELDS.items()
    ]
    shapes.append(_custom(SPRINT_FIELD, "Sprint", "array", "com.pyxis.greenhopper.jira:gh-sprint"))
    options = "com.atlassian.jira.plugin.system.customfieldtypes:multicheckboxes"
    shapes.append(_custom(FLAGGED_FIELD, "Flagged", "array", options))
    if not site.is_cloud:
        shapes.append(_custom(EPIC_LINK_FIELD, "Epic Link", "any", "com.pyxis.greenhopper.jira:gh-epic-link"))
    shapes += [_custom(each.id, each.name, each.type, each.schema) for each in site.fields.values()]
    return Response(data=shapes)


def _custom(field_id: str, name: str, kind: str, schema: str) -> dict[str, Any]:
    number = int(field_id.removeprefix("customfield_"))
    return {
        "id": field_id,
        "key": field_id,
        "name": name,
        "custom": True,
        "navigable": True,
        "clauseNames": [f"cf[{number}]", name],
        "schema": {"type": kind, "custom": schema, "customId": number},
    }


def my_permissions(site: JiraState, caller: Caller, request: Request) -> Response:
    """Rights on the project or issue of the query, or on the site."""
    wanted = names(request.query.get("permissions"))
    if site.is_cloud and not wanted:
        raise Refusal(400, "The 'permissions' query parameter is required.")
    unknown = [name for name in wanted if name not in _PERMISSIONS]
    if unknown:
        raise Refusal(400, f"Unrecognized permission '{unknown[0]}'.")
    project = None
    if key := request.query.get("projectKey"):
        project = visible_project(site, caller, key).key
    elif key := request.query.get("issueKey"):
        project = visible_issue(site, caller, key).project
    shapes = {name: _permission(site, caller, name, project) for name in wanted or _PERMISSIONS}
    return Response(data={"permissions": shapes})


def _permission(site: JiraState, caller: Caller, name: str, project: str | None) -> dict[str, Any]:
    have = may(caller, _PERMISSIONS[name], None if name == "ADMINISTER" else project)
    if name == "BROWSE_PROJECTS" and project:
        have = caller.sees(site.projects[project])
    kind = "GLOBAL" if name == "ADMINISTER" else "PROJECT"
    return {"id": name, "key": name, "name": name, "type": kind, "description": "", "havePermission": have}


def project(site: JiraState, caller: Caller, _request: Request, key: str) -> Response:
    return Response(data=Shapes(site, caller).project(visible_project(site, caller, key)))


def statuses(site: JiraState, caller: Caller, _request: Request) -> Response:
    """Every status of the projects that the caller sees."""
    shapes = Shapes(site, caller)
    known = {
        name: category
        for each in site.projects.values()
        if caller.sees(each)
        for name, category in each.statuses.items()
    }
    return Response(data=[shapes.status(name, category) for name, category in known.items()])
