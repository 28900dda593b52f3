"""Endpoints of the Jira sandbox about the site: server, account, fields, permissions, projects, statuses."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.jira.call import JiraApiError, JiraCall, parse_names
from connectors.sandbox.jira.model import (
    EPIC_LINK_FIELD,
    FLAGGED_FIELD,
    PARENT_LINK_FIELD,
    SPRINT_FIELD,
    CustomField,
)

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
_PLUGIN_FIELDS = (
    CustomField(id=SPRINT_FIELD, name="Sprint", type="array", schema="com.pyxis.greenhopper.jira:gh-sprint"),
    CustomField(
        id=FLAGGED_FIELD,
        name="Flagged",
        type="array",
        schema="com.atlassian.jira.plugin.system.customfieldtypes:multicheckboxes",
    ),
)
_LINK_FIELDS = (
    CustomField(
        id=EPIC_LINK_FIELD, name="Epic Link", type="any", schema="com.pyxis.greenhopper.jira:gh-epic-link"
    ),
    CustomField(
        id=PARENT_LINK_FIELD,
        name="Parent Link",
        type="any",
        schema="com.atlassian.jpo:jpo-custom-field-parent",
    ),
)
"""Data Center only; the second one with Advanced Roadmaps."""


def get_server_info(call: JiraCall) -> dict[str, Any]:
    site = call.site
    version = "1001.0.0-SNAPSHOT" if site.is_cloud else "9.12.15"
    return {
        "baseUrl": call.request.base_url,
        "version": version,
        "versionNumbers": [int(part) for part in version.split("-")[0].split(".")],
        "deploymentType": "Cloud" if site.is_cloud else "Server",
        "buildNumber": 100_000,
        "serverTime": call.serializer.time(site.clock.now()),
        "serverTitle": "Embedded Jira",
    }


def get_authenticated_user(call: JiraCall) -> dict[str, Any]:
    if call.caller.account is None:
        raise JiraApiError(401, "Client must be authenticated to access this resource.")
    return call.serializer.user(call.caller.account)


def list_fields(call: JiraCall) -> list[dict[str, Any]]:
    """Return system and custom fields with their schema."""
    custom = (*_PLUGIN_FIELDS, *(() if call.site.is_cloud else _LINK_FIELDS), *call.site.fields.values())
    return [_serialize_system_field(*each) for each in _SYSTEM_FIELDS.items()] + [
        _serialize_custom_field(each) for each in custom
    ]


def _serialize_system_field(name: str, title: str) -> dict[str, Any]:
    common = {"id": name, "key": name, "name": title, "custom": False, "navigable": True}
    return {**common, "schema": {"system": name}}


def _serialize_custom_field(field: CustomField) -> dict[str, Any]:
    number = int(field.id.removeprefix("customfield_"))
    common = {"id": field.id, "key": field.id, "name": field.name, "custom": True, "navigable": True}
    return {
        **common,
        "clauseNames": [f"cf[{number}]", field.name],
        "schema": {"type": field.type, "custom": field.schema_type, "customId": number},
    }


def list_permissions(call: JiraCall) -> dict[str, Any]:
    """Return the permissions on the project or issue of the query, or on the site."""
    query = call.request.query
    requested = parse_names(query.get("permissions"))
    if call.site.is_cloud and not requested:
        raise JiraApiError(400, "The 'permissions' query parameter is required.")
    unknown = [name for name in requested if name not in _PERMISSIONS]
    if unknown:
        raise JiraApiError(400, f"Unrecognized permission '{unknown[0]}'.")
    project = None
    if key := query.get("projectKey"):
        project = call.project(key).key
    elif key := query.get("issueKey"):
        project = call.issue(key).project
    names = requested or _PERMISSIONS
    return {"permissions": {name: _serialize_permission(call, name, project) for name in names}}


def _serialize_permission(call: JiraCall, name: str, project: str | None) -> dict[str, Any]:
    have = call.has_permission(_PERMISSIONS[name], None if name == "ADMINISTER" else project)
    if name == "BROWSE_PROJECTS" and project:
        have = call.caller.can_see(call.site.projects[project])
    kind = "GLOBAL" if name == "ADMINISTER" else "PROJECT"
    return {"id": name, "key": name, "name": name, "type": kind, "description": "", "havePermission": have}


def get_project(call: JiraCall, key: str) -> dict[str, Any]:
    return call.serializer.project(call.project(key))


def list_statuses(call: JiraCall) -> list[dict[str, Any]]:
    """Return all statuses of the projects that the caller may see."""
    known = {
        name: category
        for each in call.site.projects.values()
        if call.caller.can_see(each)
        for name, category in each.statuses.items()
    }
    return [call.serializer.status(name, category) for name, category in known.items()]
