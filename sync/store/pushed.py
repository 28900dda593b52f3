"""What we last wrote on the trackers: labels and status comments."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, func, select, update

from connectors.model import IssueRef
from sync.model.records import PushedCommentRecord, PushedLabelRecord
from sync.store.base import StorePart, matches_ref, parse_ref, ref_columns, row_with_ref
from sync.store.codec import dump_json, label_set
from sync.store.database import chunks, upsert
from sync.store.tables import issues, pushed_comments, pushed_labels
from sync.store.tables_results import baselines

_CAPABILITY_PREFIX = "capability:"


class PushedPart(StorePart):
    def pushed_labels(self) -> dict[IssueRef, dict[str, PushedLabelRecord]]:
        """The labels that we put and did not remove, by issue and label."""
        found: dict[IssueRef, dict[str, PushedLabelRecord]] = {}
        with self._database.read() as connection:
            for row in connection.execute(_select_with_current_key(pushed_labels)).mappings():
                label = PushedLabelRecord(label=row["label"], run_id=row["run_id"], at=row["at"])
                found.setdefault(parse_ref(row), {})[label.label] = label
        return found

    def pushed_labels_on(self, ref: IssueRef) -> list[PushedLabelRecord]:
        """The labels that we put on one issue and did not remove, in order."""
        query = select(pushed_labels).where(matches_ref(pushed_labels, ref)).order_by(pushed_labels.c.label)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings()
            return [PushedLabelRecord(label=row["label"], run_id=row["run_id"], at=row["at"]) for row in rows]

    def pushed_label_names(self) -> dict[IssueRef, frozenset[str]]:
        """The same without runs and times, for many issues at once."""
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
        """Our status comments by subject."""
        with self._database.read() as connection:
            rows = connection.execute(_select_with_current_key(pushed_comments)).mappings()
            return {row["subject"]: PushedCommentRecord(**row_with_ref(row)) for row in rows}

    def record_pushed_labels(
        self, ref: IssueRef, added: Collection[str], removed: Collection[str], run_id: str, at: datetime
    ) -> None:
        """Remember labels as ours, or as not ours any more."""
        with self._database.write() as connection:
            save_pushed_labels(connection, ref, added, removed, run_id, at)

    def record_pushed_comment(self, comment: PushedCommentRecord) -> None:
        """Remember the comment of a subject, in place of what was known of it."""
        with self._database.write() as connection:
            save_pushed_comment(connection, comment)

    def forget_pushed_comment(self, subject: str) -> None:
        """The subject has no comment of ours any more."""
        with self._database.write() as connection:
            delete_pushed_comment(connection, subject)

    def rename_subject(self, old: str, new: str) -> None:
        """Carry the comment of ``old``, and for ``capability:<id>`` its baseline, over to ``new``.

        What ``new`` has already stays, and then ``old`` keeps its own. Doing it again changes nothing.
        """
        with self._database.write() as connection:
            _rename_value(connection, pushed_comments.c.subject, old, new)
            if old.startswith(_CAPABILITY_PREFIX) and new.startswith(_CAPABILITY_PREFIX):
                ids = old.removeprefix(_CAPABILITY_PREFIX), new.removeprefix(_CAPABILITY_PREFIX)
                _rename_value(connection, baselines.c.capability, *ids)

    def rename_baseline(self, old: str, new: str) -> None:
        """Carry the baseline of a capability id over to another, unless that one has its own."""
        with self._database.write() as connection:
            _rename_value(connection, baselines.c.capability, old, new)

    def pushed_fingerprint(self, refs: Iterable[IssueRef]) -> str:
        """A hash of what we pushed on these issues, for saved change sets: any change gives another."""
        wanted = {(ref.tracker, ref.id) for ref in refs}
        with self._database.read() as connection:
            labels = [
                [row.tracker, row.issue_id, row.label]
                for chunk in chunks(sorted(wanted))
                for row in connection.execute(_select_labels(chunk))
                if (row.tracker, row.issue_id) in wanted
            ]
            comments = [
                [row.tracker, row.issue_id, row.subject, row.comment_id, row.full_hash, row.state]
                for row in connection.execute(select(pushed_comments))
                if (row.tracker, row.issue_id) in wanted
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
    """Within a transaction: remember the added labels as pushed, forget the removed ones."""
    if removed:
        connection.execute(
            delete(pushed_labels).where(matches_ref(pushed_labels, ref), pushed_labels.c.label.in_(removed))
        )
    rows = [ref_columns(ref) | {"label": label, "run_id": run_id, "at": at} for label in added]
    upsert(connection, pushed_labels, rows, update=("key", "run_id", "at"))


def save_pushed_comment(connection: Connection, comment: PushedCommentRecord) -> None:
    """Within a transaction: remember the comment of a subject."""
    row = ref_columns(comment.ref) | {
        "subject": comment.subject,
        "comment_id": comment.comment_id,
        "body": comment.body,
        "full_hash": comment.full_hash,
        "urgent_hash": comment.urgent_hash,
        "edited_at": comment.edited_at,
        "state": comment.state,
        "run_id": comment.run_id,
    }
    upsert(connection, pushed_comments, [row], update=[name for name in row if name != "subject"])


def delete_pushed_comment(connection: Connection, subject: str) -> None:
    """Within a transaction: forget the comment of a subject."""
    connection.execute(delete(pushed_comments).where(pushed_comments.c.subject == subject))


def _select_with_current_key(table: Table, *columns: ColumnElement[Any]) -> Select[Any]:
    """These columns (else all but the key) and last the key: the one that the issue has now. The key of the day
    on which we wrote is of no use once the repository was renamed or the issue moved."""
    key = func.coalesce(issues.c.key, table.c.key).label("key")
    is_same = and_(issues.c.tracker == table.c.tracker, issues.c.id == table.c.issue_id)
    wanted = columns or [column for column in table.c if column.name != "key"]
    return select(*wanted, key).select_from(table.outerjoin(issues, is_same))


def _select_labels(refs: Collection[tuple[str, str]]) -> Select[Any]:
    """By id alone, which takes one bound value a ref; the caller looks at the tracker."""
    ids = sorted({issue_id for _, issue_id in refs})
    return select(pushed_labels).where(pushed_labels.c.issue_id.in_(ids))


def _rename_value(connection: Connection, column: Any, old: str, new: str) -> None:
    taken = connection.execute(select(column).where(column == new)).first()
    if taken is None:
        connection.execute(update(column.table).where(column == old).values({column.name: new}))
