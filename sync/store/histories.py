"""Issue histories from the trackers, and how far they were read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, func, or_, select, update

from connectors.model import (
    Category,
    FieldSelection,
    HistoryRequest,
    Issue,
    IssueChange,
    IssueRef,
    Source,
    SourceHistory,
)
from connectors.text import fold_name
from sync.model.records import IssueEvent
from sync.store.base import StorePart, matches_ref
from sync.store.codec import decode_issue, dump_json
from sync.store.database import chunks, upsert, value_columns
from sync.store.tables import (
    history_marks,
    issue_changes,
    issue_events,
    issue_histories,
    issues,
    journal_entries,
    journal_results,
    memberships,
)

_CHANGE_VALUE_COLUMNS: Final = value_columns(issue_changes)
_ISSUE_COLUMNS: Final = [
    issues.c[name]
    for name in ("tracker", "id", "key", "container", "status", "category", "updated", "payload")
]
"""In the order of the parameters of ``decode_issue``."""
_OF_SAME_ISSUE: Final = and_(
    issue_histories.c.tracker == issues.c.tracker, issue_histories.c.issue_id == issues.c.id
)
_STATUS_RETENTION_DAYS: Final = 36_500
_MAX_CLOCK_SKEW: Final = timedelta(minutes=5)
"""Largest difference of the tracker's clock and ours, including the time from a write to our note of it."""


