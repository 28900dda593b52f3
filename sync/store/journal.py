"""The journal: every write is announced before it is sent, and its result noted after.

Append-only. An entry is never edited; what became of it is a row of its own, and the last one counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Select, and_, func, insert, select

from connectors.model import IssueRef
from sync.model.records import JournalEntry, Operation, OutcomeCount, PushedCommentRecord, WriteOutcome
from sync.store.base import StorePart, matches_ref, ref_columns, row_with_ref
from sync.store.codec import RowValues
from sync.store.pushed import delete_pushed_comment, save_pushed_comment, save_pushed_labels
from sync.store.tables import journal_entries, journal_results


class JournalPart(StorePart):
    def journal_intent(
        self,
        *,
        run_id: str,
        at: datetime,
        ref: IssueRef,
        op: Operation,
        payload: Mapping[str, Any],
        before: Mapping[str, Any],
        rule: str | None,
        why: str,
        account: str | None = None,
    ) -> int:
        """Announce a write; it is on the disk when this returns. ``payload`` (what is sent) and ``before``
        (what was there) are JSON objects without secrets, ``account`` is the one that sends it. Out: the id of the
        entry."""
        values = ref_columns(ref) | {
            "run_id": run_id,
            "at": at,
            "op": op,
            "payload": dict(payload),
            "before": dict(before),
            "rule": rule,
            "why": why,
            "account": account,
        }
        with self._database.write() as connection:
            announced = connection.execute(insert(journal_entries).values(values)).inserted_primary_key
        return int(cast("tuple[int]", announced)[0])

    def journal_result(
        self,
        entry_id: int,
        outcome: WriteOutcome,
        at: datetime,
        detail: str = "",
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Note what became of an announced write. After ``unknown`` another result may follow."""
        with self._database.write() as connection:
            _insert_result(connection, entry_id, outcome, at, detail, after)

    def complete_write(
        self,
        entry_id: int,
        at: datetime,
        *,
        ref: IssueRef,
        added: Collection[str] = (),
        removed: Collection[str] = (),
        comment: PushedCommentRecord | None = None,
        deleted_subject: str | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Note ``done`` and what we pushed by it, in one transaction: both or neither.

        ``comment`` is what our comment is now; ``deleted_subject`` names the subject whose comment was deleted.
        """
        with self._database.write() as connection:
            run_of_entry = select(journal_entries.c.run_id).where(journal_entries.c.id == entry_id)
            run_id = connection.execute(run_of_entry).scalar_one()
            save_pushed_labels(connection, ref, added, removed, run_id, at)
            if comment is not None:
                save_pushed_comment(connection, comment)
            if deleted_subject is not None:
                delete_pushed_comment(connection, deleted_subject)
            _insert_result(connection, entry_id, "done", at, "", after)

    def journal(
        self, *, run_id: str | None = None, ref: IssueRef | None = None, limit: int | None = None
    ) -> list[JournalEntry]:
        """Entries with their results, oldest first; with ``limit`` the last so many."""
        query = _select_entries()
        if run_id is not None:
            query = query.where(journal_entries.c.run_id == run_id)
        if ref is not None:
            query = query.where(matches_ref(journal_entries, ref))
        newest_first = query.order_by(journal_entries.c.id.desc()).limit(limit)
        return self._fetch_entries(newest_first)[::-1]

    def count_outcomes(self, run_id: str | None = None) -> list[OutcomeCount]:
        """How often what became of announced writes, in one run or in all. Only ever grows: a write that was
        ``unknown`` first counts as that and as what it turned out to be."""
        entries, results = journal_entries, journal_results
        what = (entries.c.tracker, entries.c.op, results.c.outcome)
        query = select(*what, func.count().label("number")).join_from(entries, results).group_by(*what)
        if run_id is not None:
            query = query.where(entries.c.run_id == run_id)
        with self._database.read() as connection:
            return [OutcomeCount(**row) for row in connection.execute(query).mappings()]

    def pending_writes(self) -> list[JournalEntry]:
        """Entries of which nobody knows whether the write took effect, oldest first: without a result (the
        run died there) or ``unknown`` (the answer was lost)."""
        settled = select(journal_results.c.entry_id).where(journal_results.c.outcome != "unknown")
        still_open = _select_entries().where(journal_entries.c.id.not_in(settled))
        return self._fetch_entries(still_open.order_by(journal_entries.c.id))

    def _fetch_entries(self, query: Select[Any]) -> list[JournalEntry]:
        with self._database.read() as connection:
            return [_build_entry(row) for row in connection.execute(query).mappings()]


def _insert_result(
    connection: Connection,
    entry_id: int,
    outcome: WriteOutcome,
    at: datetime,
    detail: str,
    after: Mapping[str, Any] | None,
) -> None:
    result = {"entry_id": entry_id, "outcome": outcome, "at": at, "detail": detail, "after": after}
    connection.execute(insert(journal_results).values(result))


def _select_entries() -> Select[Any]:
    """Each entry with its last result."""
    entries, results = journal_entries, journal_results
    last = select(func.max(results.c.id)).where(results.c.entry_id == entries.c.id)
    return select(
        entries,
        results.c.outcome,
        results.c.at.label("resulted_at"),
        results.c.detail,
        results.c.after,
    ).select_from(
        entries.outerjoin(
            results,
            and_(
                results.c.entry_id == entries.c.id, results.c.id == last.correlate(entries).scalar_subquery()
            ),
        ),
    )


def _build_entry(row: RowValues) -> JournalEntry:
    return JournalEntry(**row_with_ref(row) | {"detail": row["detail"] or ""})
