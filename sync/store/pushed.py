"""Pushed state: labels and status comments as we last wrote them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, func, select, update

from connectors.model import IssueRef
from sync.model.records import PushedCommentRecord, PushedLabelRecord
from sync.store.base import StorePart, build_record, matches_ref, parse_ref, ref_columns, row_values
from sync.store.codec import dump_json, label_set
from sync.store.database import chunks, upsert, value_columns
from sync.store.tables import baselines, issues, pushed_comments, pushed_labels

_CAPABILITY_PREFIX = "capability:"


class PushedPart(StorePart):
    def pushed_labels(self) -> dict[IssueRef, dict[str, PushedLabelRecord]]:
        """Return issue -> label -> record of all labels that we added and did not remove."""
        found: dict[IssueRef, dict[str, PushedLabelRecord]] = {}
        with self._database.read() as connection:
            for row in connection.execute(_select_with_current_key(pushed_labels)).mappings():
                found.setdefault(parse_ref(row), {})[row["label"]] = build_record(PushedLabelRecord, row)
        return found

    def pushed_labels_on(self, ref: IssueRef) -> list[PushedLabelRecord]:
        """Return the pushed labels of one issue, ordered by name."""
        query = select(pushed_labels).where(matches_ref(pushed_labels, ref))
        return self._fetch_records(PushedLabelRecord, query.order_by(pushed_labels.c.label))

    def pushed_label_names(self) -> dict[IssueRef, frozenset[str]]:
        """Return issue -> names of its pushed labels."""
        order = (pushed_labels.c.tracker, pushed_labels.c.issue_id, pushed_labels.c.label)
        query = _select_with_current_key(pushed_labels, *order).order_by(*order)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        found: dict[IssueRef, frozenset[str]] = {}
        for _, of_issue in groupby(rows, key=lambda row: row[:2]):
            tracker, issue_id, _, key = (same := list(of_issue))[0]
            found[IssueRef(tracker=tracker, id=issue_id, key=key)] = label_set(tuple(row[2] for row in same))
        return found

    def pushed_comments(self) -> dict[str, PushedCommentRecord]:
        """Return subject -> status comment."""
        found = self._fetch_records(PushedCommentRecord, _select_with_current_key(pushed_comments))
        return {comment.subject: comment for comment in found}

    def record_pushed_labels(
        self, ref: IssueRef, added: Collection[str], removed: Collection[str], run_id: str, at: datetime
    ) -> None:
        """Record labels as added or removed by us."""
        with self._database.write() as connection:
            save_pushed_labels(connection, ref, added, removed, run_id, at)

    def record_pushed_comment(self, comment: PushedCommentRecord) -> None:
        """Save the status comment of a subject in place of an earlier one."""
        with self._database.write() as connection:
            save_pushed_comment(connection, comment)

    def forget_pushed_comment(self, subject: str) -> None:
        """Delete the record of a subject's status comment."""
        with self._database.write() as connection:
            delete_pushed_comment(connection, subject)

    def rename_subject(self, old: str, new: str) -> None:
        """Rename the subject of a comment and, for ``capability:<id>``, of its baseline. Idempotent.

        If ``new`` has its own, both stay.
        """
        with self._database.write() as connection:
            _rename_value(connection, pushed_comments.c.subject, old, new)
            if old.startswith(_CAPABILITY_PREFIX) and new.startswith(_CAPABILITY_PREFIX):
                ids = old.removeprefix(_CAPABILITY_PREFIX), new.removeprefix(_CAPABILITY_PREFIX)
                _rename_value(connection, baselines.c.capability, *ids)

    def rename_baseline(self, old: str, new: str) -> None:
        """Give the baseline of a capability to another id, unless that one has its own."""
        with self._database.write() as connection:
            _rename_value(connection, baselines.c.capability, old, new)

    def pushed_fingerprint(self, refs: Iterable[IssueRef]) -> str:
        """Return a hash of the pushed state of these issues. Saved change sets are stale if it differs."""
        keys = {(ref.tracker, ref.id) for ref in refs}
        with self._database.read() as connection:
            labels = [
                [row.tracker, row.issue_id, row.label]
                for chunk in chunks(sorted(keys))
                for row in connection.execute(_select_labels(chunk))
                if (row.tracker, row.issue_id) in keys
            ]
            comments = [
                [row.tracker, row.issue_id, row.subject, row.comment_id, row.full_hash, row.state]
                for row in connection.execute(select(pushed_comments))
                if (row.tracker, row.issue_id) in keys
            ]
        return hashlib.sha256(dump_json([sorted(labels), sorted(comments)]).encode()).hexdigest()


def save_pushed_labels(
    connection: Connection,
    ref: IssueRef,
    added: Collection[str],
    removed: Collection[str],
    run_id: str,
    at: datetime,
) -> None:
    """Within a transaction, record labels as added or removed by us."""
    if removed:
        of_issue = delete(pushed_labels).where(matches_ref(pushed_labels, ref))
        connection.execute(of_issue.where(pushed_labels.c.label.in_(removed)))
    rows = [ref_columns(ref) | {"label": label, "run_id": run_id, "at": at} for label in added]
    upsert(connection, pushed_labels, rows, update=("key", "run_id", "at"))


def save_pushed_comment(connection: Connection, comment: PushedCommentRecord) -> None:
    """Within a transaction, save the status comment of a subject."""
    upsert(connection, pushed_comments, [row_values(comment)], update=value_columns(pushed_comments))


def delete_pushed_comment(connection: Connection, subject: str) -> None:
    """Within a transaction, delete the record of a subject's status comment."""
    connection.execute(delete(pushed_comments).where(pushed_comments.c.subject == subject))


def _select_with_current_key(table: Table, *columns: ColumnElement[Any]) -> Select[Any]:
    """Select these columns (default: all but the key) and, last, the issue's current key.

    The key at the time of the write is useless once the issue moved or its repository was renamed.
    """
    key = func.coalesce(issues.c.key, table.c.key).label("key")
    is_same = and_(issues.c.tracker == table.c.tracker, issues.c.id == table.c.issue_id)
    selected = columns or [column for column in table.c if column.name != "key"]
    return select(*selected, key).select_from(table.outerjoin(issues, is_same))


def _select_labels(refs: Collection[tuple[str, str]]) -> Select[Any]:
    """Select by issue id alone, with one bound value per ref; the caller filters by tracker."""
    ids = sorted({issue_id for _, issue_id in refs})
    return select(pushed_labels).where(pushed_labels.c.issue_id.in_(ids))


def _rename_value(connection: Connection, column: Any, old: str, new: str) -> None:
    existing = connection.execute(select(column).where(column == new)).first()
    if existing is None:
        connection.execute(update(column.table).where(column == old).values({column.name: new}))
