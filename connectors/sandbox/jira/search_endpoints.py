"""Search endpoints of the Jira sandbox: pages by token on Cloud, by ``startAt`` on Data Center."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from connectors.sandbox.jira.call import JiraApiError, JiraCall, parse_integer, parse_names
from connectors.sandbox.jira.jql_evaluator import JqlEvaluator
from connectors.sandbox.jira.jql_parser import JqlError, JqlQuery, parse_jql
from connectors.sandbox.jira.model import JiraIssue
from connectors.sandbox.jira.page_tokens import decode_page_token, encode_page_token

_ID_FIELDS: Final = frozenset({"id", "key"})
_MAX_ORDER_FIELDS: Final = 7
_REMOVED_API_MESSAGE: Final = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration "
    "guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)


def reject_removed_search(_call: JiraCall) -> None:
    """Cloud: reject the old search API."""
    raise JiraApiError(410, _REMOVED_API_MESSAGE)


def search_by_token(call: JiraCall) -> dict[str, Any]:
    """Cloud: return one page; no total; the last page has no token."""
    parameters = _parameters(call, lists=("fields", "properties"))
    jql = str(parameters.get("jql") or "")
    query = _parse_bounded(jql)
    fields = parse_names(parameters.get("fields")) or ["id"]
    properties = parse_names(parameters.get("properties"))
    if len(properties) > 5:
        raise JiraApiError(400, "At most 5 issue properties can be parameters for.")
    limit = parse_integer(parameters, "maxResults", 50)
    if not 1 <= limit <= 5000:
        raise JiraApiError(400, "The value of 'maxResults' must be between 1 and 5000.")
    light = _ID_FIELDS.issuperset(fields) and not properties and not parameters.get("expand")
    switches = call.site.switches
    size = min(limit, switches.id_page_cap if light else switches.page_cap)
    start = decode_page_token(parameters.get("nextPageToken"), jql)
    found = _find(call, query)
    last = start + size >= len(found)
    rows = [_row(call, issue, fields, parameters) for issue in found[start : start + size]]
    data: dict[str, Any] = {"issues": rows, "isLast": last}
    if not last:
        data["nextPageToken"] = encode_page_token(start + size, jql)
    return data


def count_issues(call: JiraCall) -> dict[str, Any]:
    return {"count": len(_find(call, _parse_bounded(str(call.body.get("jql") or ""))))}


def search_by_start(call: JiraCall) -> dict[str, Any]:
    """Data Center: return one page from ``startAt``, with the exact total and the effective page size."""
    parameters = _parameters(call, lists=("fields",))
    query = _parse(str(parameters.get("jql") or ""))
    start = max(0, parse_integer(parameters, "startAt", 0))
    limit = parse_integer(parameters, "maxResults", 50)
    cap, window = call.site.switches.dc_page_cap, call.site.switches.window
    size = cap if limit < 0 else min(limit, cap)
    if start + size > window:
        message = f"The search limit has been exceeded: results beyond {window} cannot be read."
        raise JiraApiError(500, message)
    fields = parse_names(parameters.get("fields")) or ["*navigable"]
    found = _find(call, query)
    return {
        "expand": "schema,names",
        "startAt": start,
        "maxResults": size,
        "total": len(found),
        "issues": [_row(call, issue, fields, parameters) for issue in found[start : start + size]],
    }


def _parameters(call: JiraCall, lists: tuple[str, ...]) -> Mapping[str, Any]:
    if call.request.method == "GET":
        return call.request.query
    body = call.body
    for name in lists:
        if body.get(name) is not None and not isinstance(body[name], list):
            raise JiraApiError(400, f"Can not deserialize '{name}': it has to be an array of strings.")
    return body


@contextmanager
def _jql_errors() -> Iterator[None]:
    """Turn errors in a query into JiraApiError 400."""
    try:
        yield
    except JqlError as error:
        raise JiraApiError(400, str(error)) from error
    except RecursionError as error:
        raise JiraApiError(400, "Error in the JQL Query: it is nested too deeply.") from error


def _parse(jql: str) -> JqlQuery:
    with _jql_errors():
        return parse_jql(jql)


def _parse_bounded(jql: str) -> JqlQuery:
    query = _parse(jql)
    if query.where is None:
        raise JiraApiError(
            400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
        )
    if len(query.order_by) > _MAX_ORDER_FIELDS:
        raise JiraApiError(400, f"At most {_MAX_ORDER_FIELDS} fields are allowed in ORDER BY.")
    return query


def _find(call: JiraCall, query: JqlQuery) -> list[JiraIssue]:
    """Return all issues that a query matches. The pages of one search share the result while nothing changes."""
    site = call.site
    moment = site.clock.now().replace(second=0, microsecond=0)
    key = (site.revision, call.caller.account, query, moment)
    if site.search_lag or site.last_search is None or site.last_search[0] != key:
        with _jql_errors():
            site.last_search = (key, JqlEvaluator(site, call.caller).find(query))
    return site.last_search[1]


def _row(
    call: JiraCall, issue: JiraIssue, fields: list[str], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    properties = parse_names(parameters.get("properties")) if call.site.is_cloud else []
    expand = parse_names(parameters.get("expand"))
    if fields == ["id"] and not properties and not expand:
        return {"id": str(issue.id)}
    row = call.serializer.issue(issue, fields, in_search=True, expand=expand)
    if not row["fields"] and _ID_FIELDS.issuperset(fields):
        del row["fields"]
    if properties:
        row["properties"] = {name: issue.properties[name] for name in properties if name in issue.properties}
    return row
