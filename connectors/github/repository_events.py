"""What happened in a repository, read from its events.

GitHub lists the events of a whole repository newest first and knows no ``since``. So the pages are read until they
meet what an earlier run read, and no further than the number of changed issues justifies: one page when a
repository is seen first and no team takes labels for states (its issues tell themselves when they were created and
closed), else up to ``_PAGES`` for every hundred of its issues that changed. An unchanged repository is not asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, Final

from connectors.github.paged_scan import pages
from connectors.github.payload import as_mapping, as_rows, clean, moment, need
from connectors.http.client import Transport
from connectors.model import History, HistoryAsked, IssueChange, IssueRef, Wanted

_PAGES: Final = 3
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mark:
    """How far the events were read: all from ``since`` to ``seen``, of these labels."""

    since: datetime
    seen: datetime
    labels: frozenset[str]

    @classmethod
    def read(cls, text: str | None, wanted: Wanted) -> _Mark | None:
        """None for one that is worth nothing: none at all, or one that did not look for labels that tell now."""
        if text is None:
            return None
        said = json.loads(text)
        if not wanted.state_labels <= set(said["labels"]):
            return None
        since, seen = (datetime.fromisoformat(said[name]) for name in ("since", "seen"))
        return cls(since=since, seen=seen, labels=frozenset(said["labels"]))

    def __str__(self) -> str:
        said = {"since": self.since.isoformat(), "seen": self.seen.isoformat(), "labels": sorted(self.labels)}
        return json.dumps(said)


def repository_history(
    transport: Transport, asked: HistoryAsked, wanted: Wanted, *, overlap: timedelta
) -> History:
    """The answer for one repository. ``overlap``: how late its list may show an event. ConnectorErrors."""
    before = _Mark.read(asked.mark, wanted)
    known = before.seen - overlap if before else None
    few = 1 if before is None and not wanted.state_labels else _PAGES
    most = few if few == 1 else few * ceil(len(asked.issues) / 100)
    found: dict[str, IssueChange] = {}
    times: list[datetime] = []
    joined = ended = False
    listed = pages(transport, f"repos/{asked.source.repo}/issues/events", {"per_page": 100})
    for number, reply in enumerate(listed, start=1):
        for raw in as_rows(reply.data, "events"):
            event = as_mapping(raw, "an event")
            at = moment(need(event, "created_at", "an event"), "an event")
            joined = joined or (known is not None and at < known)
            if not joined:
                times.append(at)
            for change in _changes(event, at, asked, wanted):
                found[change.id] = change
        ended = "next" not in reply.headers.get("Link", "")
        if joined or ended or number >= most:
            break
    since = _BEGINNING if ended else before.since if joined and before else min(times, default=_BEGINNING)
    seen = max([*times, *([before.seen] if before else [])], default=_BEGINNING)
    mark = _Mark(since=since, seen=seen, labels=wanted.state_labels)
    # Of the second in which a page was cut off some events may be on the next one.
    whole = frozenset(issue.ref.id for issue in asked.issues if ended or issue.created > since)
    return History(source=asked.source, changes=tuple(found.values()), whole=whole, mark=str(mark))


def _changes(
    event: Mapping[str, Any], at: datetime, asked: HistoryAsked, wanted: Wanted
) -> Iterator[IssueChange]:
    kind = event.get("event")
    issue = event.get("issue")
    if kind not in ("closed", "reopened", "labeled", "unlabeled") or not isinstance(issue, Mapping):
        return
    if issue.get("pull_request") and not asked.source.pull_requests:
        return
    number, issue_id = need(issue, "number", "an event"), str(need(issue, "id", "an event"))
    ref = IssueRef(tracker=asked.source.tracker, id=issue_id, key=f"{asked.source.repo}#{number}")
    entry = str(need(event, "id", "an event"))
    if kind in ("closed", "reopened"):
        closed = kind == "closed"
        before, after = ("open", "closed") if closed else ("closed", "open")
        reason = clean(event.get("state_reason")) or None
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
    name = clean(label.get("name")) if isinstance(label, Mapping) else ""
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
