"""Bulk changelog of the Jira Cloud sandbox: changes of many issues, oldest first."""

from __future__ import annotations

from typing import Any, Final

from connectors.sandbox.jira.call import JiraApiError, JiraCall, parse_integer, parse_names
from connectors.sandbox.jira.model import HistoryEntry, JiraIssue, field_id
from connectors.sandbox.jira.page_tokens import decode_page_token, encode_page_token

_MAX_ISSUES: Final = 1000
_MAX_FIELDS: Final = 10
_MAX_ENTRIES: Final = 10_000


def fetch_changelogs(call: JiraCall) -> dict[str, Any]:
    """Return changes of the named fields, sorted by time and then grouped by issue; times in milliseconds.

    Missing and invisible issues are left out silently.
    """
    parameters = call.body
    issues = parse_names(parameters.get("issueIdsOrKeys"))
    fields = parse_names(parameters.get("fieldIds"))
    if not 1 <= len(issues) <= _MAX_ISSUES:
        raise JiraApiError(400, f"Between 1 and {_MAX_ISSUES} issue ids or keys are needed.")
    if len(fields) > _MAX_FIELDS:
        raise JiraApiError(400, f"At most {_MAX_FIELDS} field ids can be given.")
    size = parse_integer(parameters, "maxResults", _MAX_ISSUES)
    if not 1 <= size <= _MAX_ENTRIES:
        raise JiraApiError(400, f"The value of 'maxResults' must be between 1 and {_MAX_ENTRIES}.")
    size = min(size, call.site.switches.changelog_page_cap)
    start = decode_page_token(parameters.get("nextPageToken"), [issues, fields])
    entries = _matching_entries(call, issues, frozenset(fields))
    logs: dict[int, list[dict[str, Any]]] = {}
    for issue, entry in entries[start : start + size]:
        shape = call.serializer.history(entry, frozenset(fields))
        logs.setdefault(issue.id, []).append({**shape, "created": int(entry.at.timestamp() * 1000)})
    data: dict[str, Any] = {
        "issueChangeLogs": [{"issueId": str(key), "changeHistories": log} for key, log in logs.items()]
    }
    if start + size < len(entries):
        data["nextPageToken"] = encode_page_token(start + size, [issues, fields])
    return data


def _matching_entries(
    call: JiraCall, ids_or_keys: list[str], fields: frozenset[str]
) -> list[tuple[JiraIssue, HistoryEntry]]:
    issues = (call.site.issue(each) for each in ids_or_keys)
    visible = {issue.id: issue for issue in issues if issue and call.can_see(issue)}
    found = [
        (issue, entry)
        for issue in visible.values()
        for entry in issue.history
        if not fields or any(field_id(item.field) in fields for item in entry.items)
    ]
    return sorted(found, key=lambda pair: (pair[1].at, pair[0].id, pair[1].id))
