"""A snapshot that was carried here, to be looked at once: filling a database with it would take longer than looking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import attrgetter, itemgetter
from typing import Any, Final

from connectors.model import IssueRef, KnownIssue
from sync.model.records import PushedCommentRecord
from sync.store.codec import decode_issue, label_set
from sync.store.database import Database
from sync.store.issues import NO_SOURCES, SourcesByIssue, add_issue_source
from sync.store.open import open_store
from sync.store.snapshot_transfer import SnapshotRow, damaged_row_error, missing_column_error
from sync.store.store import Store
from sync.store.tables_base import metadata

_IssueId = tuple[str, str]
"""Tracker and id."""

_LOADED_TABLES: Final = ("store_facts", "sources", "overrides", "baselines", "cache")
_ISSUE_TABLES: Final = ("memberships", "issues")
"""In this order: who holds an issue is told before the issue."""

VIEW_TABLE_NAMES: Final = frozenset((*_LOADED_TABLES, *_ISSUE_TABLES, "pushed_labels", "pushed_comments"))
"""Names of the tables of which rows are wanted."""

_COMMENT_COLUMNS: Final = ("subject", "comment_id", "body", "full_hash", "urgent_hash", "state", "run_id")
_EMPTY_TABLES: Final = ("expectations",)
"""A snapshot says nothing of them, and may be asked."""


class SnapshotView(Store):
    """What thinking needs of a snapshot: the issues, who holds them, what we wrote there and what people decided.

    Whatever else a store can be asked raises StoreError, because the tables are not there: nothing is taken for empty.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], rows: Iterable[SnapshotRow]) -> None:
        """``rows`` as a store hands them out. StoreError when one lacks something or says what cannot be."""
        super().__init__(database, now)
        told: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._known = _build_issues(_split_off_issue_rows(rows, told))
        self.load_snapshot((table, row) for table in _LOADED_TABLES for row in told[table])
        with _explain_row_errors(lambda: "pushed_labels"):
            self._labels = self._labels_by_issue(told["pushed_labels"])
        with _explain_row_errors(lambda: "pushed_comments"):
            self._comments = {row["subject"]: self._build_comment(row) for row in told["pushed_comments"]}
        self._drop_other_tables(*_LOADED_TABLES, *_EMPTY_TABLES)

    def known_issues(self, *, tracker: str | None = None) -> Iterator[KnownIssue]:
        """As from any store."""
        return (each for each in self._known.values() if tracker in (None, each.issue.ref.tracker))

    def pushed_label_names(self) -> dict[IssueRef, frozenset[str]]:
        """As from any store."""
        return self._labels

    def pushed_comments(self) -> dict[str, PushedCommentRecord]:
        """As from any store."""
        return self._comments

    def label_changes_since_read(self) -> dict[_IssueId, dict[str, bool]]:
        """Nothing: labels were told as they were after our writes."""
        return {}

    def _labels_by_issue(self, rows: Iterable[dict[str, Any]]) -> dict[IssueRef, frozenset[str]]:
        found: defaultdict[IssueRef, list[str]] = defaultdict(list)
        for row in sorted(rows, key=itemgetter("tracker", "issue_id", "label")):
            found[self._current_ref(row["tracker"], row["issue_id"], row["key"])].append(row["label"])
        return {ref: label_set(tuple(labels)) for ref, labels in found.items()}

    def _build_comment(self, row: dict[str, Any]) -> PushedCommentRecord:
        said = {name: row[name] for name in _COMMENT_COLUMNS}
        ref = self._current_ref(row["tracker"], row["issue_id"], row["key"])
        return PushedCommentRecord(ref=ref, edited_at=_parse_utc(row["edited_at"]), **said)

    def _current_ref(self, tracker: str, issue_id: str, key: str) -> IssueRef:
        """With the key that the issue has now."""
        ref = IssueRef(tracker=tracker, id=issue_id, key=key)
        return self._known[ref].issue.ref if ref in self._known else ref

    def _drop_other_tables(self, *names: str) -> None:
        others = [table for table in metadata.sorted_tables if table.name not in names]
        with self._database.write() as connection:
            metadata.drop_all(connection, others, checkfirst=False)


def open_snapshot_view(rows: Iterable[SnapshotRow], *, now: Callable[[], datetime]) -> SnapshotView:
    """The rows of a snapshot, to be looked at. StoreError when one lacks something or says what cannot be."""
    database = open_store("sqlite://", now=now)._database
    try:
        return SnapshotView(database, now, rows)
    except BaseException:
        database.close()
        raise


def _split_off_issue_rows(
    rows: Iterable[SnapshotRow], other_rows: defaultdict[str, list[dict[str, Any]]]
) -> Iterator[SnapshotRow]:
    for table, row in rows:
        if table in _ISSUE_TABLES:
            yield table, row
        else:
            other_rows[table].append(row)


def _build_issues(rows: Iterable[SnapshotRow]) -> dict[IssueRef, KnownIssue]:
    """By tracker and id. Each is made as soon as it is told, because rows are many and large."""
    held: SourcesByIssue = {}
    known: dict[IssueRef, KnownIssue] = {}
    table = ""
    with _explain_row_errors(lambda: table):
        for table, row in rows:
            if table == "issues":
                each = _build_known_issue(row, held.get((row["tracker"], row["id"]), NO_SOURCES))
                known[each.issue.ref] = each
            elif known:
                raise ValueError("it comes after an issue")
            else:
                add_issue_source(held, row["source"], row["tracker"], row["issue_id"])
    in_order = sorted(known, key=attrgetter("tracker", "id"))
    return known if in_order == list(known) else {ref: known[ref] for ref in in_order}


def _build_known_issue(row: dict[str, Any], sources: frozenset[str]) -> KnownIssue:
    vanished = row.get("vanished")
    return KnownIssue(
        issue=decode_issue(
            row["tracker"],
            row["id"],
            row["key"],
            row["container"],
            row["status"],
            row.get("category"),
            _parse_utc(row["updated"]),
            row["payload"],
        ),
        sources=sources,
        first_seen=_parse_utc(row["first_seen"]),
        first_labels=label_set(tuple(row["first_labels"])),
        vanished=vanished and _parse_utc(vanished),
        reopened=row["reopened"],
    )


def _parse_utc(moment: str) -> datetime:
    told = datetime.fromisoformat(moment)
    if told.tzinfo is None:
        raise ValueError(f"a time without a zone: {moment}")
    return told.astimezone(UTC)


@contextmanager
def _explain_row_errors(table: Callable[[], str]) -> Iterator[None]:
    """Turn what is wrong with a row into a sentence."""
    try:
        yield
    except KeyError as error:
        raise missing_column_error(str(error.args[0]), table()) from None
    except (AttributeError, TypeError, ValueError) as error:
        raise damaged_row_error(table(), error) from None
