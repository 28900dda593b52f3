"""Asking Jira what happened to many issues: in bulk on Cloud, by a search with changelogs on Data Center."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final

from connectors.errors import BadPayload, ConnectorError
from connectors.jira_history import changes_from, expanded_changes, statuses_from
from connectors.jira_pull import JiraPuller, failed
from connectors.jira_raw import need, rows
from connectors.jira_search import pages
from connectors.jira_site import API_3, DAY
from connectors.model import Category, Failed, History, HistoryAsked, IssueChange, IssueRef, Wanted

_AT_A_TIME: Final = 1000
"""Issues that Cloud takes in one request, and entries that it gives in one answer."""
_SEARCHED: Final = 100
"""Issues that a search names by id."""
_ISSUES_A_REQUEST: Final = 100


@dataclass(kw_only=True, slots=True)
class _Told:
    changes: dict[str, list[IssueChange]] = field(default_factory=dict)
    """By id of the issue; an issue of which nothing is told has no entry."""
    cut: set[str] = field(default_factory=set)
    """Ids of issues whose history was longer than what may be asked for."""
    requests: int = 0
    statuses: dict[str, tuple[str, Category | None]] = field(default_factory=dict)


def histories(
    puller: JiraPuller, asked: Sequence[HistoryAsked], wanted: Wanted
) -> Iterator[History | Failed]:
    """The answer of ``IssueReader.histories``. All sources of the site share the requests."""
    refs = {issue.ref.id: issue.ref for each in asked for issue in each.issues}
    try:
        told = _told(puller, refs, wanted)
    except ConnectorError as error:
        yield from (failed(each.source, error) for each in asked)
        return
    for each in asked:
        ids = [issue.ref.id for issue in each.issues]
        changes = tuple(change for issue_id in ids for change in told.changes.get(issue_id, ()))
        whole = frozenset(ids) - told.cut
        yield History(source=each.source, changes=changes, whole=whole, statuses=told.statuses)


def _told(puller: JiraPuller, refs: dict[str, IssueRef], wanted: Wanted) -> _Told:
    told = _Told()
    flagged = puller.site.field_ids(wanted.fields).flagged if refs else None
    read, size = (_in_bulk, _AT_A_TIME) if puller.site.cloud else (_by_search, _SEARCHED)
    ids = sorted(refs, key=int)
    for start in range(0, len(ids), size):
        read(puller, {each: refs[each] for each in ids[start : start + size]}, wanted, flagged, told)
    # A first run has many issues, and few statuses that no issue is in; later the budget has no room for this.
    if puller.site.cloud and told.requests < ceil(len(refs) / _ISSUES_A_REQUEST):
        with suppress(ConnectorError):
            told.statuses = statuses_from(puller.site.send("GET", "/status", kind="read").data)
    return told


def _in_bulk(
    puller: JiraPuller, refs: dict[str, IssueRef], wanted: Wanted, flagged: str | None, told: _Told
) -> None:
    """Entries come oldest first over all issues, so that a history that is cut short may be any issue's."""
    fields = ["status", *([flagged] if flagged else []), *(["labels"] if wanted.state_labels else [])]
    body: dict[str, Any] = {"issueIdsOrKeys": list(refs), "fieldIds": fields, "maxResults": _AT_A_TIME}
    tokens: set[str] = set()
    for _ in range(ceil(len(refs) / _ISSUES_A_REQUEST)):
        reply = puller.site.send("POST", "/changelog/bulkfetch", kind="read", json=body, api=API_3)
        told.requests += 1
        for log in rows(need(reply.data, "issueChangeLogs", "changelogs"), "changelogs"):
            ref = refs.get(str(need(log, "issueId", "a changelog")))
            if ref is not None:
                entries = rows(log.get("changeHistories") or [], f"changelog of {ref.key}")
                told.changes.setdefault(ref.id, []).extend(changes_from(entries, ref, wanted, flagged))
        token = reply.data.get("nextPageToken")
        if not token:
            return
        if token in tokens:
            raise BadPayload(
                f"{puller.site.tracker}: the changelogs lead back to a page that was read already"
            )
        tokens.add(token)
        body["nextPageToken"] = token
    told.cut.update(refs)


def _by_search(
    puller: JiraPuller, refs: dict[str, IssueRef], wanted: Wanted, flagged: str | None, told: _Told
) -> None:
    """For issues that came without their changelog: read alone, or before this program asked for it."""
    condition = f"id in ({','.join(refs)})"
    found = pages(
        puller.site,
        condition,
        ["created"],
        zone=puller.zone(max_age=DAY),
        size=puller.page_size,
        expand=("changelog",),
    )
    for page in found:
        for row in page.rows:
            ref = refs.get(str(row["id"]))
            if ref is not None:
                told.changes[ref.id] = expanded_changes(row, ref, wanted, flagged)
