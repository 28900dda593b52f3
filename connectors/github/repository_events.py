"""What happened in a repository, read from its events.

GitHub lists the events of a whole repository newest first and knows no ``since``. So the pages are read until they
meet what an earlier run read, and no further than the number of changed issues justifies: one page when a
repository is seen first and no team takes labels for states (its issues tell themselves when they were created and
closed), else up to ``_PAGES_PER_100_ISSUES`` for every hundred of its issues that changed. An unchanged repository is not asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, Final

from connectors.github.paged_scan import list_pages
from connectors.github.payload import clean_text, parse_time, require, require_list, require_object
from connectors.http.client import Transport
from connectors.model import FieldSelection, HistoryRequest, IssueChange, IssueRef, SourceHistory

_PAGES_PER_100_ISSUES: Final = 3
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Bookmark:
    """How far the events were read: all from ``since`` to ``seen``, of these labels."""

    since: datetime
    until: datetime
    labels: frozenset[str]

    @classmethod
    def parse(cls, text: str | None, wanted: FieldSelection) -> _Bookmark | None:
        """None for one that is worth nothing: none at all, or one that did not look for labels that tell now."""
        if text is None:
            return None
        said = json.loads(text)
        if not wanted.state_labels <= set(said["labels"]):
            return None
        since, until = (datetime.fromisoformat(said[name]) for name in ("since", "seen"))
        return cls(since=since, until=until, labels=frozenset(said["labels"]))

    def __str__(self) -> str:
        said = {
            "since": self.since.isoformat(),
            "seen": self.until.isoformat(),
            "labels": sorted(self.labels),
        }
        return json.dumps(said)


def fetch_repository_history(
    transport: Transport, request: HistoryRequest, selection: FieldSelection, *, overlap: timedelta
) -> SourceHistory:
    """The answer for one repository. ``overlap``: how late its list may show an event. ConnectorErrors."""
    before = _Bookmark.parse(request.bookmark, selection)
    known = before.until - overlap if before else None
    few = 1 if before is None and not selection.state_labels else _PAGES_PER_100_ISSUES
    most = few if few == 1 else few * ceil(len(request.issues) / 100)
    found: dict[str, IssueChange] = {}
    times: list[datetime] = []
    joined = ended = False
    listed = list_pages(transport, f"repos/{request.source.repo}/issues/events", {"per_page": 100})
    for number, reply in enumerate(listed, start=1):
        for raw in require_list(reply.data, "events"):
            event = require_object(raw, "an event")
            at = parse_time(require(event, "created_at", "an event"), "an event")
            joined = joined or (known is not None and at < known)
            if not joined:
                times.append(at)
            for change in _changes_in_event(event, at, request, selection):
                found[change.id] = change
        ended = "next" not in reply.headers.get("Link", "")
        if joined or ended or number >= most:
            break
    since = _EPOCH if ended else before.since if joined and before else min(times, default=_EPOCH)
    seen = max([*times, *([before.until] if before else [])], default=_EPOCH)
    mark = _Bookmark(since=since, until=seen, labels=selection.state_labels)
    # Of the second in which a page was cut off some events may be on the next one.
    whole = frozenset(issue.ref.id for issue in request.issues if ended or issue.created > since)
    return SourceHistory(
        source=request.source, changes=tuple(found.values()), complete=whole, bookmark=str(mark)
    )


def _changes_in_event(
    event: Mapping[str, Any], at: datetime, asked: HistoryRequest, wanted: FieldSelection
) -> Iterator[IssueChange]:
    kind = event.get("event")
    issue = event.get("issue")
    if kind not in ("closed", "reopened", "labeled", "unlabeled") or not isinstance(issue, Mapping):
        return
    if issue.get("pull_request") and not asked.source.pull_requests:
        return
    number, issue_id = require(issue, "number", "an event"), str(require(issue, "id", "an event"))
    ref = IssueRef(tracker=asked.source.tracker, id=issue_id, key=f"{asked.source.repo}#{number}")
    entry = str(require(event, "id", "an event"))
    if kind in ("closed", "reopened"):
        closed = kind == "closed"
        before, after = ("open", "closed") if closed else ("closed", "open")
        reason = clean_text(event.get("state_reason")) or None
        yield IssueChange(
            ref=ref,
            id=entry,
            at=at,
            kind="status",
            before=before,
            after=after,
            resolution=reason if closed else None,
        )
        return
    label = event.get("label")
    name = clean_text(label.get("name")) if isinstance(label, Mapping) else ""
    if name.casefold() in wanted.state_labels:
        put = kind == "labeled"
        yield IssueChange(
            ref=ref,
            id=entry,
            at=at,
            kind="label",
            before="" if put else name,
            after=name if put else "",
        )
