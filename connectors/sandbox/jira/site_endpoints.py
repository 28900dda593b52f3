"""Endpoints of the Jira sandbox about the site: server, account, fields, permissions, projects, statuses."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.core.tracker import TrackerRequest, TrackerResponse
from connectors.sandbox.jira.dates import format_time
from connectors.sandbox.jira.model import EPIC_LINK_FIELD, FLAGGED_FIELD, SPRINT_FIELD, JiraCaller
from connectors.sandbox.jira.request_checks import (
    JiraApiError,
    has_permission,
    parse_names,
    require_visible_issue,
    require_visible_project,
)
from connectors.sandbox.jira.serializer import JiraSerializer
from connectors.sandbox.jira.site import JiraSiteState

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


def get_server_info(site: JiraSiteState, caller: JiraCaller, request: TrackerRequest) -> TrackerResponse:
    version = "1001.0.0-SNAPSHOT" if site.is_cloud else "9.12.15"
    return TrackerResponse(
        data={
            "baseUrl": request.base_url,
            "version": version,
            "versionNumbers": [int(part) for part in version.split("-")[0].split(".")],
            "deploymentType": "Cloud" if site.is_cloud else "Server",
            "buildNumber": 100_000,
            "serverTime": format_time(site.clock.now(), caller.timezone),
            "serverTitle": "Embedded Jira",
        }
    )


def get_authenticated_user(
    site: JiraSiteState, caller: JiraCaller, _request: TrackerRequest
) -> TrackerResponse:
    if caller.account is None:
        raise JiraApiError(401, "Client must be authenticated to access this resource.")
    return TrackerResponse(data=JiraSerializer(site, caller).user(caller.account))


def list_fields(site: JiraSiteState, _caller: JiraCaller, _request: TrackerRequest) -> TrackerResponse:
    """Return system and custom fields with their schema."""
    data = [
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
    data.append(
        _serialize_custom_field(SPRINT_FIELD, "Sprint", "array", "com.pyxis.greenhopper.jira:gh-sprint")
    )
    options = "com.atlassian.jira.plugin.system.customfieldtypes:multicheckboxes"
    data.append(_serialize_custom_field(FLAGGED_FIELD, "Flagged", "array", options))
    if not site.is_cloud:
        data.append(
            _serialize_custom_field(
                EPIC_LINK_FIELD, "Epic Link", "any", "com.pyxis.greenhopper.jira:gh-epic-link"
            )
        )
    data += [
        _serialize_custom_field(each.id, each.name, each.type, each.schema) for each in site.fields.values()
    ]
    return TrackerResponse(data=data)


def _serialize_custom_field(field_id: str, name: str, kind: str, schema: str) -> dict[str, Any]:
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


def list_permissions(site: JiraSiteState, caller: JiraCaller, request: TrackerRequest) -> TrackerResponse:
    """Return the permissions on the project or issue of the query, or on the site."""
    requested = parse_names(request.query.get("permissions"))
    if site.is_cloud and not requested:
        raise JiraApiError(400, "The 'permissions' query parameter is required.")
    unknown = [name for name in requested if name not in _PERMISSIONS]
    if unknown:
        raise JiraApiError(400, f"Unrecognized permission '{unknown[0]}'.")
    project = None
    if key := request.query.get("projectKey"):
        project = require_visible_project(site, caller, key).key
    elif key := request.query.get("issueKey"):
        project = require_visible_issue(site, caller, key).project
    permissions = {
        name: _serialize_permission(site, caller, name, project) for name in requested or _PERMISSIONS
    }
    return TrackerResponse(data={"permissions": permissions})


def _serialize_permission(
    site: JiraSiteState, caller: JiraCaller, name: str, project: str | None
) -> dict[str, Any]:
    have = has_permission(caller, _PERMISSIONS[name], None if name == "ADMINISTER" else project)
    if name == "BROWSE_PROJECTS" and project:
        have = caller.can_see(site.projects[project])
    kind = "GLOBAL" if name == "ADMINISTER" else "PROJECT"
    return {"id": name, "key": name, "name": name, "type": kind, "description": "", "havePermission": have}


def get_project(
    site: JiraSiteState, caller: JiraCaller, _request: TrackerRequest, key: str
) -> TrackerResponse:
    return TrackerResponse(
        data=JiraSerializer(site, caller).project(require_visible_project(site, caller, key))
    )


def list_statuses(site: JiraSiteState, caller: JiraCaller, _request: TrackerRequest) -> TrackerResponse:
    """Return all statuses of the projects that the caller may see."""
    serializer = JiraSerializer(site, caller)
    known = {
        name: category
        for each in site.projects.values()
        if caller.can_see(each)
        for name, category in each.statuses.items()
    }
    return TrackerResponse(data=[serializer.status(name, category) for name, category in known.items()])
