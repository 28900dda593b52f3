"""Endpoints of the Jira sandbox for comments and their properties."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from connectors.sandbox.core.tracker import TrackerRequest, TrackerResponse
from connectors.sandbox.jira.adf import adf_to_text, is_adf
from connectors.sandbox.jira.model import JiraCaller, JiraComment, JiraIssue
from connectors.sandbox.jira.request_checks import (
    JiraApiError,
    has_permission,
    parse_array,
    parse_flag,
    parse_integer,
    require_account_id,
    require_json_object,
    require_visible_issue,
)
from connectors.sandbox.jira.serializer import JiraSerializer
from connectors.sandbox.jira.site import JiraSiteState

_MAX_PROPERTY_LENGTH: Final = 32_768
_MAX_COMMENTS: Final = 5000
_INTERNAL_COMMENT_PROPERTY: Final = "sd.public.comment"


def list_comments(
    site: JiraSiteState, caller: JiraCaller, request: TrackerRequest, key: str
) -> TrackerResponse:
    """Return a page of an issue's comments, oldest first; for properties see ``_serialize_comment``."""
    issue = require_visible_issue(site, caller, key)
    start = max(0, parse_integer(request.query.get("startAt"), "startAt", 0))
    size = max(0, parse_integer(request.query.get("maxResults"), "maxResults", 50))
    size = min(size, 100 if site.is_cloud else 1000)
    newest_first = request.query.get("orderBy", "").startswith("-")
    comments = list(reversed(issue.comments)) if newest_first else list(issue.comments)
    serializer = JiraSerializer(site, caller)
    page = [
        _serialize_comment(site, request, serializer, issue, comment)
        for comment in comments[start : start + size]
    ]
    return TrackerResponse(
        data={"startAt": start, "maxResults": size, "total": len(comments), "comments": page}
    )


def get_comment(
    site: JiraSiteState, caller: JiraCaller, request: TrackerRequest, key: str, comment_id: str
) -> TrackerResponse:
    issue = require_visible_issue(site, caller, key)
    comment = _require_comment(issue, comment_id)
    return TrackerResponse(
        data=_serialize_comment(site, request, JiraSerializer(site, caller), issue, comment)
    )


def _serialize_comment(
    site: JiraSiteState,
    request: TrackerRequest,
    serializer: JiraSerializer,
    issue: JiraIssue,
    comment: JiraComment,
) -> dict[str, Any]:
    """Return a comment as in a read.

    Data Center accepts ``expand=properties`` here (pycontribs/jira#1011); Cloud documents only ``renderedBody``.
    """
    expanded = not site.is_cloud and "properties" in request.query.get("expand", "")
    return {
        **serializer.comment(issue, comment),
        **({"properties": _serialize_properties(comment)} if expanded else {}),
    }


def create_comment(
    site: JiraSiteState, caller: JiraCaller, request: TrackerRequest, key: str
) -> TrackerResponse:
    """Create a comment and mail the watchers; no parameter suppresses that."""
    issue = require_visible_issue(site, caller, key)
    comment = build_comment(site, caller, issue, require_json_object(request))
    issue = site.store_comment(issue, comment)
    site.notify(issue, comment.author, "comment created", comment.body)
    return TrackerResponse(status=201, data=JiraSerializer(site, caller).comment(issue, comment))


def build_comment(
    site: JiraSiteState, caller: JiraCaller, issue: JiraIssue, body: Mapping[str, Any]
) -> JiraComment:
    """Return the comment of a request body, with permission and text checked; nothing is stored yet."""
    by = require_account_id(caller)
    if not has_permission(caller, "comment", issue.project):
        message = "You do not have permission to comment on this issue."
        raise JiraApiError(403, message) if site.is_cloud else JiraApiError(400, errors={"comment": message})
    if len(issue.comments) >= _MAX_COMMENTS and site.is_cloud:
        raise JiraApiError(413, f"The issue has the maximum of {_MAX_COMMENTS} comments.")
    text, document = _parse_body(site, caller, body.get("body"))
    now = site.clock.now()
    comment = JiraComment(
        id=site.next_id(), author=by, body=text, document=document, created=now, updated=now
    )
    return _add_properties(site, issue, comment, parse_properties(body))


