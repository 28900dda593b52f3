"""Endpoints of the Jira sandbox for comments and their properties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from connectors.sandbox.core.tracker import TrackerResponse
from connectors.sandbox.jira.adf import adf_to_text, is_adf
from connectors.sandbox.jira.call import JiraApiError, JiraCall, field_error, parse_integer
from connectors.sandbox.jira.model import JiraComment, JiraIssue
from connectors.sandbox.jira.properties import parse_properties, require_property, serialize_property

_MAX_COMMENTS: Final = 5000
_INTERNAL_COMMENT_PROPERTY: Final = "sd.public.comment"


def list_comments(call: JiraCall, key: str) -> dict[str, Any]:
    """Return a page of an issue's comments, oldest first; for properties see ``_serialize_comment``."""
    issue, query = call.issue(key), call.request.query
    start = max(0, parse_integer(query, "startAt", 0))
    size = max(0, parse_integer(query, "maxResults", 50))
    size = min(size, 100 if call.site.is_cloud else 1000)
    newest_first = query.get("orderBy", "").startswith("-")
    comments = issue.comments[::-1] if newest_first else issue.comments
    page = [_serialize_comment(call, issue, comment) for comment in comments[start : start + size]]
    return {"startAt": start, "maxResults": size, "total": len(comments), "comments": page}


def get_comment(call: JiraCall, key: str, comment_id: str) -> dict[str, Any]:
    issue = call.issue(key)
    return _serialize_comment(call, issue, _require_comment(issue, comment_id))


def _serialize_comment(call: JiraCall, issue: JiraIssue, comment: JiraComment) -> dict[str, Any]:
    """Return a comment as in a read.

    Data Center accepts ``expand=properties`` here (pycontribs/jira#1011); Cloud documents only ``renderedBody``.
    """
    expanded = not call.site.is_cloud and call.expands("properties")
    return call.serializer.comment(issue, comment, with_properties=expanded)


def create_comment(call: JiraCall, key: str) -> TrackerResponse:
    """Create a comment and mail the watchers; no parameter suppresses that."""
    issue = call.issue(key)
    comment = build_comment(call, issue, call.body)
    issue = call.site.store_comment(issue, comment)
    call.site.notify(issue, comment.author, "comment created", comment.body)
    return TrackerResponse(status=201, data=call.serializer.comment(issue, comment))


def build_comment(call: JiraCall, issue: JiraIssue, body: Mapping[str, Any]) -> JiraComment:
    """Return the comment of a request body, with permission and text checked; nothing is stored yet."""
    site, by = call.site, call.account_id
    if not call.has_permission("comment", issue.project):
        message = "You do not have permission to comment on this issue."
        raise JiraApiError(403, message) if site.is_cloud else field_error("comment", message)
    if len(issue.comments) >= _MAX_COMMENTS and site.is_cloud:
        raise JiraApiError(413, f"The issue has the maximum of {_MAX_COMMENTS} comments.")
    text, document = _parse_body(call, body.get("body"))
    now = site.clock.now()
    comment = JiraComment(id=site.new_id(), author=by, body=text, document=document, created=now, updated=now)
    return _add_properties(call, issue, comment, parse_properties(body))


def update_comment(call: JiraCall, key: str, comment_id: str) -> dict[str, Any]:
    """Replace the text; set the given properties and keep all others."""
    site, issue = call.site, call.issue(key)
    old = _require_comment(issue, comment_id)
    by = _require_editor(call, issue, old)
    text, document = _parse_body(call, call.body.get("body"))
    new = replace(old, body=text, document=document, editor=by, updated=site.clock.now())
    new = _add_properties(call, issue, new, parse_properties(call.body))
    issue = site.store_comment(issue, new)
    if call.notifies_users or not site.is_cloud:
        site.notify(issue, by, "comment edited")
    return call.serializer.comment(issue, new)


def delete_comment(call: JiraCall, key: str, comment_id: str) -> TrackerResponse:
    """Delete a comment and mail the watchers, as sites do by default."""
    issue = call.issue(key)
    comment = _require_comment(issue, comment_id)
    by = _require_editor(call, issue, comment)
    call.site.delete_comment(issue.key, comment.id, by)
    call.site.notify(issue, by, "comment deleted")
    return TrackerResponse(status=204)


