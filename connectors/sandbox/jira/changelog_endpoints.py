"""The bulk changelog of an embedded Jira Cloud: what happened to many issues, oldest first."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, Final

from connectors.sandbox.core.tracker import TrackerRequest, TrackerResponse
from connectors.sandbox.jira.model import HistoryEntry, JiraCaller, JiraIssue, field_id
from connectors.sandbox.jira.request_checks import (
    JiraApiError,
    parse_integer,
    parse_names,
    require_json_object,
)
from connectors.sandbox.jira.serializer import JiraSerializer
from connectors.sandbox.jira.site import JiraSiteState

_MAX_ISSUES: Final = 1000
_MAX_FIELDS: Final = 10
_MAX_ENTRIES: Final = 10_000


def fetch_changelogs(site: JiraSiteState, caller: JiraCaller, request: TrackerRequest) -> TrackerResponse:
    """Entries of the named fields, by time over all issues and then grouped by issue; times in milliseconds.
    Issues that are not there or not seen are left out without a word."""
    asked = require_json_object(request)
    issues = parse_names(asked.get("issueIdsOrKeys"))
    fields = parse_names(asked.get("fieldIds"))
    if not 1 <= len(issues) <= _MAX_ISSUES:
        raise JiraApiError(400, f"Between 1 and {_MAX_ISSUES} issue ids or keys are needed.")
    if len(fields) > _MAX_FIELDS:
        raise JiraApiError(400, f"At most {_MAX_FIELDS} field ids can be given.")
    size = parse_integer(asked.get("maxResults"), "maxResults", _MAX_ISSUES)
    if not 1 <= size <= _MAX_ENTRIES:
        raise JiraApiError(400, f"The value of 'maxResults' must be between 1 and {_MAX_ENTRIES}.")
    size = min(size, site.switches.changelog_page_cap)
    of = hashlib.sha256(json.dumps([issues, fields]).encode()).hexdigest()[:16]
    start = _offset(asked.get("nextPageToken"), of)
    entries = _matching_entries(site, caller, issues, frozenset(fields))
    shapes = JiraSerializer(site, caller)
    logs: dict[int, list[dict[str, Any]]] = {}
    for issue, entry in entries[start : start + size]:
        shape = shapes.history(entry, frozenset(fields))
        logs.setdefault(issue.id, []).append({**shape, "created": int(entry.at.timestamp() * 1000)})
    told = [{"issueId": str(number), "changeHistories": listed} for number, listed in logs.items()]
    data: dict[str, Any] = {"issueChangeLogs": told}
    if start + size < len(entries):
        data["nextPageToken"] = base64.urlsafe_b64encode(json.dumps([start + size, of]).encode()).decode()
    return TrackerResponse(data=data)


def _matching_entries(
    site: JiraSiteState, caller: JiraCaller, asked: list[str], fields: frozenset[str]
) -> list[tuple[JiraIssue, HistoryEntry]]:
    there = (site.issue(each) for each in asked)
    seen = {issue.id: issue for issue in there if issue and caller.can_see(site.projects.get(issue.project))}
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
        raise JiraApiError(400, "The provided next page token is invalid.") from error
    if asked != of:
        raise JiraApiError(400, "The provided next page token belongs to another request.")
    return start
