"""Write-ahead journal: every write is recorded before it is sent, and its result afterwards.

Append-only: results are rows of their own, and the last one counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Select, and_, func, insert, select

from connectors.model import IssueRef
from sync.model.records import JournalEntry, Operation, OutcomeCount, PushedCommentRecord, WriteOutcome
from sync.store.base import StorePart, matches_ref, ref_columns
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
        """Record a write before it is sent, and return the id of the entry. Durable when it returns.

        ``payload`` (what is sent) and ``before`` (the previous state) are JSON objects without secrets; ``account`` is
        the sender.
        """
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
            inserted = connection.execute(insert(journal_entries).values(values)).inserted_primary_key
        return int(cast("tuple[int]", inserted)[0])

    def journal_result(
        self,
        entry_id: int,
        outcome: WriteOutcome,
        at: datetime,
        detail: str = "",
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Record the result of a write. Another may follow after ``unknown``."""
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
        """Record ``done`` and the new pushed state in one transaction.

        ``comment``: our comment as written. ``deleted_subject``: the subject whose comment was deleted.
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
        """Return entries with their results, oldest first; with ``limit`` only the last ones."""
        query = _select_entries()
        if run_id is not None:
            query = query.where(journal_entries.c.run_id == run_id)
        if ref is not None:
            query = query.where(matches_ref(journal_entries, ref))
        newest_first = query.order_by(journal_entries.c.id.desc()).limit(limit)
        return self._fetch_records(JournalEntry, newest_first)[::-1]

    def count_outcomes(self, run_id: str | None = None) -> list[OutcomeCount]:
        """Count the results of all writes, or those of one run.

        Counts only grow: a write that was ``unknown`` first counts again under its final result.
        """
        entries, results = journal_entries, journal_results
        group = (entries.c.tracker, entries.c.op, results.c.outcome)
        query = select(*group, func.count().label("number")).join_from(entries, results).group_by(*group)
        if run_id is not None:
            query = query.where(entries.c.run_id == run_id)
        return self._fetch_records(OutcomeCount, query)

    def pending_writes(self) -> list[JournalEntry]:
        """Return entries with an unknown effect, oldest first.

        They have no result, because the run died, or ``unknown``, because the response was lost.
        """
        settled = select(journal_results.c.entry_id).where(journal_results.c.outcome != "unknown")
        still_open = _select_entries().where(journal_entries.c.id.not_in(settled))
        return self._fetch_records(JournalEntry, still_open.order_by(journal_entries.c.id))


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
    """Select each entry with its last result."""
    entries, results = journal_entries, journal_results
    last = select(func.max(results.c.id)).where(results.c.entry_id == entries.c.id)
    is_last = results.c.id == last.correlate(entries).scalar_subquery()
    return select(
        entries,
        results.c.outcome,
        results.c.at.label("resulted_at"),
        func.coalesce(results.c.detail, "").label("detail"),
        results.c.after,
    ).outerjoin_from(entries, results, and_(results.c.entry_id == entries.c.id, is_last))
