"""Read-only store over a snapshot.

Keeps issues and labels in memory: with 100,000 issues, loading them into a database takes three times as long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from operator import attrgetter, itemgetter
from typing import Any, Final

from connectors.model import Category, IssueChange, IssueRef, KnownIssue
from connectors.scalars import in_utc
from sync.model.records import IssueEvent, PushedCommentRecord
from sync.store.base import parse_ref
from sync.store.codec import decode_issue, label_set
from sync.store.columns import metadata
from sync.store.database import Database
from sync.store.issues import NO_SOURCES, FormerKeys, SourcesByIssue, add_issue_source
from sync.store.open import open_store
from sync.store.snapshot_histories import HISTORY_TABLES, SnapshotHistories, parse_utc
from sync.store.snapshot_transfer import SnapshotRow, damaged_row_error, missing_column_error
from sync.store.store import Store

_LOADED_TABLES: Final = ("store_facts", "sources", "overrides", "baselines", "cache", "pushed_comments")
_ISSUE_TABLES: Final = ("memberships", "issues")
"""In this order: memberships come before issues."""

VIEW_TABLE_NAMES: Final = frozenset((*_LOADED_TABLES, *_ISSUE_TABLES, *HISTORY_TABLES, "pushed_labels"))
"""Names of the tables that a view reads."""

_EMPTY_TABLES: Final = ("expectations",)
"""Not part of snapshots, but read like empty tables."""


class SnapshotView(Store):
    """The part of a snapshot that planning needs: issues, sources, pushed state and overrides.

    All other methods of a store raise StoreError, because their tables are dropped: missing data must not look empty.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], rows: Iterable[SnapshotRow]) -> None:
        """Raise StoreError if a row lacks a column or has an invalid value."""
        super().__init__(database, now)
        other_rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._known = _build_issues(_split_off_issue_rows(rows, other_rows))
        with _explain_row_errors(lambda: "issue_events"):
            self._histories = SnapshotHistories(*(other_rows[table] for table in HISTORY_TABLES))
            self._known |= _with_former_keys(self._known, self._histories.former_keys())
        self.load_snapshot((table, row) for table in _LOADED_TABLES for row in other_rows[table])
        with _explain_row_errors(lambda: "pushed_labels"):
            self._labels = self._labels_by_issue(other_rows["pushed_labels"])
        comments = super().pushed_comments()
        self._comments = {
            subject: replace(comment, ref=self._current_ref(comment.ref))
            for subject, comment in comments.items()
        }
        self._drop_other_tables(*_LOADED_TABLES, *_EMPTY_TABLES)

    def known_issues(self, *, tracker: str | None = None) -> Iterator[KnownIssue]:
        return (each for each in self._known.values() if tracker in (None, each.issue.ref.tracker))

    def pushed_label_names(self) -> dict[IssueRef, frozenset[str]]:
        return self._labels

    def pushed_comments(self) -> dict[str, PushedCommentRecord]:
        return self._comments

    def issue_changes(
        self, *, of: IssueRef | None = None, updated_since: datetime | None = None, only_done: bool = False
    ) -> dict[tuple[str, str], list[IssueChange]]:
        wanted = {
            (ref.tracker, ref.id)
            for ref, each in self._known.items()
            if of in (None, ref)
            and (updated_since is None or each.issue.updated >= updated_since)
            and (each.issue.category == "done" or not only_done)
        }
        with _explain_row_errors(lambda: "issue_changes"):
            return self._histories.changes(wanted)

    def complete_histories(self) -> frozenset[tuple[str, str]]:
        updated = {(ref.tracker, ref.id): each.issue.updated for ref, each in self._known.items()}
        with _explain_row_errors(lambda: "issue_histories"):
            return self._histories.complete(updated)

    def observed_status_changes(self) -> dict[tuple[str, str], list[IssueEvent]]:
        with _explain_row_errors(lambda: "issue_events"):
            return self._histories.observed_status_changes()

    def statuses_in_use(self) -> list[tuple[str, str, Category | None]]:
        issues = (each.issue for each in self._known.values())
        return list({(each.ref.tracker, each.status, each.category): None for each in issues})

    def label_changes_since_read(self) -> dict[tuple[str, str], dict[str, bool]]:
        """Return nothing: the labels of a snapshot include our own writes."""
        return {}

    def _labels_by_issue(self, rows: Iterable[dict[str, Any]]) -> dict[IssueRef, frozenset[str]]:
        found: defaultdict[IssueRef, list[str]] = defaultdict(list)
        for row in sorted(rows, key=itemgetter("tracker", "issue_id", "label")):
            found[self._current_ref(parse_ref(row))].append(row["label"])
        return {ref: label_set(tuple(labels)) for ref, labels in found.items()}

    def _current_ref(self, ref: IssueRef) -> IssueRef:
        """Return the ref with the current key of its issue."""
        return self._known[ref].issue.ref if ref in self._known else ref

    def _drop_other_tables(self, *names: str) -> None:
        others = [table for table in metadata.sorted_tables if table.name not in names]
        with self._database.write() as connection:
            metadata.drop_all(connection, others, checkfirst=False)


