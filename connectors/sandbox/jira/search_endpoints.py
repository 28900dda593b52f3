"""Search endpoints of the Jira sandbox: pages by token on Cloud, by ``startAt`` on Data Center."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connectors.sandbox.core.tracker import TrackerRequest, TrackerResponse
from connectors.sandbox.jira.jql_evaluator import JqlEvaluator
from connectors.sandbox.jira.jql_parser import JqlError, JqlQuery, parse_jql
from connectors.sandbox.jira.model import JiraCaller, JiraIssue
from connectors.sandbox.jira.page_tokens import decode_page_token, encode_page_token
from connectors.sandbox.jira.request_checks import (
    JiraApiError,
    parse_integer,
    parse_names,
    require_json_object,
)
from connectors.sandbox.jira.serializer import JiraSerializer
from connectors.sandbox.jira.site import JiraSiteState

_ID_FIELDS: Final = frozenset({"id", "key"})
_MAX_ORDER_FIELDS: Final = 7
_REMOVED_API_MESSAGE: Final = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration "
    "guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)


def reject_removed_search(
    _site: JiraSiteState, _caller: JiraCaller, _request: TrackerRequest
) -> TrackerResponse:
    """Cloud: reject the old search API."""
    raise JiraApiError(410, _REMOVED_API_MESSAGE)


def search_by_token(site: JiraSiteState, caller: JiraCaller, request: TrackerRequest) -> TrackerResponse:
    """Cloud: return one page; no total; the last page has no token."""
    parameters = _parameters(request, lists=("fields", "properties"))
    jql = str(parameters.get("jql") or "")
    query = _require_bounded(_parse_jql(jql))
    fields = parse_names(parameters.get("fields")) or ["id"]
    properties = parse_names(parameters.get("properties"))
    if len(properties) > 5:
        raise JiraApiError(400, "At most 5 issue properties can be parameters for.")
    limit = parse_integer(parameters.get("maxResults"), "maxResults", 50)
    if not 1 <= limit <= 5000:
        raise JiraApiError(400, "The value of 'maxResults' must be between 1 and 5000.")
    light = _ID_FIELDS.issuperset(fields) and not properties and not parameters.get("expand")
    size = min(limit, site.switches.id_page_cap if light else site.switches.page_cap)
    start = decode_page_token(parameters.get("nextPageToken"), jql)
    found = _find(site, caller, query)
    page = found[start : start + size]
    last = start + size >= len(found)
    data: dict[str, Any] = {"issues": _rows(site, caller, page, fields, parameters), "isLast": last}
    if not last:
        data["nextPageToken"] = encode_page_token(start + size, jql)
    return TrackerResponse(data=data)


def count_issues(site: JiraSiteState, caller: JiraCaller, request: TrackerRequest) -> TrackerResponse:
    query = _require_bounded(_parse_jql(str(require_json_object(request).get("jql") or "")))
    return TrackerResponse(data={"count": len(_find(site, caller, query))})


def search_by_start(site: JiraSiteState, caller: JiraCaller, request: TrackerRequest) -> TrackerResponse:
    """Data Center: return one page from ``startAt``, with the exact total and the effective page size."""
    parameters = _parameters(request, lists=("fields",))
    query = _parse_jql(str(parameters.get("jql") or ""))
    start = max(0, parse_integer(parameters.get("startAt"), "startAt", 0))
    limit = parse_integer(parameters.get("maxResults"), "maxResults", 50)
    cap = site.switches.dc_page_cap
    size = cap if limit < 0 else min(limit, cap)
    if start + size > site.switches.window:
        raise JiraApiError(
            500, f"The search limit has been exceeded: results beyond {site.switches.window} cannot be read."
        )
    fields = parse_names(parameters.get("fields")) or ["*navigable"]
    found = _find(site, caller, query)
    page = _rows(site, caller, found[start : start + size], fields, parameters)
    return TrackerResponse(
        data={
            "expand": "schema,names",
            "startAt": start,
            "maxResults": size,
            "total": len(found),
            "issues": page,
        }
    )


def _parameters(request: TrackerRequest, lists: tuple[str, ...]) -> Mapping[str, Any]:
    if request.method == "GET":
        return request.query
    body = require_json_object(request)
    for name in lists:
        if body.get(name) is not None and not isinstance(body[name], list):
            raise JiraApiError(400, f"Can not deserialize '{name}': it has to be an array of strings.")
    return body


def _parse_jql(jql: str) -> JqlQuery:
    try:
        return parse_jql(jql)
    except JqlError as error:
        raise JiraApiError(400, str(error)) from error
    except RecursionError as error:
        raise _nested_too_deeply() from error


def _nested_too_deeply() -> JiraApiError:
    return JiraApiError(400, "Error in the JQL Query: it is nested too deeply.")


def _require_bounded(query: JqlQuery) -> JqlQuery:
    if query.where is None:
        raise JiraApiError(
            400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
        )
    if len(query.order_by) > _MAX_ORDER_FIELDS:
        raise JiraApiError(400, f"At most {_MAX_ORDER_FIELDS} fields are allowed in ORDER BY.")
    return query


def _find(site: JiraSiteState, caller: JiraCaller, query: JqlQuery) -> list[JiraIssue]:
    """Return all issues that a query matches. The pages of one search share the result while nothing changes."""
    moment = site.clock.now().replace(second=0, microsecond=0)
    key = (site.revision, caller.account, query, moment)
    if site.search_lag or site.last_search is None or site.last_search[0] != key:
        try:
            site.last_search = (key, JqlEvaluator(site, caller).find(query))
        except JqlError as error:
            raise JiraApiError(400, str(error)) from error
        except RecursionError as error:
            raise _nested_too_deeply() from error
    return site.last_search[1]


def _rows(
    site: JiraSiteState,
    caller: JiraCaller,
    issues: list[JiraIssue],
    fields: list[str],
    parameters: Mapping[str, Any],
) -> list[dict[str, Any]]:
    serializer = JiraSerializer(site, caller)
    return [_row(serializer, issue, fields, parameters) for issue in issues]


def _row(
    serializer: JiraSerializer, issue: JiraIssue, fields: list[str], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    properties = parse_names(parameters.get("properties")) if serializer.site.is_cloud else []
    expand = parse_names(parameters.get("expand"))
    if fields == ["id"] and not properties and not expand:
        return {"id": str(issue.id)}
    row = serializer.issue(issue, fields, in_search=True, expand=expand)
    if not row["fields"] and _ID_FIELDS.issuperset(fields):
        del row["fields"]
    if properties:
        row["properties"] = {name: issue.properties[name] for name in properties if name in issue.properties}
    return row
