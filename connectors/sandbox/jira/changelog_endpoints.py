"""The bulk changelog of an embedded Jira Cloud: what happened to many issues, oldest first."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, Final

from connectors.sandbox.core.tracker import Request, Response
from connectors.sandbox.jira.model import Caller, HistoryEntry, Issue, field_id
from connectors.sandbox.jira.request_checks import Refusal, json_object, names, whole_number
from connectors.sandbox.jira.serializer import Shapes
from connectors.sandbox.jira.site import JiraState

_MOST_ISSUES: Final = 1000
_MOST_FIELDS: Final = 10
_MOST_ENTRIES: Final = 10_000


def bulk_fetch(site: JiraState, caller: Caller, request: Request) -> Response:
    """Entries of the named fields, by time over all issues and then grouped by issue; times in milliseconds.
    Issues that are not there or not seen are left out without a word."""
    asked = json_object(request)
    issues = names(asked.get("issueIdsOrKeys"))
    fields = names(asked.get("fieldIds"))
    if not 1 <= len(issues) <= _MOST_ISSUES:
        raise Refusal(400, f"Between 1 and {_MOST_ISSUES} issue ids or keys are needed.")
    if len(fields) > _MOST_FIELDS:
        raise Refusal(400, f"At most {_MOST_FIELDS} field ids can be given.")
    size = whole_number(asked.get("maxResults"), "maxResults", _MOST_ISSUES)
    if not 1 <= size <= _MOST_ENTRIES:
        raise Refusal(400, f"The value of 'maxResults' must be between 1 and {_MOST_ENTRIES}.")
    size = min(size, site.switches.changelog_page_cap)
    of = hashlib.sha256(json.dumps([issues, fields]).encode()).hexdigest()[:16]
    start = _offset(asked.get("nextPageToken"), of)
    entries = _entries(site, caller, issues, frozenset(fields))
    shapes = Shapes(site, caller)
    logs: dict[int, list[dict[str, Any]]] = {}
    for issue, entry in entries[start : start + size]:
        shape = shapes.history(entry, frozenset(fields))
        logs.setdefault(issue.id, []).append({**shape, "created": int(entry.at.timestamp() * 1000)})
    told = [{"issueId": str(number), "changeHistories": listed} for number, listed in logs.items()]
    data: dict[str, Any] = {"issueChangeLogs": told}
    if start + size < len(entries):
        data["nextPageToken"] = base64.urlsafe_b64encode(json.dumps([start + size, of]).encode()).decode()
    return Response(data=data)


def _entries(
    site: JiraState, caller: Caller, asked: list[str], fields: frozenset[str]
) -> list[tuple[Issue, HistoryEntry]]:
    there = (site.issue(each) for each in asked)
    seen = {issue.id: issue for issue in there if issue and caller.sees(site.projects.get(issue.project))}
    found = [
        (issue, entry)
        for issue in seen.values()
        for entry in issue.history
        if not fields or any(field_id(item.field) in fields for item in entry.items)
    ]
    return sorted(found, key=lambda pair: (pair[1].at, pair[0].id, pair[1].id))


def _offset(token: object, of: str) -> int:
    if not token:
        return 0
    try:
        offset, asked = json.loads(base64.urlsafe_b64decode(str(token)))
        start = max(0, int(offset))
    except (ValueError, TypeError) as error:
        raise Refusal(400, "The provided next page token is invalid.") from error
    if asked != of:
        raise Refusal(400, "The provided next page token belongs to another request.")
    return start
