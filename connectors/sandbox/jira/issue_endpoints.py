"""Endpoints of the Jira sandbox for single issues and their properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connectors.sandbox.core.tracker import TrackerRequest, TrackerResponse
from connectors.sandbox.jira.comment_endpoints import build_comment, parse_properties
from connectors.sandbox.jira.model import ChangeItem, JiraCaller, JiraIssue
from connectors.sandbox.jira.request_checks import (
    JiraApiError,
    has_permission,
    parse_array,
    parse_flag,
    parse_integer,
    parse_names,
    require_account_id,
    require_json_object,
    require_visible_issue,
)
from connectors.sandbox.jira.serializer import JiraSerializer
from connectors.sandbox.jira.site import JiraSiteState

_NOT_ON_SCREEN: Final = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
_MAX_LABEL_LENGTH: Final = 255
_TEXT_FIELDS: Final = ("summary", "description")


def get_issue(site: JiraSiteState, caller: JiraCaller, request: TrackerRequest, key: str) -> TrackerResponse:
    """Return one issue, also by a former key."""
    issue = require_visible_issue(site, caller, key)
    fields = parse_names(request.query.get("fields")) or ["*all"]
    expand = parse_names(request.query.get("expand"))
    data = JiraSerializer(site, caller).issue(issue, fields, in_search=False, expand=expand)
    if requested := parse_names(request.query.get("properties")):
        everything = "*all" in requested
        data["properties"] = {
            name: value for name, value in issue.properties.items() if everything or name in requested
        }
    return TrackerResponse(data=data)


def get_changelog(
    site: JiraSiteState, caller: JiraCaller, request: TrackerRequest, key: str
) -> TrackerResponse:
    """Cloud: return a page of the history, oldest first."""
    issue = require_visible_issue(site, caller, key)
    start = max(0, parse_integer(request.query.get("startAt"), "startAt", 0))
    size = min(100, parse_integer(request.query.get("maxResults"), "maxResults", 100))
    serializer = JiraSerializer(site, caller)
    page = [serializer.history(entry) for entry in issue.history[start : start + size]]
    total = len(issue.history)
    return TrackerResponse(
        data={
            "startAt": start,
            "maxResults": size,
            "total": total,
            "isLast": start + size >= total,
            "values": page,
        }
    )


def edit_issue(site: JiraSiteState, caller: JiraCaller, request: TrackerRequest, key: str) -> TrackerResponse:
    """Change labels, texts and properties, and add comments: all of it, or nothing and an error."""
    body = require_json_object(request)
    issue = require_visible_issue(site, caller, key)
    by = require_account_id(caller)
    _check_edit_permission(site, caller, issue)
    quiet = not parse_flag(request, "notifyUsers", True)
    if quiet and not has_permission(caller, "admin", issue.project):
        if not site.is_cloud:
            raise JiraApiError(
                403,
                "To discard the user notification either admin or project admin permissions are required.",
            )
        if site.switches.notify_without_right == "dropped":
            return TrackerResponse(status=204)
        quiet = False
    update, fields = _object_field(body, "update"), _object_field(body, "fields")
    labels = _requested_labels(site, issue, update, fields)
    texts = _requested_texts(fields)
    properties = parse_properties(body)
    comments = [build_comment(site, caller, issue, addition) for addition in _requested_comments(update)]
    for comment in comments:
        issue = site.store_comment(issue, comment)
        if not quiet:
            site.notify(issue, by, "comment created", comment.body)
    _apply_changes(site, issue, labels, texts, properties, by=by, quiet=quiet)
    return TrackerResponse(status=204)


def _check_edit_permission(site: JiraSiteState, caller: JiraCaller, issue: JiraIssue) -> None:
    if has_permission(caller, "edit", issue.project):
        return
    if site.is_cloud:
        raise JiraApiError(403, "You do not have permission to edit issues in this project.")
    raise JiraApiError(400, errors={"labels": _NOT_ON_SCREEN.format("labels")})


def _object_field(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = body.get(name) or {}
    if not isinstance(part, dict):
        raise JiraApiError(400, f"Can not deserialize '{name}': it has to be an object.")
    return part


def _requested_labels(
    site: JiraSiteState, issue: JiraIssue, update: Mapping[str, Any], fields: Mapping[str, Any]
) -> set[str] | None:
    """Return the labels after the request, None if it does not change labels."""
    known = {"labels", "comment", *_TEXT_FIELDS}
    if unknown := [name for name in (*update, *fields) if name not in known]:
        raise JiraApiError(400, errors={unknown[0]: _NOT_ON_SCREEN.format(unknown[0])})
    if "labels" not in update and "labels" not in fields:
        return None
    if not site.projects[issue.project].labels_on_edit_screen:
        raise JiraApiError(400, errors={"labels": _NOT_ON_SCREEN.format("labels")})
    if "labels" in update and "labels" in fields:
        raise JiraApiError(400, "Field 'labels' cannot appear in both 'fields' and 'update'.")
    labels = set(issue.labels)
    for operation in parse_array(update.get("labels", [{"set": fields.get("labels")}]), "labels"):
        labels = _apply_label_operation(labels, operation)
    return labels


def _apply_label_operation(labels: set[str], operation: object) -> set[str]:
    if not isinstance(operation, dict) or len(operation) != 1:
        raise JiraApiError(400, errors={"labels": "One operation of 'add', 'remove' and 'set' is expected."})
    (verb, value), *_ = operation.items()
    if verb == "set" and isinstance(value, list):
        return {_validate_label(label) for label in value}
    if verb == "add":
        return labels | {_validate_label(value)}
    if verb == "remove":
        return labels - {str(value)}
    raise JiraApiError(
        400, errors={"labels": f"The operation '{verb}' is not supported for the field 'labels'."}
    )


def _validate_label(label: object) -> str:
    if not isinstance(label, str) or not label:
        raise JiraApiError(400, errors={"labels": "A label has to be a text that is not empty."})
    if any(letter.isspace() for letter in label):
        raise JiraApiError(400, errors={"labels": f"The label '{label}' contains spaces which is invalid."})
    if len(label) > _MAX_LABEL_LENGTH:
        message = (
            f"The label '{label}' exceeds the maximum length for a single label of "
            f"{_MAX_LABEL_LENGTH} characters."
        )
        raise JiraApiError(400, errors={"labels": message})
    return label


def _requested_texts(fields: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: fields[name] for name in _TEXT_FIELDS if name in fields}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise JiraApiError(400, errors={name: "Operation value must be a string"})
    return texts


def _requested_comments(update: Mapping[str, Any]) -> list[dict[str, Any]]:
    additions = []
    for operation in parse_array(update.get("comment"), "comment"):
        added = operation.get("add") if isinstance(operation, dict) else None
        if not isinstance(added, dict):
            raise JiraApiError(
                400, errors={"comment": "Only the operation 'add' with an object is supported."}
            )
        additions.append(added)
    return additions


def _apply_changes(
    site: JiraSiteState,
    issue: JiraIssue,
    labels: set[str] | None,
    texts: Mapping[str, str],
    properties: Mapping[str, Any],
    *,
    by: str,
    quiet: bool,
) -> None:
    changed = site.set_labels(issue, labels, by) if labels is not None else issue
    different = {name: text for name, text in texts.items() if getattr(changed, name) != text}
    if different:
        items = [
            ChangeItem(field=name, before=getattr(changed, name) or "", after=text)
            for name, text in different.items()
        ]
        changed = site.change(changed, by, items, **different)
    if changed is not issue and not quiet:
        site.notify(changed, by, "issue updated")
    if properties:
        site.update_silently(changed, properties={**changed.properties, **properties})


# Properties of an issue.


def get_issue_property(
    site: JiraSiteState, caller: JiraCaller, _request: TrackerRequest, key: str, name: str
) -> TrackerResponse:
    issue = require_visible_issue(site, caller, key)
    if name not in issue.properties:
        raise JiraApiError(404, f"The property with key '{name}' does not exist.")
    return TrackerResponse(data={"key": name, "value": issue.properties[name]})


def set_issue_property(
    site: JiraSiteState, caller: JiraCaller, request: TrackerRequest, key: str, name: str
) -> TrackerResponse:
    issue = require_visible_issue(site, caller, key)
    require_account_id(caller)
    if not has_permission(caller, "edit", issue.project):
        raise JiraApiError(403, "You do not have permission to edit issues in this project.")
    value = parse_properties({"properties": [{"key": name, "value": request.json}]})
    site.update_silently(issue, properties={**issue.properties, **value})
    return TrackerResponse(status=200 if name in issue.properties else 201)