def open_snapshot_view(rows: Iterable[SnapshotRow], *, now: Callable[[], datetime]) -> SnapshotView:
    """Open a view on the rows of a snapshot. Raises StoreError if a row is incomplete or invalid."""
    database = open_store("sqlite://", now=now)._database
    try:
        return SnapshotView(database, now, rows)
    except BaseException:
        database.close()
        raise


def _split_off_issue_rows(
    rows: Iterable[SnapshotRow], other_rows: defaultdict[str, list[dict[str, Any]]]
) -> Iterator[SnapshotRow]:
    """Yield the rows of issues and memberships, and collect all others in ``other_rows``."""
    for table, row in rows:
        if table in _ISSUE_TABLES:
            yield table, row
        else:
            other_rows[table].append(row)


def _build_issues(rows: Iterable[SnapshotRow]) -> dict[IssueRef, KnownIssue]:
    """Return the issues ordered by tracker and id. Rows are many and large, so each is decoded as it arrives."""
    sources: SourcesByIssue = {}
    known: dict[IssueRef, KnownIssue] = {}
    table = ""
    with _explain_row_errors(lambda: table):
        for table, row in rows:
            if table == "issues":
                each = _build_known_issue(row, sources.get((row["tracker"], row["id"]), NO_SOURCES))
                known[each.issue.ref] = each
            elif known:
                raise ValueError("it follows an issue")
            else:
                add_issue_source(sources, row["source"], row["tracker"], row["issue_id"])
    in_order = sorted(known, key=attrgetter("tracker", "id"))
    return known if in_order == list(known) else {ref: known[ref] for ref in in_order}


def _with_former_keys(
    known: Mapping[IssueRef, KnownIssue], former_keys: FormerKeys
) -> Iterator[tuple[IssueRef, KnownIssue]]:
    for (tracker, issue_id), keys in former_keys.items():
        each = known.get(IssueRef(tracker=tracker, id=issue_id, key=""))
        if each is not None:
            ref = each.issue.ref
            yield ref, replace(each, former_keys=tuple(key for key in keys if key != ref.key))


def _build_known_issue(row: dict[str, Any], sources: frozenset[str]) -> KnownIssue:
    vanished = row.get("vanished")
    issue = decode_issue(
        row["tracker"],
        row["id"],
        row["key"],
        row["container"],
        row["status"],
        row.get("category"),
        parse_utc(row["updated"]),
        row["payload"],
    )
    if not all(at is None or in_utc(at) for at in (issue.created, issue.started, issue.closed)):
        raise ValueError(f"an impossible time in {issue.ref}")
    return KnownIssue(
        issue=issue,
        sources=sources,
        first_seen=parse_utc(row["first_seen"]),
        first_labels=label_set(tuple(row["first_labels"])),
        vanished=vanished and parse_utc(vanished),
        reopened=row["reopened"],
    )


@contextmanager
def _explain_row_errors(table: Callable[[], str]) -> Iterator[None]:
    """Turn errors in a row of ``table()`` into StoreError."""
    try:
        yield
    except KeyError as error:
        raise missing_column_error(str(error.args[0]), table()) from None
    except (AttributeError, TypeError, ValueError) as error:
        raise damaged_row_error(table(), error) from None
