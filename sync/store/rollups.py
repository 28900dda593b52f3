"""Roll-ups, baselines and assignments, which later runs compare with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select

from connectors.model import IssueRef
from mappings.model import Assignment
from sync.model.records import AssignmentRecord
from sync.model.rollup import Baseline
from sync.store.base import StorePart, build_record, matches_ref, parse_refs, refs_body, row_values
from sync.store.database import insert_rows, upsert, value_columns
from sync.store.tables import assignment_history, assignments, baselines, rollups

_INDEX_SUBJECT: Final = ""
"""Subject of the row that lists the subjects of a roll-up in order."""


class RollupsPart(StorePart):
    def baselines(self) -> dict[str, Baseline]:
        """Return capability id -> baseline."""
        rows = self._fetch_rows(select(baselines))
        return {
            row["capability"]: Baseline(**{**row, "refs": frozenset(parse_refs(row["refs"]))}) for row in rows
        }

    def save_baseline(self, capability_id: str, at: datetime, refs: Collection[IssueRef]) -> None:
        """Set the baseline of a capability in place of an older one."""
        row = {"capability": capability_id, "at": at, "refs": refs_body(sorted(refs))}
        with self._database.write() as connection:
            upsert(connection, baselines, [row], update=("at", "refs"))

    def assignments(self) -> dict[IssueRef, AssignmentRecord]:
        """Return issue -> assignment. Issues that lost theirs have one with ``capability`` None."""
        with self._database.read() as connection:
            return _current_assignments(connection)

    def save_assignments(self, run_id: str, at: datetime, now_assigned: Sequence[Assignment]) -> None:
        """Save all current assignments; other issues lose theirs. Changes go into the history."""
        now: dict[IssueRef, AssignmentRecord] = {}
        with self._database.write() as connection:
            before = _current_assignments(connection)
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
            current = [row_values(row) for row in (*changed, *moved_keys)]
            upsert(connection, assignments, current, update=value_columns(assignments))
            insert_rows(connection, assignment_history, (row_values(row) | {"since": at} for row in changed))

    def assignment_history(self, ref: IssueRef) -> list[AssignmentRecord]:
        """Return every change of an issue's assignment, oldest first.

        ``since`` is the time of the run that noticed the change.
        """
        query = select(assignment_history).where(matches_ref(assignment_history, ref))
        return self._fetch_records(AssignmentRecord, query.order_by(assignment_history.c.id))

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
        return whole.at, {subject: bodies[subject] for subject in whole.body if subject in bodies}


def _current_assignments(connection: Connection) -> dict[IssueRef, AssignmentRecord]:
    rows = connection.execute(select(assignments)).mappings()
    return {record.ref: record for record in (build_record(AssignmentRecord, row) for row in rows)}


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
    return replace(before, capability=None, rule=None, iteration=None, since=at, run_id=run_id)


def _assignment_identity(row: AssignmentRecord | None) -> tuple[str | None, ...] | None:
    """Return the values whose change makes a new history entry."""
    return (row.capability, row.rule, row.team, row.iteration) if row else None
