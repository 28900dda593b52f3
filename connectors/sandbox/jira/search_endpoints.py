"""Searches of an embedded Jira: token-paged and bounded on Cloud, startAt-paged on Data Center."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from connectors.sandbox.core.tracker import Request, Response
from connectors.sandbox.jira.jql_evaluator import Evaluator
from connectors.sandbox.jira.jql_parser import JqlError, Query, parse
from connectors.sandbox.jira.model import Caller, Issue
from connectors.sandbox.jira.request_checks import Refusal, json_object, names, whole_number
from connectors.sandbox.jira.serializer import Shapes
from connectors.sandbox.jira.site import JiraState

_LIGHT: Final = frozenset({"id", "key"})
_MAX_ORDER_FIELDS: Final = 7
_REMOVED: Final = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration "
    "guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)


def removed(_site: JiraState, _caller: Caller, _request: Request) -> Response:
    """The old search on Cloud."""
    raise Refusal(410, _REMOVED)


def search_by_token(site: JiraState, caller: Caller, request: Request) -> Response:
    """Cloud: one page; no total; the token is absent on the last page."""
    asked = _asked(request, lists=("fields", "properties"))
    jql = str(asked.get("jql") or "")
    query = _bounded(_parsed(jql))
    fields = names(asked.get("fields")) or ["id"]
    properties = names(asked.get("properties"))
    if len(properties) > 5:
        raise Refusal(400, "At most 5 issue properties can be asked for.")
    limit = whole_number(asked.get("maxResults"), "maxResults", 50)
    if not 1 <= limit <= 5000:
        raise Refusal(400, "The value of 'maxResults' must be between 1 and 5000.")
    light = _LIGHT.issuperset(fields) and not properties and not asked.get("expand")
    size = min(limit, site.switches.id_page_cap if light else site.switches.page_cap)
    start = _offset(asked.get("nextPageToken"), jql)
    found = _find(site, caller, query)
    page = found[start : start + size]
    last = start + size >= len(found)
    data: dict[str, Any] = {"issues": _rows(site, caller, page, fields, asked), "isLast": last}
    if not last:
        data["nextPageToken"] = _token(start + size, jql)
    return Response(data=data)


def approximate_count(site: JiraState, caller: Caller, request: Request) -> Response:
    query = _bounded(_parsed(str(json_object(request).get("jql") or "")))
    return Response(data={"count": len(_find(site, caller, query))})


def search_by_start(site: JiraState, caller: Caller, request: Request) -> Response:
    """Data Center: one page from ``startAt``, with the exact total and the page size that was granted."""
    asked = _asked(request, lists=("fields",))
    query = _parsed(str(asked.get("jql") or ""))
    start = max(0, whole_number(asked.get("startAt"), "startAt", 0))
    limit = whole_number(asked.get("maxResults"), "maxResults", 50)
    cap = site.switches.dc_page_cap
    size = cap if limit < 0 else min(limit, cap)
    if start + size > site.switches.window:
        raise Refusal(
            500, f"The search limit has been exceeded: results beyond {site.switches.window} cannot be read."
        )
    fields = names(asked.get("fields")) or ["*navigable"]
    found = _find(site, caller, query)
    page = _rows(site, caller, found[start : start + size], fields, asked)
    return Response(
        data={
            "expand": "schema,names",
            "startAt": start,
            "maxResults": size,
            "total": len(found),
            "issues": page,
        }
    )


def _asked(request: Request, lists: tuple[str, ...]) -> Mapping[str, Any]:
    if request.method == "GET":
        return request.query
    body = json_object(request)
    for name in lists:
        if body.get(name) is not None and not isinstance(body[name], list):
            raise Refusal(400, f"Can not deserialize '{name}': it has to be an array of strings.")
    return body


def _parsed(jql: str) -> Query:
    try:
        return parse(jql)
    except JqlError as error:
        raise Refusal(400, str(error)) from error
    except RecursionError as error:
        raise Refusal(400, "Error in the JQL Query: it is nested too deeply.") from error


def _bounded(query: Query) -> Query:
    if query.where is None:
        raise Refusal(
            400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
        )
    if len(query.order) > _MAX_ORDER_FIELDS:
        raise Refusal(400, f"At most {_MAX_ORDER_FIELDS} fields are allowed in ORDER BY.")
    return query


def _find(site: JiraState, caller: Caller, query: Query) -> list[Issue]:
    """All that a query selects. The pages of one search share the work while nothing changes."""
    moment = site.clock.now().replace(second=0, microsecond=0)
    key = (site.revision, caller.account, query, moment)
    if site.search_lag or site.last_search is None or site.last_search[0] != key:
        try:
            site.last_search = (key, Evaluator(site, caller).find(query))
        except JqlError as error:
            raise Refusal(400, str(error)) from error
    return site.last_search[1]


def _rows(
    site: JiraState, caller: Caller, issues: list[Issue], fields: list[str], asked: Mapping[str, Any]
) -> list[dict[str, Any]]:
    shapes = Shapes(site, caller)
    return [_row(shapes, issue, fields, asked) for issue in issues]


def _row(shapes: Shapes, issue: Issue, fields: list[str], asked: Mapping[str, Any]) -> dict[str, Any]:
    properties = names(asked.get("properties")) if shapes.site.is_cloud else []
    expand = names(asked.get("expand"))
    if fields == ["id"] and not properties and not expand:
        return {"id": str(issue.id)}
    row = shapes.issue(issue, fields, in_search=True, expand=expand)
    if not row["fields"] and _LIGHT.issuperset(fields):
        del row["fields"]
    if properties:
        row["properties"] = {name: issue.properties[name] for name in properties if name in issue.properties}
    return row


def _digest(jql: str) -> str:
    return hashlib.sha256(jql.encode()).hexdigest()[:16]


def _token(offset: int, jql: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([offset, _digest(jql)]).encode()).decode()


def _offset(token: object, jql: str) -> int:
    if not token:
        return 0
    try:
        offset, of_jql = json.loads(base64.urlsafe_b64decode(str(token)))
        start = max(0, int(offset))
    except (ValueError, TypeError) as error:
        raise Refusal(400, "The provided next page token is invalid.") from error
    if of_jql != _digest(jql):
        raise Refusal(400, "The provided next page token belongs to another query.")
    return start
