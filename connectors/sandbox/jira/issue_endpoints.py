"""Reading and editing single issues of an embedded Jira, and their properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connectors.sandbox.core.tracker import Request, Response
from connectors.sandbox.jira.comment_endpoints import drafted, properties_in
from connectors.sandbox.jira.model import Caller, ChangeItem, Issue
from connectors.sandbox.jira.request_checks import (
    Refusal,
    account_id,
    entries,
    flag,
    json_object,
    may,
    names,
    visible_issue,
    whole_number,
)
from connectors.sandbox.jira.serializer import Shapes
from connectors.sandbox.jira.site import JiraState

_SCREEN: Final = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
_MAX_LABEL: Final = 255
_TEXT_FIELDS: Final = ("summary", "description")


def read(site: JiraState, caller: Caller, request: Request, key: str) -> Response:
    """One issue; a former key answers with the issue under its new one."""
    issue = visible_issue(site, caller, key)
    fields = names(request.query.get("fields")) or ["*all"]
    expand = names(request.query.get("expand"))
    data = Shapes(site, caller).issue(issue, fields, in_search=False, expand=expand)
    if wanted := names(request.query.get("properties")):
        everything = "*all" in wanted
        data["properties"] = {
            name: value for name, value in issue.properties.items() if everything or name in wanted
        }
    return Response(data=data)


def changelog(site: JiraState, caller: Caller, request: Request, key: str) -> Response:
    """Cloud: a page of the history, oldest first."""
    issue = visible_issue(site, caller, key)
    start = max(0, whole_number(request.query.get("startAt"), "startAt", 0))
    size = min(100, whole_number(request.query.get("maxResults"), "maxResults", 100))
    shapes = Shapes(site, caller)
    page = [shapes.history(entry) for entry in issue.history[start : start + size]]
    total = len(issue.history)
    return Response(
        data={
            "startAt": start,
            "maxResults": size,
            "total": total,
            "isLast": start + size >= total,
            "values": page,
        }
    )


def edit(site: JiraState, caller: Caller, request: Request, key: str) -> Response:
    """Change labels, texts, properties and add comments: all of it, or nothing and the reason."""
    body = json_object(request)
    issue = visible_issue(site, caller, key)
    by = account_id(caller)
    _check_right(site, caller, issue)
    quiet = not flag(request, "notifyUsers", True)
    if quiet and not may(caller, "admin", issue.project):
        if not site.is_cloud:
            raise Refusal(
                403,
                "To discard the user notification either admin or project admin permissions are required.",
            )
        if site.switches.notify_without_right == "dropped":
            return Response(status=204)
        quiet = False
    update, fields = _part(body, "update"), _part(body, "fields")
    labels = _labels_after(site, issue, update, fields)
    texts = _texts(fields)
    properties = properties_in(body)
    comments = [drafted(site, caller, issue, addition) for addition in _comment_additions(update)]
    for comment in comments:
        issue = site.put_comment(issue, comment)
        if not quiet:
            site.notify(issue, by, "comment created", comment.body)
    _apply(site, issue, labels, texts, properties, by=by, quiet=quiet)
    return Response(status=204)


def _check_right(site: JiraState, caller: Caller, issue: Issue) -> None:
    if may(caller, "edit", issue.project):
        return
    if site.is_cloud:
        raise Refusal(403, "You do not have permission to edit issues in this project.")
    raise Refusal(400, errors={"labels": _SCREEN.format("labels")})


def _part(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = body.get(name) or {}
    if not isinstance(part, dict):
        raise Refusal(400, f"Can not deserialize '{name}': it has to be an object.")
    return part


def _labels_after(
    site: JiraState, issue: Issue, update: Mapping[str, Any], fields: Mapping[str, Any]
) -> set[str] | None:
    """The labels that the request leads to, None when it does not name any."""
    known = {"labels", "comment", *_TEXT_FIELDS}
    if unknown := [name for name in (*update, *fields) if name not in known]:
        raise Refusal(400, errors={unknown[0]: _SCREEN.format(unknown[0])})
    if "labels" not in update and "labels" not in fields:
        return None
    if not site.projects[issue.project].labels_on_edit_screen:
        raise Refusal(400, errors={"labels": _SCREEN.format("labels")})
    if "labels" in update and "labels" in fields:
        raise Refusal(400, "Field 'labels' cannot appear in both 'fields' and 'update'.")
    labels = set(issue.labels)
    for operation in entries(update.get("labels", [{"set": fields.get("labels")}]), "labels"):
        labels = _labels_by(labels, operation)
    return labels


def _labels_by(labels: set[str], operation: object) -> set[str]:
    if not isinstance(operation, dict) or len(operation) != 1:
        raise Refusal(400, errors={"labels": "One operation of 'add', 'remove' and 'set' is expected."})
    (verb, value), *_ = operation.items()
    if verb == "set" and isinstance(value, list):
        return {_checked(label) for label in value}
    if verb == "add":
        return labels | {_checked(value)}
    if verb == "remove":
        return labels - {str(value)}
    raise Refusal(400, errors={"labels": f"The operation '{verb}' is not supported for the field 'labels'."})


def _checked(label: object) -> str:
    if not isinstance(label, str) or not label:
        raise Refusal(400, errors={"labels": "A label has to be a text that is not empty."})
    if any(letter.isspace() for letter in label):
        raise Refusal(400, errors={"labels": f"The label '{label}' contains spaces which is invalid."})
    if len(label) > _MAX_LABEL:
        message = (
            f"The label '{label}' exceeds the maximum length for a single label of {_MAX_LABEL} characters."
        )
        raise Refusal(400, errors={"labels": message})
    return label


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    texts = {name: fields[name] for name in _TEXT_FIELDS if name in fields}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise Refusal(400, errors={name: "Operation value must be a string"})
    return texts


def _comment_additions(update: Mapping[str, Any]) -> list[dict[str, Any]]:
    additions = []
    for operation in entries(update.get("comment"), "comment"):
        added = operation.get("add") if isinstance(operation, dict) else None
        if not isinstance(added, dict):
            raise Refusal(400, errors={"comment": "Only the operation 'add' with an object is supported."})
        additions.append(added)
    return additions


def _apply(
    site: JiraState,
    issue: Issue,
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
        site.put_silently(changed, properties={**changed.properties, **properties})


# Properties of an issue.


def read_property(site: JiraState, caller: Caller, _request: Request, key: str, name: str) -> Response:
    issue = visible_issue(site, caller, key)
    if name not in issue.properties:
        raise Refusal(404, f"The property with key '{name}' does not exist.")
    return Response(data={"key": name, "value": issue.properties[name]})


def write_property(site: JiraState, caller: Caller, request: Request, key: str, name: str) -> Response:
    issue = visible_issue(site, caller, key)
    account_id(caller)
    if not may(caller, "edit", issue.project):
        raise Refusal(403, "You do not have permission to edit issues in this project.")
    value = properties_in({"properties": [{"key": name, "value": request.json}]})
    site.put_silently(issue, properties={**issue.properties, **value})
    return Response(status=200 if name in issue.properties else 201)
