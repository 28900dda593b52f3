"""Roll-ups, baselines and assignments, which later runs compare with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select

from connectors.model import IssueRef
from mappings.model import Assignment
from sync.model.records import AssignmentRecord
from sync.model.rollup import Baseline
from sync.store.base import StorePart, matches_ref, ref_columns, row_with_ref
from sync.store.database import chunks, upsert
from sync.store.tables import assignment_history, assignments, baselines, rollups

_INDEX_SUBJECT: Final = ""
"""Subject of the row that lists the subjects of a roll-up in order."""


class RollupsPart(StorePart):
    def baselines(self) -> dict[str, Baseline]:
        """Return capability id -> baseline."""
        with self._database.read() as connection:
            return {
                row.capability: Baseline(capability=row.capability, at=row.at, refs=_parse_refs(row.refs))
                for row in connection.execute(select(baselines))
            }

    def save_baseline(self, capability_id: str, at: datetime, refs: Collection[IssueRef]) -> None:
        """Set the baseline of a capability in place of an older one."""
        listed = [[ref.tracker, ref.id, ref.key] for ref in sorted(refs)]
        with self._database.write() as connection:
            row = {"capability": capability_id, "at": at, "refs": listed}
            upsert(connection, baselines, [row], update=("at", "refs"))

    def assignments(self) -> dict[IssueRef, AssignmentRecord]:
        """Return issue -> assignment. Issues that lost theirs have one with ``capability`` None."""
        with self._database.read() as connection:
            return _current_assignments(connection)

    def save_assignments(self, run_id: str, at: datetime, now_assigned: Sequence[Assignment]) -> None:
        """Save all current assignments; other issues lose theirs. Changes go into the history."""
        with self._database.write() as connection:
            before = _current_assignments(connection)
            now: dict[IssueRef, AssignmentRecord] = {}
            for assignment in now_assigned:
                if assignment.ref not in now:
                    now[assignment.ref] = _assigned_record(assignment, before.get(assignment.ref), run_id, at)
            for ref, row in before.items():
                if ref not in now and row.capability is not None:
                    now[ref] = _unassigned_record(row, run_id, at)
            changed = [
                row
                for ref, row in now.items()
                if _assignment_identity(row) != _assignment_identity(before.get(ref))
            ]
            moved_keys = [row for ref, row in now.items() if ref in before and before[ref].ref.key != ref.key]
            _write_assignments(connection, [*changed, *moved_keys])
            _append_history(connection, changed, at)

    def assignment_history(self, ref: IssueRef) -> list[AssignmentRecord]:
        """Return every change of an issue's assignment, oldest first.

        ``since`` is the time of the run that noticed the change.
        """
        columns = [column for column in assignment_history.c if column.name != "id"]
        query = select(*columns).where(matches_ref(assignment_history, ref)).order_by(assignment_history.c.id)
        with self._database.read() as connection:
            return [AssignmentRecord(**row_with_ref(row)) for row in connection.execute(query).mappings()]

    def save_rollup(self, run_id: str, at: datetime, by_subject: Mapping[str, Any]) -> None:
        """Save the roll-up of a run as subject -> JSON value, in place of an earlier save of the same run."""
        shared = {"run_id": run_id, "at": at}
        rows = [shared | {"subject": subject, "body": body} for subject, body in by_subject.items()]
        whole = shared | {"subject": _INDEX_SUBJECT, "body": list(by_subject)}
        with self._database.write() as connection:
            connection.execute(delete(rollups).where(rollups.c.run_id == run_id))
            connection.execute(insert(rollups), [*rows, whole])

    def last_rollup(self, at: datetime | None = None) -> tuple[datetime, dict[str, Any]] | None:
        """Return the last saved roll-up, if given up to ``at``: (time, subject -> JSON value in order).

        Returns None before the first.
        """
        newest = select(func.max(rollups.c.id)).where(rollups.c.subject == _INDEX_SUBJECT)
        if at is not None:
            newest = newest.where(rollups.c.at <= at)
        with self._database.read() as connection:
            last = newest.scalar_subquery()
            whole = connection.execute(select(rollups).where(rollups.c.id == last)).first()
            if whole is None:
                return None
            rows = connection.execute(select(rollups).where(rollups.c.run_id == whole.run_id))
            bodies = {row.subject: row.body for row in rows}
        return whole.at, {subject: bodies[subject] for subject in whole.body}


def _parse_refs(listed: Iterable[Sequence[str]]) -> frozenset[IssueRef]:
    return frozenset(IssueRef(tracker=tracker, id=issue_id, key=key) for tracker, issue_id, key in listed)


def _current_assignments(connection: Connection) -> dict[IssueRef, AssignmentRecord]:
    rows = connection.execute(select(assignments)).mappings()
    return {row.ref: row for row in (AssignmentRecord(**row_with_ref(values)) for values in rows)}


def _assigned_record(
    assignment: Assignment, before: AssignmentRecord | None, run_id: str, at: datetime
) -> AssignmentRecord:
    stays = before is not None and before.capability == assignment.capability
    return AssignmentRecord(
        ref=assignment.ref,
        capability=assignment.capability,
        rule=assignment.rule,
        team=assignment.team,
        iteration=assignment.iteration,
        since=before.since if before is not None and stays else at,
        run_id=run_id,
    )


def _unassigned_record(before: AssignmentRecord, run_id: str, at: datetime) -> AssignmentRecord:
    return AssignmentRecord(
        ref=before.ref,
        capability=None,
        rule=None,
        team=before.team,
        iteration=None,
        since=at,
        run_id=run_id,
    )


def _assignment_identity(row: AssignmentRecord | None) -> tuple[str | None, ...] | None:
    """Return the values whose change makes a new history entry."""
    return (row.capability, row.rule, row.team, row.iteration) if row else None


def _assignment_values(row: AssignmentRecord) -> dict[str, Any]:
    return ref_columns(row.ref) | {
        "capability": row.capability,
        "rule": row.rule,
        "team": row.team,
        "iteration": row.iteration,
        "since": row.since,
        "run_id": row.run_id,
    }


def _write_assignments(connection: Connection, rows: Sequence[AssignmentRecord]) -> None:
    values = [_assignment_values(row) for row in rows]
    columns = [column.name for column in assignments.c if not column.primary_key]
    upsert(connection, assignments, values, update=columns)


def _append_history(connection: Connection, rows: Sequence[AssignmentRecord], at: datetime) -> None:
    for chunk in chunks(rows):
        connection.execute(
            insert(assignment_history), [_assignment_values(row) | {"since": at} for row in chunk]
        )
