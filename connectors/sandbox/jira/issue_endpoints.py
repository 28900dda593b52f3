"""Endpoints of the Jira sandbox for single issues and their properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connectors.sandbox.core.tracker import TrackerResponse
from connectors.sandbox.jira.call import (
    JiraApiError,
    JiraCall,
    field_error,
    parse_array,
    parse_integer,
    parse_names,
)
from connectors.sandbox.jira.comment_endpoints import build_comment
from connectors.sandbox.jira.model import ChangeItem, JiraIssue
from connectors.sandbox.jira.properties import parse_properties, serialize_property

_NOT_ON_SCREEN: Final = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
_NO_EDIT_PERMISSION: Final = "You do not have permission to edit issues in this project."
_MAX_LABEL_LENGTH: Final = 255
_TEXT_FIELDS: Final = ("summary", "description")


def get_issue(call: JiraCall, key: str) -> dict[str, Any]:
    """Return one issue, also by a former key."""
    issue, query = call.issue(key), call.request.query
    fields = parse_names(query.get("fields")) or ["*all"]
    data = call.serializer.issue(issue, fields, in_search=False, expand=parse_names(query.get("expand")))
    if requested := parse_names(query.get("properties")):
        everything = "*all" in requested
        data["properties"] = {
            name: value for name, value in issue.properties.items() if everything or name in requested
        }
    return data


def get_changelog(call: JiraCall, key: str) -> dict[str, Any]:
    """Cloud: return a page of the history, oldest first."""
    issue, query = call.issue(key), call.request.query
    start = max(0, parse_integer(query, "startAt", 0))
    size = min(100, parse_integer(query, "maxResults", 100))
    total = len(issue.history)
    return {
        "startAt": start,
        "maxResults": size,
        "total": total,
        "isLast": start + size >= total,
        "values": [call.serializer.history(entry) for entry in issue.history[start : start + size]],
    }


def edit_issue(call: JiraCall, key: str) -> TrackerResponse:
    """Change labels, texts and properties, and add comments: all of it, or nothing and an error."""
    site, body = call.site, call.body
    issue, by = call.issue(key), call.account_id
    _check_edit_permission(call, issue)
    quiet = not call.notifies_users
    if quiet and not call.has_permission("admin", issue.project):
        if not site.is_cloud:
            message = (
                "To discard the user notification either admin or project admin permissions are required."
            )
            raise JiraApiError(403, message)
        if site.switches.notify_without_right == "dropped":
            return TrackerResponse(status=204)
        quiet = False
    update, fields = _object_field(body, "update"), _object_field(body, "fields")
    labels = _requested_labels(call, issue, update, fields)
    texts = _requested_texts(fields)
    properties = parse_properties(body)
    comments = [build_comment(call, issue, addition) for addition in _requested_comments(update)]
    for comment in comments:
        issue = site.store_comment(issue, comment)
        if not quiet:
            site.notify(issue, by, "comment created", comment.body)
    changed = _apply_changes(call, issue, labels, texts)
    if changed is not issue and not quiet:
        site.notify(changed, by, "issue updated")
    if properties:
        site.update_silently(changed, properties={**changed.properties, **properties})
    return TrackerResponse(status=204)


def _check_edit_permission(call: JiraCall, issue: JiraIssue) -> None:
    if call.has_permission("edit", issue.project):
        return
    if call.site.is_cloud:
        raise JiraApiError(403, _NO_EDIT_PERMISSION)
    raise _not_on_screen("labels")


def _not_on_screen(field: str) -> JiraApiError:
    return field_error(field, _NOT_ON_SCREEN.format(field))


def _object_field(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = body.get(name) or {}
    if not isinstance(part, dict):
        raise JiraApiError(400, f"Can not deserialize '{name}': it has to be an object.")
    return part


def _requested_labels(
    call: JiraCall, issue: JiraIssue, update: Mapping[str, Any], fields: Mapping[str, Any]
) -> set[str] | None:
    """Return the labels after the request, None if it does not change labels."""
    known = {"labels", "comment", *_TEXT_FIELDS}
    if unknown := [name for name in (*update, *fields) if name not in known]:
        raise _not_on_screen(unknown[0])
    if "labels" not in update and "labels" not in fields:
        return None
    if not call.site.projects[issue.project].labels_on_edit_screen:
        raise _not_on_screen("labels")
    if "labels" in update and "labels" in fields:
        raise JiraApiError(400, "Field 'labels' cannot appear in both 'fields' and 'update'.")
    labels = set(issue.labels)
    for operation in parse_array(update.get("labels", [{"set": fields.get("labels")}]), "labels"):
        labels = _apply_label_operation(labels, operation)
    return labels


def _apply_label_operation(labels: set[str], operation: object) -> set[str]:
    if not isinstance(operation, dict) or len(operation) != 1:
        raise field_error("labels", "One operation of 'add', 'remove' and 'set' is expected.")
    (verb, value), *_ = operation.items()
    if verb == "set" and isinstance(value, list):
        return {_validate_label(label) for label in value}
    if verb == "add":
        return labels | {_validate_label(value)}
    if verb == "remove":
        return labels - {str(value)}
    raise field_error("labels", f"The operation '{verb}' is not supported for the field 'labels'.")


def _validate_label(label: object) -> str:
    if not isinstance(label, str) or not label:
        raise field_error("labels", "A label has to be a text that is not empty.")
    if any(letter.isspace() for letter in label):
        raise field_error("labels", f"The label '{label}' contains spaces which is invalid.")
    if len(label) > _MAX_LABEL_LENGTH:
        limit = f"the maximum length for a single label of {_MAX_LABEL_LENGTH} characters"
        raise field_error("labels", f"The label '{label}' exceeds {limit}.")
    return label


def _requested_texts(fields: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: fields[name] for name in _TEXT_FIELDS if name in fields}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise field_error(name, "Operation value must be a string")
    return texts


def _requested_comments(update: Mapping[str, Any]) -> list[dict[str, Any]]:
    additions = []
    for operation in parse_array(update.get("comment"), "comment"):
        added = operation.get("add") if isinstance(operation, dict) else None
        if not isinstance(added, dict):
            raise field_error("comment", "Only the operation 'add' with an object is supported.")
        additions.append(added)
    return additions


def _apply_changes(
    call: JiraCall, issue: JiraIssue, labels: set[str] | None, texts: Mapping[str, str]
) -> JiraIssue:
    """Return the issue with the labels and texts of the request; the same object if nothing changes."""
    by = call.account_id
    changed = call.site.set_labels(issue, labels, by) if labels is not None else issue
    different = {name: text for name, text in texts.items() if getattr(changed, name) != text}
    if different:
        items = [
            ChangeItem(field=name, before=getattr(changed, name) or "", after=text)
            for name, text in different.items()
        ]
        changed = call.site.change(changed, by, items, **different)
    return changed


# Properties of an issue.


def get_issue_property(call: JiraCall, key: str, name: str) -> dict[str, Any]:
    return serialize_property(call.issue(key).properties, name)


def set_issue_property(call: JiraCall, key: str, name: str) -> TrackerResponse:
    issue, _ = call.issue(key), call.account_id
    if not call.has_permission("edit", issue.project):
        raise JiraApiError(403, _NO_EDIT_PERMISSION)
    value = parse_properties({"properties": [{"key": name, "value": call.request.json}]})
    call.site.update_silently(issue, properties={**issue.properties, **value})
    return TrackerResponse(status=200 if name in issue.properties else 201)
