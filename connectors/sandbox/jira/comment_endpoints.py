"""Comments of an embedded Jira and their properties."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from connectors.sandbox.core.tracker import Request, Response
from connectors.sandbox.jira.adf import flattened, is_document
from connectors.sandbox.jira.model import Caller, Comment, Issue
from connectors.sandbox.jira.request_checks import (
    Refusal,
    account_id,
    entries,
    flag,
    json_object,
    may,
    visible_issue,
    whole_number,
)
from connectors.sandbox.jira.serializer import Shapes
from connectors.sandbox.jira.site import JiraState

_MAX_PROPERTY: Final = 32_768
_MAX_COMMENTS: Final = 5000
_INTERNAL: Final = "sd.public.comment"


def read_page(site: JiraState, caller: Caller, request: Request, key: str) -> Response:
    """A page of an issue's comments, oldest first; properties only on Data Center, see ``_expanded``."""
    issue = visible_issue(site, caller, key)
    start = max(0, whole_number(request.query.get("startAt"), "startAt", 0))
    size = max(0, whole_number(request.query.get("maxResults"), "maxResults", 50))
    size = min(size, 100 if site.is_cloud else 1000)
    newest_first = request.query.get("orderBy", "").startswith("-")
    comments = list(reversed(issue.comments)) if newest_first else list(issue.comments)
    shapes = Shapes(site, caller)
    page = [_expanded(site, request, shapes, issue, comment) for comment in comments[start : start + size]]
    return Response(data={"startAt": start, "maxResults": size, "total": len(comments), "comments": page})


def read(site: JiraState, caller: Caller, request: Request, key: str, comment_id: str) -> Response:
    issue = visible_issue(site, caller, key)
    comment = _comment(issue, comment_id)
    return Response(data=_expanded(site, request, Shapes(site, caller), issue, comment))


def _expanded(
    site: JiraState, request: Request, shapes: Shapes, issue: Issue, comment: Comment
) -> dict[str, Any]:
    """A comment as a read gives it. Data Center takes ``expand=properties`` here (pycontribs/jira#1011); Cloud
    documents only ``renderedBody``."""
    asked = not site.is_cloud and "properties" in request.query.get("expand", "")
    return {**shapes.comment(issue, comment), **({"properties": _listed(comment)} if asked else {})}


def create(site: JiraState, caller: Caller, request: Request, key: str) -> Response:
    """A new comment, which mails the watchers; there is no switch against it."""
    issue = visible_issue(site, caller, key)
    comment = drafted(site, caller, issue, json_object(request))
    issue = site.put_comment(issue, comment)
    site.notify(issue, comment.author, "comment created", comment.body)
    return Response(status=201, data=Shapes(site, caller).comment(issue, comment))


def drafted(site: JiraState, caller: Caller, issue: Issue, body: Mapping[str, Any]) -> Comment:
    """The comment that a body asks for, after checking the right and the text; nothing is changed yet."""
    by = account_id(caller)
    if not may(caller, "comment", issue.project):
        message = "You do not have permission to comment on this issue."
        raise Refusal(403, message) if site.is_cloud else Refusal(400, errors={"comment": message})
    if len(issue.comments) >= _MAX_COMMENTS and site.is_cloud:
        raise Refusal(413, f"The issue has the maximum of {_MAX_COMMENTS} comments.")
    text, document = _text(site, caller, body.get("body"))
    now = site.clock.now()
    comment = Comment(id=site.next_id(), author=by, body=text, document=document, created=now, updated=now)
    return _with_properties(site, issue, comment, properties_in(body))


def update(site: JiraState, caller: Caller, request: Request, key: str, comment_id: str) -> Response:
    """Replace the text; properties that are sent are set, others stay."""
    issue = visible_issue(site, caller, key)
    old = _comment(issue, comment_id)
    by = _editor(site, caller, issue, old)
    body = json_object(request)
    text, document = _text(site, caller, body.get("body"))
    new = replace(old, body=text, document=document, editor=by, updated=site.clock.now())
    new = _with_properties(site, issue, new, properties_in(body))
    issue = site.put_comment(issue, new)
    if flag(request, "notifyUsers", True) or not site.is_cloud:
        site.notify(issue, by, "comment edited")
    return Response(data=Shapes(site, caller).comment(issue, new))


def delete(site: JiraState, caller: Caller, _request: Request, key: str, comment_id: str) -> Response:
    """Mails the watchers, as a site does whose notification scheme has recipients for that event."""
    issue = visible_issue(site, caller, key)
    comment = _comment(issue, comment_id)
    by = _editor(site, caller, issue, comment)
    site.delete_comment(issue.key, comment.id, by)
    site.notify(issue, by, "comment deleted")
    return Response(status=204)


def read_many(site: JiraState, caller: Caller, request: Request) -> Response:
    """Cloud: comments by id, with their properties when asked to expand them."""
    ids = json_object(request).get("ids")
    if not isinstance(ids, list) or not 1 <= len(ids) <= 1000:
        raise Refusal(400, "Between 1 and 1000 comment ids are needed.")
    shapes = Shapes(site, caller)
    with_properties = "properties" in request.query.get("expand", "")
    wanted = {whole_number(each, "ids", 0) for each in ids}
    values = []
    for issue in site.issues():
        if not caller.sees(site.projects.get(issue.project)):
            continue
        for comment in issue.comments:
            if comment.id in wanted:
                extra = {"properties": _listed(comment)} if with_properties else {}
                values.append({**shapes.comment(issue, comment), **extra})
    total = len(values)
    return Response(data={"startAt": 0, "maxResults": 1000, "total": total, "isLast": True, "values": values})