class HistoriesPart(StorePart):
    def histories_to_read(
        self, sources: Collection[Source], selection: FieldSelection
    ) -> list[HistoryRequest]:
        """Return history requests for the issues of these sources whose history is stale.

        Stale are issues that changed since their history was read, or whose history was read for other labels. Each
        issue is in one request; sources without stale issues have none. An issue that looks as before and changed last
        when we wrote on it is not requested.
        """
        with self._database.read() as connection:
            stale = _stale_ids(connection, selection)
            known = list(_stale_histories(connection, stale))
            marks = {row.source: row.mark for row in connection.execute(select(history_marks))}
        unchanged = [each.issue for each in known if each.changed_only_by_us(selection)]
        self._mark_read_without_request(unchanged)
        spared = {issue.ref for issue in unchanged}
        found: dict[str, list[Issue]] = {source.name: [] for source in sources}
        for each in known:
            holder = next((name for name in sorted(each.sources) if name in found), None)
            if holder is not None and each.issue.ref not in spared:
                found[holder].append(each.issue)
        return [
            HistoryRequest(source=source, issues=tuple(found[source.name]), bookmark=marks.get(source.name))
            for source in sources
            if found[source.name]
        ]

    def _mark_read_without_request(self, unchanged: Collection[Issue]) -> None:
        if not unchanged:
            return
        history = issue_histories.c
        with self._database.write() as connection:
            for issue in unchanged:
                is_it = and_(history.tracker == issue.ref.tracker, history.issue_id == issue.ref.id)
                connection.execute(update(issue_histories).where(is_it).values(read_for=issue.updated))

    def save_history(
        self, request: HistoryRequest, history: SourceHistory, selection: FieldSelection
    ) -> None:
        """Save the response of a tracker. Saving the same changes again has no effect."""
        with self._database.write() as connection:
            _save_changes(connection, history.changes)
            _mark_read(connection, request.issues, history.complete, selection)
            if history.bookmark is not None:
                row = {"source": history.source.name, "mark": history.bookmark}
                upsert(connection, history_marks, [row], update=["mark"])

    def save_issue_changes(
        self, pulled: Iterable[Issue], changes: Iterable[IssueChange], selection: FieldSelection
    ) -> None:
        """Save complete histories that came with their issues."""
        read = list(pulled)
        with self._database.write() as connection:
            _save_changes(connection, changes)
            _mark_read(connection, read, {issue.ref.id for issue in read}, selection)

    def issue_changes(
        self, *, of: IssueRef | None = None, updated_since: datetime | None = None, only_done: bool = False
    ) -> dict[tuple[str, str], list[IssueChange]]:
        """Return (tracker, issue id) -> changes, oldest first. Their refs have no key.

        ``of`` selects one issue; ``updated_since`` leaves out issues that were last updated before, ``only_done`` those
        that are open for their tracker.
        """
        query = select(issue_changes).order_by(issue_changes.c.at)
        if of is not None:
            query = query.where(matches_ref(issue_changes, of))
        if updated_since is not None or only_done:
            same = and_(issues.c.tracker == issue_changes.c.tracker, issues.c.id == issue_changes.c.issue_id)
            query = query.join(issues, same)
        if updated_since is not None:
            query = query.where(issues.c.updated >= updated_since)
        if only_done:
            query = query.where(issues.c.category == "done")
        found: defaultdict[tuple[str, str], list[IssueChange]] = defaultdict(list)
        with self._database.read() as connection:
            for tracker, issue_id, change_id, *rest in connection.execute(query):
                ref = IssueRef(tracker=tracker, id=issue_id, key="")
                values: dict[str, Any] = dict(zip(_CHANGE_VALUE_COLUMNS, rest, strict=True))
                found[tracker, issue_id].append(IssueChange(ref=ref, id=change_id, **values))
        return found

    def complete_histories(self) -> frozenset[tuple[str, str]]:
        """Return (tracker, id) of issues whose history is complete up to their last change."""
        query = (
            select(issues.c.tracker, issues.c.id)
            .join(issue_histories, _OF_SAME_ISSUE)
            .where(issue_histories.c.whole == 1, issue_histories.c.read_for == issues.c.updated)
        )
        with self._database.read() as connection:
            return frozenset((tracker, issue_id) for tracker, issue_id in connection.execute(query))

    def save_statuses(self, tracker: str, statuses: Mapping[str, tuple[str, Category | None]]) -> None:
        """Save name and category of statuses by id, in addition to the known ones."""
        known = self.load_statuses(tracker)
        merged = {status_id: list(status) for status_id, status in {**known, **statuses}.items()}
        self.cache.put(f"statuses:{tracker}", merged, days=_STATUS_RETENTION_DAYS)

    def load_statuses(self, tracker: str) -> dict[str, tuple[str, Category | None]]:
        """Return the statuses that ``save_statuses`` saved."""
        saved = self.cache.get(f"statuses:{tracker}") or {}
        return {status_id: (name, category) for status_id, (name, category) in saved.items()}

    def statuses_in_use(self) -> list[tuple[str, str, Category | None]]:
        """Return (tracker, name, category) of the current statuses of all issues."""
        query = select(issues.c.tracker, issues.c.status, issues.c.category).distinct()
        with self._database.read() as connection:
            return [(row.tracker, row.status, row.category) for row in connection.execute(query)]

    def observed_status_changes(self) -> dict[tuple[str, str], list[IssueEvent]]:
        """Return (tracker, issue id) -> status changes noticed between two reads, oldest first."""
        query = select(issue_events).where(issue_events.c.kind == "status").order_by(issue_events.c.id)
        found: defaultdict[tuple[str, str], list[IssueEvent]] = defaultdict(list)
        for event in self._fetch_records(IssueEvent, query):
            found[event.ref.tracker, event.ref.id].append(event)
        return found


def _join_state_labels(selection: FieldSelection) -> str:
    return "\n".join(sorted(selection.state_labels))


@dataclass(frozen=True, kw_only=True, slots=True)
class _StaleHistory:
    """An issue with a stale history, and what may spare reading it."""

    issue: Issue
    sources: frozenset[str]
    fingerprint: str | None
    """State of the issue when its history was read; None before the first time."""
    labels: str | None
    last_write: datetime | None
    """Time of our last write on the issue."""

    def changed_only_by_us(self, selection: FieldSelection) -> bool:
        if self.fingerprint != _state_fingerprint(self.issue, selection):
            return False
        if self.labels != _join_state_labels(selection) or self.last_write is None:
            return False
        return abs(self.issue.updated - self.last_write) <= _MAX_CLOCK_SKEW