def update_comment(
    site: JiraSiteState, caller: JiraCaller, request: TrackerRequest, key: str, comment_id: str
) -> TrackerResponse:
    """Replace the text; set the given properties and keep all others."""
    issue = require_visible_issue(site, caller, key)
    old = _require_comment(issue, comment_id)
    by = _require_editor(site, caller, issue, old)
    body = require_json_object(request)
    text, document = _parse_body(site, caller, body.get("body"))
    new = replace(old, body=text, document=document, editor=by, updated=site.clock.now())
    new = _add_properties(site, issue, new, parse_properties(body))
    issue = site.store_comment(issue, new)
    if parse_flag(request, "notifyUsers", True) or not site.is_cloud:
        site.notify(issue, by, "comment edited")
    return TrackerResponse(data=JiraSerializer(site, caller).comment(issue, new))


def delete_comment(
    site: JiraSiteState, caller: JiraCaller, _request: TrackerRequest, key: str, comment_id: str
) -> TrackerResponse:
    """Delete a comment and mail the watchers, as sites do by default."""
    issue = require_visible_issue(site, caller, key)
    comment = _require_comment(issue, comment_id)
    by = _require_editor(site, caller, issue, comment)
    site.delete_comment(issue.key, comment.id, by)
    site.notify(issue, by, "comment deleted")
    return TrackerResponse(status=204)


