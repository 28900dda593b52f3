"""The executions of the program."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, insert, not_, or_, select, update

from sync.model.records import RunRecord
from sync.store.base import StorePart
from sync.store.tables import journal_entries, runs
from sync.store.tables_results import rollups

IDLE_RUN_RETENTION: Final = timedelta(days=30)


def _is_idle() -> ColumnElement[bool]:
    """No other row needs this one of ``runs``, nor does anybody ask when the command last succeeded."""
    traces = [
        select(table.c.run_id).where(table.c.run_id == runs.c.id).correlate(runs).exists()
        for table in (journal_entries, rollups)
    ]
    other = runs.alias()
    last = select(func.max(other.c.finished)).where(other.c.command == runs.c.command, other.c.exit_code == 0)
    success = and_(runs.c.exit_code == 0, runs.c.finished == last.correlate(runs).scalar_subquery())
    return not_(or_(*traces, func.coalesce(success, False)))


class RunsPart(StorePart):
    def start_run(
        self, run_id: str, command: str, options: Mapping[str, Any], holder: str | None = None
    ) -> None:
        """Note that a run began now. ``options`` are JSON values, without secrets; ``holder`` is who runs it."""
        with self._database.write() as connection:
            connection.execute(
                insert(runs).values(
                    id=run_id,
                    command=command,
                    options=dict(options),
                    started=self._now(),
                    summary={},
                    holder=holder,
                )
            )

    def finish_run(self, run_id: str, outcome: str, exit_code: int, summary: Mapping[str, Any]) -> None:
        """Note how a run ended, now. ``summary`` is a JSON object.

        Runs that began more than ``IDLE_RUN_RETENTION`` ago, wrote nothing and moved no figure are forgotten then: a crontab
        makes 35,000 of them a year. The last success of each command stays.
        """
        now = self._now()
        with self._database.write() as connection:
            connection.execute(
                update(runs)
                .where(runs.c.id == run_id)
                .values(finished=now, outcome=outcome, exit_code=exit_code, summary=dict(summary))
            )
            connection.execute(delete(runs).where(runs.c.started < now - IDLE_RUN_RETENTION, _is_idle()))

    def find_run(self, run_id: str) -> RunRecord | None:
        """One run, or None when there is none of this id."""
        with self._database.read() as connection:
            row = connection.execute(select(runs).where(runs.c.id == run_id)).mappings().first()
        return RunRecord(**row) if row else None

    def runs_of_command(self, command: str) -> list[RunRecord]:
        """All runs of one command, oldest first."""
        query = select(runs).where(runs.c.command == command).order_by(runs.c.started, runs.c.id)
        with self._database.read() as connection:
            return [RunRecord(**row) for row in connection.execute(query).mappings()]

    def last_success(self, command: str) -> datetime | None:
        """When a run of this command last ended with exit code 0 (UTC); None when none did."""
        query = select(func.max(runs.c.finished)).where(runs.c.command == command, runs.c.exit_code == 0)
        with self._database.read() as connection:
            found: datetime | None = connection.execute(query).scalar_one()
        return found

    def recent_runs(self, limit: int = 20) -> list[RunRecord]:
        """The last runs, newest first."""
        newest_first = select(runs).order_by(runs.c.started.desc(), runs.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [RunRecord(**row) for row in connection.execute(newest_first).mappings()]
