"""Read stored issues and their events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, Text, select, tuple_, type_coerce

from connectors.model import IssueRef, KnownIssue
from sync.model.records import IssueEvent
from sync.store.base import StorePart, matches_ref
from sync.store.codec import decode_issue, label_set_from_json, load_json
from sync.store.tables import issue_changes, issue_events, issues, memberships

NO_SOURCES: Final[frozenset[str]] = frozenset()
_PAGE_SIZE: Final = 2000
_SELECT_ISSUES: Final = select(
    *(issues.c[name] for name in ("tracker", "id", "key", "container", "status", "category")),
    *(type_coerce(issues.c[name], Text) for name in ("updated", "payload", "first_seen", "first_labels")),
    issues.c.vanished,
    issues.c.reopened,
)
"""In the order that ``_build_known_issue`` expects, and raw: these rows are read for every issue in every run."""


class IssuesPart(StorePart):
    def known_issues(self, *, tracker: str | None = None) -> Iterator[KnownIssue]:
        """Yield all issues, or those of one tracker, ordered by tracker and id.

        Reads page by page: 100,000 issues take little memory, and no transaction stays open while the caller works.
        """
        query = _SELECT_ISSUES.order_by(issues.c.tracker, issues.c.id).limit(_PAGE_SIZE)
        if tracker is not None:
            query = query.where(issues.c.tracker == tracker)
        with self._database.read() as connection:
            former = load_former_keys(connection)
        page = self._fetch_page(query, former)
        while page:
            yield from page
            if len(page) < _PAGE_SIZE:
                return
            last = page[-1].issue.ref
            after = tuple_(issues.c.tracker, issues.c.id) > (last.tracker, last.id)
            page = self._fetch_page(query.where(after), former)

    def known_issue(self, tracker: str, id_or_key: str) -> KnownIssue | None:
        """Return one issue by id, or by its latest key.

        An id is preferred to a key, and an existing issue to a vanished one.
        """
        # With both conditions or an order in one query SQLite scans all issues of the tracker.
        if by_id := self._find_by_id(tracker, id_or_key):
            return by_id
        keyed = select(issues.c.id).where(issues.c.tracker == tracker, issues.c.key == id_or_key)
        ids = [row["id"] for row in self._fetch_rows(keyed)]
        found = [known for each in ids if (known := self._find_by_id(tracker, each))]
        return min(found, key=_newest_first) if found else None

    def moved_issues(self) -> list[KnownIssue]:
        """Return all issues that had another key before."""
        with self._database.read() as connection:
            places = list(load_former_keys(connection))
        return [known for place in places if (known := self._find_by_id(*place))]

    def moved_issue(self, tracker: str, key: str) -> KnownIssue | None:
        """Return the issue that had this key before a move that a run noticed or its history tells."""
        with self._database.read() as connection:
            former = load_former_keys(connection)
        found = [
            issue_id
            for (where, issue_id), keys in former.items()
            if where == tracker and key.lower() in map(str.lower, keys)
        ]
        return next((known for each in found if (known := self._find_by_id(tracker, each))), None)

    def _find_by_id(self, tracker: str, issue_id: str) -> KnownIssue | None:
        query = _SELECT_ISSUES.where(issues.c.tracker == tracker, issues.c.id == issue_id)
        with self._database.read() as connection:
            former = load_former_keys(connection, (tracker, issue_id))
        return next(iter(self._fetch_page(query, former)), None)

    def issue_events(self, ref: IssueRef) -> list[IssueEvent]:
        """Return the events of an issue, oldest first."""
        query = select(issue_events).where(matches_ref(issue_events, ref)).order_by(issue_events.c.id)
        return self._fetch_records(IssueEvent, query)

    def _fetch_page(self, query: Select[Any], former_keys: FormerKeys) -> list[KnownIssue]:
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            holders = _load_sources_by_issue(connection, rows)
        return [
            _build_known_issue(
                row, holders.get((row[0], row[1]), NO_SOURCES), former_keys.get((row[0], row[1]), ())
            )
            for row in rows
        ]


FormerKeys = dict[tuple[str, str], tuple[str, ...]]
"""(tracker, id) -> former keys."""


def load_former_keys(connection: Connection, of: tuple[str, str] | None = None) -> FormerKeys:
    """Return the former keys of all issues, or of one, by the moves that runs noticed and by histories."""
    found: FormerKeys = {}
    for table, kind in ((issue_events, "moved"), (issue_changes, "key")):
        query = select(table.c.tracker, table.c.issue_id, table.c.before).where(table.c.kind == kind)
        if of is not None:
            query = query.where(table.c.tracker == of[0], table.c.issue_id == of[1])
        for tracker, issue_id, before in connection.execute(query):
            add_former_key(found, tracker, issue_id, before["key"] if kind == "moved" else before)
    return found


def add_former_key(former_keys: FormerKeys, tracker: str, issue_id: str, key: str) -> None:
    """Add a key to those of an issue."""
    known = former_keys.get((tracker, issue_id), ())
    if key and key not in known:
        former_keys[tracker, issue_id] = (*known, key)


def _newest_first(known: KnownIssue) -> tuple[bool, float]:
    return known.vanished is not None, -known.issue.updated.timestamp()


def _load_sources_by_issue(connection: Connection, rows: Sequence[Row[Any]]) -> SourcesByIssue:
    """Return the sources of the issues of a page, which is ordered by tracker and id."""
    if not rows:
        return {}
    place = tuple_(memberships.c.tracker, memberships.c.issue_id)
    first, last = ((row.tracker, row.id) for row in (rows[0], rows[-1]))
    query = select(memberships.c.source, memberships.c.tracker, memberships.c.issue_id)
    found: SourcesByIssue = {}
    for source, tracker, issue_id in connection.execute(query.where(place >= first, place <= last)).all():
        add_issue_source(found, source, tracker, issue_id)
    return found


SourcesByIssue = dict[tuple[str, str], frozenset[str]]
"""(tracker, id) -> source names."""


def add_issue_source(sources_by_issue: SourcesByIssue, source: str, tracker: str, issue_id: str) -> None:
    """Add a source to those of an issue."""
    before = sources_by_issue.get((tracker, issue_id))
    sources_by_issue[tracker, issue_id] = _single_source(source) if before is None else before | {source}


@lru_cache(maxsize=1024)
def _single_source(source: str) -> frozenset[str]:
    """Return a shared frozenset: most issues have one source."""
    return frozenset((source,))


def _build_known_issue(
    row: Sequence[Any], sources: frozenset[str], former_keys: tuple[str, ...]
) -> KnownIssue:
    tracker, id_, key, container, status, category, updated, payload, *more = row
    first_seen, first_labels, vanished, reopened = more
    return KnownIssue(
        issue=decode_issue(
            tracker, id_, key, container, status, category, _parse_utc(updated), load_json(payload)
        ),
        sources=sources,
        first_seen=_parse_utc(first_seen),
        first_labels=label_set_from_json(first_labels),
        vanished=vanished,
        reopened=reopened,
        former_keys=tuple(each for each in former_keys if each != key),
    )


def _parse_utc(time: str | datetime) -> datetime:
    """Return an aware time. SQLite returns text without a zone, PostgreSQL times in the session's zone."""
    if isinstance(time, str):
        return datetime.fromisoformat(f"{time}+00:00")
    return time.astimezone(UTC)
