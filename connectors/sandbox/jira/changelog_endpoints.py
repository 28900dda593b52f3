"""Bulk changelog of the Jira Cloud sandbox: changes of many issues, oldest first."""

from __future__ import annotations

from typing import Any, Final

from connectors.sandbox.core.tracker import TrackerRequest, TrackerResponse
from connectors.sandbox.jira.model import HistoryEntry, JiraCaller, JiraIssue, field_id
from connectors.sandbox.jira.page_tokens import decode_page_token, encode_page_token
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
    """Return changes of the named fields, sorted by time and then grouped by issue; times in milliseconds.

    Missing and invisible issues are left out silently.
    """
    parameters = require_json_object(request)
    issues = parse_names(parameters.get("issueIdsOrKeys"))
    fields = parse_names(parameters.get("fieldIds"))
    if not 1 <= len(issues) <= _MAX_ISSUES:
        raise JiraApiError(400, f"Between 1 and {_MAX_ISSUES} issue ids or keys are needed.")
    if len(fields) > _MAX_FIELDS:
        raise JiraApiError(400, f"At most {_MAX_FIELDS} field ids can be given.")
    size = parse_integer(parameters.get("maxResults"), "maxResults", _MAX_ISSUES)
    if not 1 <= size <= _MAX_ENTRIES:
        raise JiraApiError(400, f"The value of 'maxResults' must be between 1 and {_MAX_ENTRIES}.")
    size = min(size, site.switches.changelog_page_cap)
    start = decode_page_token(parameters.get("nextPageToken"), [issues, fields])
    entries = _matching_entries(site, caller, issues, frozenset(fields))
    serializer = JiraSerializer(site, caller)
    logs: dict[int, list[dict[str, Any]]] = {}
    for issue, entry in entries[start : start + size]:
        shape = serializer.history(entry, frozenset(fields))
        logs.setdefault(issue.id, []).append({**shape, "created": int(entry.at.timestamp() * 1000)})
    data: dict[str, Any] = {
        "issueChangeLogs": [{"issueId": str(key), "changeHistories": log} for key, log in logs.items()]
    }
    if start + size < len(entries):
        data["nextPageToken"] = encode_page_token(start + size, [issues, fields])
    return TrackerResponse(data=data)


def _matching_entries(
    site: JiraSiteState, caller: JiraCaller, ids_or_keys: list[str], fields: frozenset[str]
) -> list[tuple[JiraIssue, HistoryEntry]]:
    issues = (site.issue(each) for each in ids_or_keys)
    visible = {
        issue.id: issue for issue in issues if issue and caller.can_see(site.projects.get(issue.project))
    }
    found = [
        (issue, entry)
        for issue in visible.values()
        for entry in issue.history
        if not fields or any(field_id(item.field) in fields for item in entry.items)
    ]
    return sorted(found, key=lambda pair: (pair[1].at, pair[0].id, pair[1].id))