def list_comments_by_id(call: JiraCall) -> dict[str, Any]:
    """Cloud: return comments by id, with their properties if expanded."""
    ids = call.body.get("ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= 1000:
        raise JiraApiError(400, "Between 1 and 1000 comment ids are needed.")
    requested_ids = {parse_integer({"ids": each}, "ids", 0) for each in ids}
    with_properties = call.expands("properties")
    values = [
        call.serializer.comment(issue, comment, with_properties=with_properties)
        for issue in call.site.issues()
        if call.can_see(issue)
        for comment in issue.comments
        if comment.id in requested_ids
    ]
    return {"startAt": 0, "maxResults": 1000, "total": len(values), "isLast": True, "values": values}


# Properties of a comment.


def list_property_keys(call: JiraCall, comment_id: str) -> dict[str, Any]:
    _, comment = _require_visible_comment(call, comment_id)
    link = call.serializer.api_url(f"comment/{comment.id}/properties")
    return {"keys": [{"self": f"{link}/{name}", "key": name} for name in comment.properties]}


def get_comment_property(call: JiraCall, comment_id: str, name: str) -> dict[str, Any]:
    _, comment = _require_visible_comment(call, comment_id)
    return serialize_property(comment.properties, name)


def set_comment_property(call: JiraCall, comment_id: str, name: str) -> TrackerResponse:
    """Set one property; neither comment nor issue count as updated."""
    issue, comment = _require_visible_comment(call, comment_id)
    _require_editor(call, issue, comment)
    value = parse_properties({"properties": [{"key": name, "value": call.request.json}]})
    _replace_comment(call, issue, _add_properties(call, issue, comment, value))
    return TrackerResponse(status=200 if name in comment.properties else 201)


def delete_comment_property(call: JiraCall, comment_id: str, name: str) -> TrackerResponse:
    issue, comment = _require_visible_comment(call, comment_id)
    _require_editor(call, issue, comment)
    require_property(comment.properties, name)
    others = {key: value for key, value in comment.properties.items() if key != name}
    _replace_comment(call, issue, replace(comment, properties=others))
    return TrackerResponse(status=204)


def _require_comment(issue: JiraIssue, comment_id: str) -> JiraComment:
    for comment in issue.comments:
        if str(comment.id) == comment_id:
            return comment
    raise _comment_not_found(comment_id)


def _require_visible_comment(call: JiraCall, comment_id: str) -> tuple[JiraIssue, JiraComment]:
    found = call.site.find_comment(int(comment_id))
    if found is None or not call.can_see(found[0]):
        raise _comment_not_found(comment_id)
    return found


def _comment_not_found(comment_id: str) -> JiraApiError:
    return JiraApiError(404, f"Can not find a comment for the id: {comment_id}.")


def _require_editor(call: JiraCall, issue: JiraIssue, comment: JiraComment) -> str:
    by = call.account_id
    own = comment.author == by and call.has_permission("comment", issue.project)
    if not own and not call.has_permission("edit_all_comments", issue.project):
        status = 403 if call.site.is_cloud else 400
        raise JiraApiError(status, "You do not have the permission for this comment.")
    return by


def _parse_body(call: JiraCall, body: object) -> tuple[str, Any]:
    """Return the text of a comment body, and the document if it was sent as one."""
    text, document = body, None
    if call.caller.version == "3":
        if not is_adf(body):
            raise field_error("comment", "Comment body is not valid!")
        text, document = adf_to_text(body), body
    if not isinstance(text, str):
        raise field_error("comment", "Operation value must be a string")
    if not text.strip():
        raise field_error("comment", "Comment body can not be empty!")
    limit = call.site.switches.text_limit
    if len(text) > limit:
        message = f"The entered text is too long. It exceeds the allowed limit of {limit:,} characters."
        raise field_error("comment", message)
    if "\x00" in text:
        raise field_error("comment", "The text contains characters that cannot be stored.")
    return text, document


def _add_properties(
    call: JiraCall, issue: JiraIssue, comment: JiraComment, properties: Mapping[str, Any]
) -> JiraComment:
    every = {**comment.properties, **properties}
    internal = every.get(_INTERNAL_COMMENT_PROPERTY)
    service = call.site.projects[issue.project].service_management
    hidden = service and isinstance(internal, dict) and bool(internal.get("internal"))
    return replace(comment, properties=every, public=not hidden)


def _replace_comment(call: JiraCall, issue: JiraIssue, comment: JiraComment) -> None:
    comments = tuple(comment if each.id == comment.id else each for each in issue.comments)
    call.site.update_silently(issue, comments=comments)
