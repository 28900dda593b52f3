"""What we last wrote on the trackers: labels and status comments."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, func, select, update

from connectors.model import IssueRef
from sync.model.records import PushedComment, PushedLabel
from sync.store.base import Part, is_ref, ref_of, ref_values, without_ref
from sync.store.codec import dumps, label_set
from sync.store.database import chunks, upsert
from sync.store.tables import issues, pushed_comments, pushed_labels
from sync.store.tables_results import baselines

_CAPABILITY = "capability:"


class PushedPart(Part):
    def pushed_labels(self) -> dict[IssueRef, dict[str, PushedLabel]]:
        """The labels that we put and did not remove, by issue and label."""
        found: dict[IssueRef, dict[str, PushedLabel]] = {}
        with self._database.read() as connection:
            for row in connection.execute(_with_todays_key(pushed_labels)).mappings():
                label = PushedLabel(label=row["label"], run_id=row["run_id"], at=row["at"])
                found.setdefault(ref_of(row), {})[label.label] = label
        return found

    def pushed_on(self, ref: IssueRef) -> list[PushedLabel]:
        """The labels that we put on one issue and did not remove, in order."""
        query = select(pushed_labels).where(is_ref(pushed_labels, ref)).order_by(pushed_labels.c.label)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings()
            return [PushedLabel(label=row["label"], run_id=row["run_id"], at=row["at"]) for row in rows]

    def pushed_label_names(self) -> dict[IssueRef, frozenset[str]]:
        """The same without runs and times, for many issues at once."""
        order = (pushed_labels.c.tracker, pushed_labels.c.issue_id, pushed_labels.c.label)
        query = _with_todays_key(pushed_labels, *order).order_by(*order)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        found: dict[IssueRef, frozenset[str]] = {}
        for _, of_issue in groupby(rows, key=lambda row: row[:2]):
            tracker, issue_id, _, key = (same := list(of_issue))[0]
            found[IssueRef(tracker=tracker, id=issue_id, key=key)] = label_set(tuple(row[2] for row in same))
        return found

    def pushed_comments(self) -> dict[str, PushedComment]:
        """Our status comments by subject."""
        with self._database.read() as connection:
            rows = connection.execute(_with_todays_key(pushed_comments)).mappings()
            return {row["subject"]: PushedComment(**without_ref(row)) for row in rows}

    def record_labels(
        self, ref: IssueRef, added: Collection[str], removed: Collection[str], run_id: str, at: datetime
    ) -> None:
        """Remember labels as ours, or as not ours any more."""
        with self._database.write() as connection:
            put_labels(connection, ref, added, removed, run_id, at)

    def record_comment(self, comment: PushedComment) -> None:
        """Remember the comment of a subject, in place of what was known of it."""
        with self._database.write() as connection:
            put_comment(connection, comment)

    def forget_comment(self, subject: str) -> None:
        """The subject has no comment of ours any more."""
        with self._database.write() as connection:
            drop_comment(connection, subject)

    def rename_subject(self, old: str, new: str) -> None:
        """Carry the comment of ``old``, and for ``capability:<id>`` its baseline, over to ``new``.

        What ``new`` has already stays, and then ``old`` keeps its own. Doing it again changes nothing.
        """
        with self._database.write() as connection:
            _rename(connection, pushed_comments.c.subject, old, new)
            if old.startswith(_CAPABILITY) and new.startswith(_CAPABILITY):
                ids = old.removeprefix(_CAPABILITY), new.removeprefix(_CAPABILITY)
                _rename(connection, baselines.c.capability, *ids)

    def rename_baseline(self, old: str, new: str) -> None:
        """Carry the baseline of a capability id over to another, unless that one has its own."""
        with self._database.write() as connection:
            _rename(connection, baselines.c.capability, old, new)

    def fingerprint(self, refs: Iterable[IssueRef]) -> str:
        """A hash of what we pushed on these issues, for saved change sets: any change gives another."""
        wanted = {(ref.tracker, ref.id) for ref in refs}
        with self._database.read() as connection:
            labels = [
                [row.tracker, row.issue_id, row.label]
                for chunk in chunks(sorted(wanted))
                for row in connection.execute(_labels_of(chunk))
                if (row.tracker, row.issue_id) in wanted
            ]
            comments = [
                [row.tracker, row.issue_id, row.subject, row.comment_id, row.full_hash, row.state]
                for row in connection.execute(select(pushed_comments))
                if (row.tracker, row.issue_id) in wanted
            ]
        return hashlib.sha256(dumps([sorted(labels), sorted(comments)]).encode()).hexdigest()


def put_labels(
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
            delete(pushed_labels).where(is_ref(pushed_labels, ref), pushed_labels.c.label.in_(removed))
        )
    rows = [ref_values(ref) | {"label": label, "run_id": run_id, "at": at} for label in added]
    upsert(connection, pushed_labels, rows, update=("key", "run_id", "at"))


def put_comment(connection: Connection, comment: PushedComment) -> None:
    """Within a transaction: remember the comment of a subject."""
    row = ref_values(comment.ref) | {
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


def drop_comment(connection: Connection, subject: str) -> None:
    """Within a transaction: forget the comment of a subject."""
    connection.execute(delete(pushed_comments).where(pushed_comments.c.subject == subject))


def _with_todays_key(table: Table, *columns: ColumnElement[Any]) -> Select[Any]:
    """These columns (else all but the key) and last the key: the one that the issue has now. The key of the day
    on which we wrote is of no use once the repository was renamed or the issue moved."""
    key = func.coalesce(issues.c.key, table.c.key).label("key")
    is_same = and_(issues.c.tracker == table.c.tracker, issues.c.id == table.c.issue_id)
    wanted = columns or [column for column in table.c if column.name != "key"]
    return select(*wanted, key).select_from(table.outerjoin(issues, is_same))


def _labels_of(refs: Collection[tuple[str, str]]) -> Select[Any]:
    """By id alone, which takes one bound value a ref; the caller looks at the tracker."""
    ids = sorted({issue_id for _, issue_id in refs})
    return select(pushed_labels).where(pushed_labels.c.issue_id.in_(ids))


def _rename(connection: Connection, column: Any, old: str, new: str) -> None:
    taken = connection.execute(select(column).where(column == new)).first()
    if taken is None:
        connection.execute(update(column.table).where(column == old).values({column.name: new}))
