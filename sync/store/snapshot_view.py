"""A snapshot that was carried here, to be looked at once: filling a database with it would take longer than looking."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import attrgetter, itemgetter
from typing import Any, Final

from connectors.model import IssueRef, KnownIssue
from sync.model.records import PushedComment
from sync.store.codec import issue_from, label_set
from sync.store.database import Database
from sync.store.issues import NOBODY, Holders, note_holder
from sync.store.open import open_store
from sync.store.snapshot_transfer import SnapshotRow, lacking, unusable
from sync.store.store import Store
from sync.store.tables_base import metadata

_Place = tuple[str, str]
"""Tracker and id."""

_IN_TABLES: Final = ("store_facts", "sources", "overrides", "baselines", "cache")
_OF_ISSUES: Final = ("memberships", "issues")
"""In this order: who holds an issue is told before the issue."""

LOOKED_AT: Final = frozenset((*_IN_TABLES, *_OF_ISSUES, "pushed_labels", "pushed_comments"))
"""Names of the tables of which rows are wanted."""

_OF_COMMENT: Final = ("subject", "comment_id", "body", "full_hash", "urgent_hash", "state", "run_id")
_NEVER_CARRIED: Final = ("expectations",)
"""A snapshot says nothing of them, and may be asked."""


class CarriedStore(Store):
    """What thinking needs of a snapshot: the issues, who holds them, what we wrote there and what people decided.

    Whatever else a store can be asked raises StoreError, because the tables are not there: nothing is taken for empty.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], rows: Iterable[SnapshotRow]) -> None:
        """``rows`` as a store hands them out. StoreError when one lacks something or says what cannot be."""
        super().__init__(database, now)
        told: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._known = _issues(_others_aside(rows, told))
        self.load_snapshot((table, row) for table in _IN_TABLES for row in told[table])
        with _told_of(lambda: "pushed_labels"):
            self._labels = self._by_issue(told["pushed_labels"])
        with _told_of(lambda: "pushed_comments"):
            self._comments = {row["subject"]: self._comment(row) for row in told["pushed_comments"]}
        self._drop_all_but(*_IN_TABLES, *_NEVER_CARRIED)

    def known(self, *, tracker: str | None = None) -> Iterator[KnownIssue]:
        """As from any store."""
        return (each for each in self._known.values() if tracker in (None, each.issue.ref.tracker))

    def pushed_label_names(self) -> dict[IssueRef, frozenset[str]]:
        """As from any store."""
        return self._labels

    def pushed_comments(self) -> dict[str, PushedComment]:
        """As from any store."""
        return self._comments

    def written_since_read(self) -> dict[_Place, dict[str, bool]]:
        """Nothing: labels were told as they were after our writes."""
        return {}

    def _by_issue(self, rows: Iterable[dict[str, Any]]) -> dict[IssueRef, frozenset[str]]:
        found: defaultdict[IssueRef, list[str]] = defaultdict(list)
        for row in sorted(rows, key=itemgetter("tracker", "issue_id", "label")):
            found[self._ref(row["tracker"], row["issue_id"], row["key"])].append(row["label"])
        return {ref: label_set(tuple(labels)) for ref, labels in found.items()}

    def _comment(self, row: dict[str, Any]) -> PushedComment:
        said = {name: row[name] for name in _OF_COMMENT}
        ref = self._ref(row["tracker"], row["issue_id"], row["key"])
        return PushedComment(ref=ref, edited_at=_in_utc(row["edited_at"]), **said)

    def _ref(self, tracker: str, issue_id: str, key: str) -> IssueRef:
        """With the key that the issue has now."""
        ref = IssueRef(tracker=tracker, id=issue_id, key=key)
        return self._known[ref].issue.ref if ref in self._known else ref

    def _drop_all_but(self, *names: str) -> None:
        others = [table for table in metadata.sorted_tables if table.name not in names]
        with self._database.write() as connection:
            metadata.drop_all(connection, others, checkfirst=False)


def carried_store(rows: Iterable[SnapshotRow], *, now: Callable[[], datetime]) -> CarriedStore:
    """The rows of a snapshot, to be looked at. StoreError when one lacks something or says what cannot be."""
    database = open_store("sqlite://", now=now)._database
    try:
        return CarriedStore(database, now, rows)
    except BaseException:
        database.close()
        raise


def _others_aside(
    rows: Iterable[SnapshotRow], told: defaultdict[str, list[dict[str, Any]]]
) -> Iterator[SnapshotRow]:
    for table, row in rows:
        if table in _OF_ISSUES:
            yield table, row
        else:
            told[table].append(row)


def _issues(rows: Iterable[SnapshotRow]) -> dict[IssueRef, KnownIssue]:
    """By tracker and id. Each is made as soon as it is told, because rows are many and large."""
    held: Holders = {}
    known: dict[IssueRef, KnownIssue] = {}
    table = ""
    with _told_of(lambda: table):
        for table, row in rows:
            if table == "issues":
                each = _known(row, held.get((row["tracker"], row["id"]), NOBODY))
                known[each.issue.ref] = each
            elif known:
                raise ValueError("it comes after an issue")
            else:
                note_holder(held, row["source"], row["tracker"], row["issue_id"])
    in_order = sorted(known, key=attrgetter("tracker", "id"))
    return known if in_order == list(known) else {ref: known[ref] for ref in in_order}


def _known(row: dict[str, Any], sources: frozenset[str]) -> KnownIssue:
    vanished = row.get("vanished")
    return KnownIssue(
        issue=issue_from(
            row["tracker"],
            row["id"],
            row["key"],
            row["container"],
            row["status"],
            row.get("category"),
            _in_utc(row["updated"]),
            row["payload"],
        ),
        sources=sources,
        first_seen=_in_utc(row["first_seen"]),
        first_labels=label_set(tuple(row["first_labels"])),
        vanished=vanished and _in_utc(vanished),
        reopened=row["reopened"],
    )


def _in_utc(moment: str) -> datetime:
    told = datetime.fromisoformat(moment)
    if told.tzinfo is None:
        raise ValueError(f"a time without a zone: {moment}")
    return told.astimezone(UTC)


@contextmanager
def _told_of(table: Callable[[], str]) -> Iterator[None]:
    """Turn what is wrong with a row into a sentence."""
    try:
        yield
    except KeyError as error:
        raise lacking(str(error.args[0]), table()) from None
    except (AttributeError, TypeError, ValueError) as error:
        raise unusable(table(), error) from None