def _stale_ids(connection: Connection, selection: FieldSelection) -> dict[str, list[str]]:
    """Return tracker -> ids. Answered from an index alone: every run asks, and most issues are not stale."""
    history = issue_histories.c
    unread = or_(
        history.read_for.is_(None),
        history.read_for != issues.c.updated,
        history.labels != _join_state_labels(selection),
    )
    query = (
        select(issues.c.tracker, issues.c.id)
        .outerjoin(issue_histories, _OF_SAME_ISSUE)
        .where(issues.c.vanished.is_(None), unread)
        .order_by(issues.c.tracker, issues.c.id)
    )
    found: defaultdict[str, list[str]] = defaultdict(list)
    for tracker, issue_id in connection.execute(query):
        found[tracker].append(issue_id)
    return found


def _stale_histories(
    connection: Connection, ids_by_tracker: Mapping[str, Sequence[str]]
) -> Iterator[_StaleHistory]:
    selected = select(*_ISSUE_COLUMNS, issue_histories.c.face, issue_histories.c.labels)
    query = selected.outerjoin(issue_histories, _OF_SAME_ISSUE).order_by(issues.c.id)
    for tracker, ids in ids_by_tracker.items():
        for chunk in chunks(ids):
            holders: defaultdict[str, set[str]] = defaultdict(set)
            of_chunk = (memberships.c.tracker == tracker, memberships.c.issue_id.in_(chunk))
            for row in connection.execute(select(memberships).where(*of_chunk)):
                holders[row.issue_id].add(row.source)
            written = _last_writes(connection, tracker, chunk)
            in_chunk = (issues.c.tracker == tracker, issues.c.id.in_(chunk))
            for *values, fingerprint, labels in connection.execute(query.where(*in_chunk)):
                issue = decode_issue(*values)
                yield _StaleHistory(
                    issue=issue,
                    sources=frozenset(holders[issue.ref.id]),
                    fingerprint=fingerprint,
                    labels=labels,
                    last_write=written.get(issue.ref.id),
                )


def _last_writes(connection: Connection, tracker: str, ids: Sequence[str]) -> dict[str, datetime]:
    """Return issue id -> time of our last write."""
    entries, results = journal_entries.c, journal_results.c
    query = (
        select(entries.issue_id, func.max(results.at))
        .join(journal_results, results.entry_id == entries.id)
        .where(entries.tracker == tracker, entries.issue_id.in_(ids), results.outcome == "done")
        .group_by(entries.issue_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _state_fingerprint(issue: Issue, selection: FieldSelection) -> str:
    """Return everything of an issue that its flow state may depend on."""
    labels = sorted(label for label in issue.labels if fold_name(label) in selection.state_labels)
    return dump_json([issue.status, issue.resolution, str(issue.closed), issue.flagged, labels])


def _save_changes(connection: Connection, changes: Iterable[IssueChange]) -> None:
    rows = {
        (change.ref.tracker, change.ref.id, change.id): {
            "tracker": change.ref.tracker,
            "issue_id": change.ref.id,
            "change_id": change.id,
            **{name: getattr(change, name) for name in _CHANGE_VALUE_COLUMNS},
        }
        for change in changes
    }
    upsert(connection, issue_changes, list(rows.values()), update=_CHANGE_VALUE_COLUMNS)


def _mark_read(
    connection: Connection, read: Iterable[Issue], complete_ids: Collection[str], selection: FieldSelection
) -> None:
    rows = [
        {
            "tracker": issue.ref.tracker,
            "issue_id": issue.ref.id,
            "read_for": issue.updated,
            "labels": _join_state_labels(selection),
            "whole": int(issue.ref.id in complete_ids),
            "face": _state_fingerprint(issue, selection),
        }
        for issue in read
    ]
    upsert(connection, issue_histories, rows, update=value_columns(issue_histories))