# Properties of a comment.


def property_keys(site: JiraState, caller: Caller, _request: Request, comment_id: str) -> Response:
    _, comment = _held(site, caller, comment_id)
    link = Shapes(site, caller).link(f"comment/{comment.id}/properties")
    return Response(data={"keys": [{"self": f"{link}/{name}", "key": name} for name in comment.properties]})


def read_property(site: JiraState, caller: Caller, _request: Request, comment_id: str, name: str) -> Response:
    _, comment = _held(site, caller, comment_id)
    if name not in comment.properties:
        raise Refusal(404, f"The property with key '{name}' does not exist.")
    return Response(data={"key": name, "value": comment.properties[name]})


def write_property(site: JiraState, caller: Caller, request: Request, comment_id: str, name: str) -> Response:
    """Set one property; neither comment nor issue count as updated by that."""
    issue, comment = _held(site, caller, comment_id)
    _editor(site, caller, issue, comment)
    value = properties_in({"properties": [{"key": name, "value": request.json}]})
    _put_silently(site, issue, _with_properties(site, issue, comment, value))
    return Response(status=200 if name in comment.properties else 201)


def delete_property(
    site: JiraState, caller: Caller, _request: Request, comment_id: str, name: str
) -> Response:
    issue, comment = _held(site, caller, comment_id)
    _editor(site, caller, issue, comment)
    if name not in comment.properties:
        raise Refusal(404, f"The property with key '{name}' does not exist.")
    kept = {key: value for key, value in comment.properties.items() if key != name}
    _put_silently(site, issue, replace(comment, properties=kept))
    return Response(status=204)


def properties_in(body: Mapping[str, Any]) -> dict[str, Any]:
    """The ``properties: [{key, value}]`` of a body. Refusal 400 beyond Jira's limits."""
    found: dict[str, Any] = {}
    for entry in entries(body.get("properties"), "properties"):
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str) or entry.get("value") is None:
            raise Refusal(400, "A property needs a key and a JSON value.")
        if len(entry["key"]) > 255:
            raise Refusal(400, "The property key cannot be longer than 255 characters.")
        if len(json.dumps(entry["value"])) > _MAX_PROPERTY:
            raise Refusal(400, f"The property value cannot be longer than {_MAX_PROPERTY} characters.")
        found[entry["key"]] = entry["value"]
    return found


def _listed(comment: Comment) -> list[dict[str, Any]]:
    return [{"key": name, "value": value} for name, value in comment.properties.items()]


def _comment(issue: Issue, comment_id: str) -> Comment:
    for comment in issue.comments:
        if str(comment.id) == comment_id:
            return comment
    raise Refusal(404, f"Can not find a comment for the id: {comment_id}.")


def _held(site: JiraState, caller: Caller, comment_id: str) -> tuple[Issue, Comment]:
    held = site.comment_holder(int(comment_id))
    if held is None or not caller.sees(site.projects.get(held[0].project)):
        raise Refusal(404, f"Can not find a comment for the id: {comment_id}.")
    return held


def _editor(site: JiraState, caller: Caller, issue: Issue, comment: Comment) -> str:
    by = account_id(caller)
    own = comment.author == by and may(caller, "comment", issue.project)
    if not own and not may(caller, "edit_all_comments", issue.project):
        raise Refusal(403 if site.is_cloud else 400, "You do not have the permission for this comment.")
    return by


def _text(site: JiraState, caller: Caller, body: object) -> tuple[str, Any]:
    """The text of a comment body, and the document when it was sent as one."""
    if caller.version == "3":
        if not is_document(body):
            raise Refusal(400, errors={"comment": "Comment body is not valid!"})
        text, document = flattened(body), body
    else:
        if not isinstance(body, str):
            raise Refusal(400, errors={"comment": "Operation value must be a string"})
        text, document = body, None
    limit = site.switches.text_limit
    if not text.strip():
        raise Refusal(400, errors={"comment": "Comment body can not be empty!"})
    if len(text) > limit:
        message = f"The entered text is too long. It exceeds the allowed limit of {limit:,} characters."
        raise Refusal(400, errors={"comment": message})
    if "\x00" in text:
        raise Refusal(400, errors={"comment": "The text contains characters that cannot be stored."})
    return text, document


def _with_properties(
    site: JiraState, issue: Issue, comment: Comment, properties: Mapping[str, Any]
) -> Comment:
    every = {**comment.properties, **properties}
    internal = every.get(_INTERNAL)
    service = site.projects[issue.project].service_management
    hidden = service and isinstance(internal, dict) and bool(internal.get("internal"))
    return replace(comment, properties=every, public=not hidden)


def _put_silently(site: JiraState, issue: Issue, comment: Comment) -> None:
    comments = tuple(comment if each.id == comment.id else each for each in issue.comments)
    site.put_silently(issue, comments=comments)