def list_comments_by_id(site: JiraSiteState, caller: JiraCaller, request: TrackerRequest) -> TrackerResponse:
    """Cloud: return comments by id, with their properties if expanded."""
    ids = require_json_object(request).get("ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= 1000:
        raise JiraApiError(400, "Between 1 and 1000 comment ids are needed.")
    serializer = JiraSerializer(site, caller)
    with_properties = "properties" in request.query.get("expand", "")
    requested_ids = {parse_integer(each, "ids", 0) for each in ids}
    values = []
    for issue in site.issues():
        if not caller.can_see(site.projects.get(issue.project)):
            continue
        for comment in issue.comments:
            if comment.id in requested_ids:
                extra = {"properties": _serialize_properties(comment)} if with_properties else {}
                values.append({**serializer.comment(issue, comment), **extra})
    total = len(values)
    return TrackerResponse(
        data={"startAt": 0, "maxResults": 1000, "total": total, "isLast": True, "values": values}
    )


# Properties of a comment.


def list_property_keys(
    site: JiraSiteState, caller: JiraCaller, _request: TrackerRequest, comment_id: str
) -> TrackerResponse:
    _, comment = _require_visible_comment(site, caller, comment_id)
    link = JiraSerializer(site, caller).api_url(f"comment/{comment.id}/properties")
    return TrackerResponse(
        data={"keys": [{"self": f"{link}/{name}", "key": name} for name in comment.properties]}
    )


def get_comment_property(
    site: JiraSiteState, caller: JiraCaller, _request: TrackerRequest, comment_id: str, name: str
) -> TrackerResponse:
    _, comment = _require_visible_comment(site, caller, comment_id)
    if name not in comment.properties:
        raise JiraApiError(404, f"The property with key '{name}' does not exist.")
    return TrackerResponse(data={"key": name, "value": comment.properties[name]})


def set_comment_property(
    site: JiraSiteState, caller: JiraCaller, request: TrackerRequest, comment_id: str, name: str
) -> TrackerResponse:
    """Set one property; neither comment nor issue count as updated."""
    issue, comment = _require_visible_comment(site, caller, comment_id)
    _require_editor(site, caller, issue, comment)
    value = parse_properties({"properties": [{"key": name, "value": request.json}]})
    _replace_comment(site, issue, _add_properties(site, issue, comment, value))
    return TrackerResponse(status=200 if name in comment.properties else 201)


def delete_comment_property(
    site: JiraSiteState, caller: JiraCaller, _request: TrackerRequest, comment_id: str, name: str
) -> TrackerResponse:
    issue, comment = _require_visible_comment(site, caller, comment_id)
    _require_editor(site, caller, issue, comment)
    if name not in comment.properties:
        raise JiraApiError(404, f"The property with key '{name}' does not exist.")
    others = {key: value for key, value in comment.properties.items() if key != name}
    _replace_comment(site, issue, replace(comment, properties=others))
    return TrackerResponse(status=204)


def parse_properties(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``properties: [{key, value}]`` of a body. JiraApiError 400 beyond Jira's limits."""
    found: dict[str, Any] = {}
    for entry in parse_array(body.get("properties"), "properties"):
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str) or entry.get("value") is None:
            raise JiraApiError(400, "A property needs a key and a JSON value.")
        if len(entry["key"]) > 255:
            raise JiraApiError(400, "The property key cannot be longer than 255 characters.")
        if len(json.dumps(entry["value"])) > _MAX_PROPERTY_LENGTH:
            raise JiraApiError(
                400, f"The property value cannot be longer than {_MAX_PROPERTY_LENGTH} characters."
            )
        found[entry["key"]] = entry["value"]
    return found


def _serialize_properties(comment: JiraComment) -> list[dict[str, Any]]:
    return [{"key": name, "value": value} for name, value in comment.properties.items()]


def _require_comment(issue: JiraIssue, comment_id: str) -> JiraComment:
    for comment in issue.comments:
        if str(comment.id) == comment_id:
            return comment
    raise JiraApiError(404, f"Can not find a comment for the id: {comment_id}.")


def _require_visible_comment(
    site: JiraSiteState, caller: JiraCaller, comment_id: str
) -> tuple[JiraIssue, JiraComment]:
    found = site.find_comment(int(comment_id))
    if found is None or not caller.can_see(site.projects.get(found[0].project)):
        raise JiraApiError(404, f"Can not find a comment for the id: {comment_id}.")
    return found


def _require_editor(site: JiraSiteState, caller: JiraCaller, issue: JiraIssue, comment: JiraComment) -> str:
    by = require_account_id(caller)
    own = comment.author == by and has_permission(caller, "comment", issue.project)
    if not own and not has_permission(caller, "edit_all_comments", issue.project):
        raise JiraApiError(403 if site.is_cloud else 400, "You do not have the permission for this comment.")
    return by


def _parse_body(site: JiraSiteState, caller: JiraCaller, body: object) -> tuple[str, Any]:
    """Return the text of a comment body, and the document if it was sent as one."""
    if caller.version == "3":
        if not is_adf(body):
            raise JiraApiError(400, errors={"comment": "Comment body is not valid!"})
        text, document = adf_to_text(body), body
    else:
        if not isinstance(body, str):
            raise JiraApiError(400, errors={"comment": "Operation value must be a string"})
        text, document = body, None
    limit = site.switches.text_limit
    if not text.strip():
        raise JiraApiError(400, errors={"comment": "Comment body can not be empty!"})
    if len(text) > limit:
        message = f"The entered text is too long. It exceeds the allowed limit of {limit:,} characters."
        raise JiraApiError(400, errors={"comment": message})
    if "\x00" in text:
        raise JiraApiError(400, errors={"comment": "The text contains characters that cannot be stored."})
    return text, document


def _add_properties(
    site: JiraSiteState, issue: JiraIssue, comment: JiraComment, properties: Mapping[str, Any]
) -> JiraComment:
    every = {**comment.properties, **properties}
    internal = every.get(_INTERNAL_COMMENT_PROPERTY)
    service = site.projects[issue.project].service_management
    hidden = service and isinstance(internal, dict) and bool(internal.get("internal"))
    return replace(comment, properties=every, public=not hidden)


def _replace_comment(site: JiraSiteState, issue: JiraIssue, comment: JiraComment) -> None:
    comments = tuple(comment if each.id == comment.id else each for each in issue.comments)
    site.update_silently(issue, comments=comments)
