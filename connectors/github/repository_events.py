"""Histories of issues, read from the events of their repository.

GitHub lists a repository's events newest first, without a ``since``. Pages are read until they reach what an earlier
run read, within a budget that depends on the number of changed issues:

- one page if the repository is read for the first time and no team uses labels as states (the issues themselves say
  when they were created and closed),
- otherwise up to ``_PAGES_PER_100_ISSUES`` for every hundred changed issues.

An unchanged repository is not requested.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from connectors.errors import BadPayload
from connectors.github.paged_scan import list_pages
from connectors.github.payload import (
    parse_label_histories,
    parse_time,
    require_id,
    require_list,
    require_object,
    text_in,
)
from connectors.model import (
    FieldSelection,
    HistoryRequest,
    IssueChange,
    IssueRef,
    LabelHistory,
    Source,
    SourceHistory,
)
from connectors.scalars import id_or_none, text_or_empty
from connectors.text import fold_name

if TYPE_CHECKING:
    from connectors.github.client import GuardedRequester

_PAGES_PER_100_ISSUES: Final = 3
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Bookmark:
    """Period of which all events of some labels were read."""

    since: datetime
    until: datetime
    labels: frozenset[str]

    @classmethod
    def parse(cls, text: str | None, selection: FieldSelection) -> _Bookmark | None:
        """Return the bookmark, or None if it is missing or does not cover all labels of the selection."""
        if text is None:
            return None
        data = json.loads(text)
        if not selection.state_labels <= set(data["labels"]):
            return None
        # Stored bookmarks call ``until`` "seen".
        since, until = (datetime.fromisoformat(data[name]) for name in ("since", "seen"))
        return cls(since=since, until=until, labels=frozenset(data["labels"]))

    def __str__(self) -> str:
        since, until = self.since.isoformat(), self.until.isoformat()
        return json.dumps({"since": since, "seen": until, "labels": sorted(self.labels)})


def fetch_repository_history(
    client: GuardedRequester, request: HistoryRequest, selection: FieldSelection, *, overlap: timedelta
) -> SourceHistory:
    """Return the changes of one repository's issues.

    ``overlap``: maximum delay until an event appears in the list. Raises ConnectorErrors.
    """
    previous = _Bookmark.parse(request.bookmark, selection)
    known_until = previous.until - overlap if previous else None
    max_pages = _max_pages(request, selection, previous)
    found: dict[str, IssueChange] = {}
    times: list[datetime] = []
    label_events: defaultdict[IssueRef, list[Mapping[str, Any]]] = defaultdict(list)
    has_joined = has_ended = False
    unreadable: set[str] = set()
    pages = list_pages(client, f"repos/{request.source.container}/issues/events", {"per_page": 100})
    for page_number, page in enumerate(pages, start=1):
        for raw in require_list(page.data, "events"):
            try:
                at = parse_time(require_object(raw, "an event").get("created_at"), "an event")
                changes = list(_changes_in_event(raw, at, request, selection))
            except BadPayload:
                unreadable.add(_issue_id_in(raw))
                continue
            has_joined = has_joined or (known_until is not None and at < known_until)
            if not has_joined:
                times.append(at)
            found.update((change.id, change) for change in changes)
            if ref := _labelled_issue(raw, request.source):
                label_events[ref].insert(0, raw)
        has_ended = "next" not in page.headers.get("Link", "")
        if has_joined or has_ended or page_number >= max_pages:
            break
    bookmark = _Bookmark(
        since=_known_since(previous if has_joined else None, times, has_ended=has_ended),
        until=max([*times, *([previous.until] if previous else [])], default=_EPOCH),
        labels=selection.state_labels,
    )
    # An issue created in the very second of ``since`` is incomplete: events of that second may be on the next page.
    complete = frozenset(each.ref.id for each in request.issues if has_ended or each.created > bookmark.since)
    if "" in unreadable:  # nobody knows whose it is
        complete = frozenset()
    return SourceHistory(
        source=request.source,
        changes=tuple(found.values()),
        label_histories=_label_histories(label_events, unreadable),
        complete=complete - unreadable,
        bookmark=str(bookmark),
    )


def _known_since(joined: _Bookmark | None, times: Iterable[datetime], *, has_ended: bool) -> datetime:
    """Return the time since which all events are known. ``joined``: bookmark that the new events reach back to."""
    if has_ended:
        return _EPOCH
    return joined.since if joined else min(times, default=_EPOCH)


def _label_histories(
    events: Mapping[IssueRef, list[Mapping[str, Any]]], unreadable: Collection[str]
) -> dict[IssueRef, Mapping[str, LabelHistory]]:
    return {ref: parse_label_histories(each) for ref, each in events.items() if ref.id not in unreadable}


def _labelled_issue(event: Mapping[str, Any], source: Source) -> IssueRef | None:
    """Return the issue whose label an event changes; None for other events."""
    issue, issue_id = event.get("issue"), _issue_id_in(event)
    if event.get("event") not in ("labeled", "unlabeled") or not issue_id or not isinstance(issue, Mapping):
        return None
    return IssueRef(tracker=source.tracker, id=issue_id, key=f"{source.container}#{issue.get('number')}")


def _issue_id_in(event: Any) -> str:
    """Return the id of the issue that an event is about; empty if the event does not name it."""
    issue = event.get("issue") if isinstance(event, Mapping) else None
    return (id_or_none(issue.get("id")) or "") if isinstance(issue, Mapping) else ""


def _max_pages(request: HistoryRequest, selection: FieldSelection, previous: _Bookmark | None) -> int:
    if previous is None and not selection.state_labels:
        return 1
    return _PAGES_PER_100_ISSUES * ceil(len(request.issues) / 100)


def _changes_in_event(
    event: Mapping[str, Any], at: datetime, request: HistoryRequest, selection: FieldSelection
) -> Iterator[IssueChange]:
    kind = event.get("event")
    issue = event.get("issue")
    source = request.source
    if kind not in ("closed", "reopened", "labeled", "unlabeled") or not isinstance(issue, Mapping):
        return
    if issue.get("pull_request") and not source.has("pull_requests"):
        return
    number, issue_id = (require_id(issue, name, "an event") for name in ("number", "id"))
    ref = IssueRef(tracker=source.tracker, id=issue_id, key=f"{source.container}#{number}")
    change = partial(IssueChange, ref=ref, id=require_id(event, "id", "an event"), at=at)
    label = text_in(event.get("label"), "name")
    is_state_label = fold_name(label) in selection.state_labels
    match kind:
        case "closed":
            reason = text_or_empty(event.get("state_reason")) or None
            yield change(kind="status", before="open", after="closed", resolution=reason)
        case "reopened":
            yield change(kind="status", before="closed", after="open")
        case "labeled" if is_state_label:
            yield change(kind="label", after=label)
        case "unlabeled" if is_state_label:
            yield change(kind="label", before=label)
