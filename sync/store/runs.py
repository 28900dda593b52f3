"""Records of runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, insert, not_, or_, select, update

from sync.model.records import RunRecord
from sync.store.base import StorePart
from sync.store.tables import journal_entries, rollups, runs

IDLE_RUN_RETENTION: Final = timedelta(days=30)


def _is_idle() -> ColumnElement[bool]:
    """Return the condition that a run left no trace and is not the last success of its command."""
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
        """Record the start of a run, now. ``options`` are JSON values without secrets; ``holder`` names the process."""
        started = {"id": run_id, "command": command, "options": dict(options), "started": self._now()}
        self._write(insert(runs).values(**started, summary={}, holder=holder))

    def finish_run(self, run_id: str, outcome: str, exit_code: int, summary: Mapping[str, Any]) -> None:
        """Record the end of a run, now. ``summary`` is a JSON object.

        Also deletes runs older than ``IDLE_RUN_RETENTION`` that wrote nothing and saved no roll-up, of which a crontab
        makes 35,000 a year. The last success of each command stays.
        """
        now = self._now()
        values = {"finished": now, "outcome": outcome, "exit_code": exit_code, "summary": dict(summary)}
        with self._database.write() as connection:
            connection.execute(update(runs).where(runs.c.id == run_id).values(values))
            connection.execute(delete(runs).where(runs.c.started < now - IDLE_RUN_RETENTION, _is_idle()))

    def find_run(self, run_id: str) -> RunRecord | None:
        """Return a run by its id; None if it is unknown."""
        return self._fetch_record(RunRecord, select(runs).where(runs.c.id == run_id))

    def runs_of_command(self, command: str) -> list[RunRecord]:
        """Return all runs of a command, oldest first."""
        query = select(runs).where(runs.c.command == command).order_by(runs.c.started, runs.c.id)
        return self._fetch_records(RunRecord, query)

    def last_success(self, command: str) -> datetime | None:
        """Return when a run of this command last ended with exit code 0 (UTC); None if none did."""
        query = select(func.max(runs.c.finished)).where(runs.c.command == command, runs.c.exit_code == 0)
        found: datetime | None = self._fetch_value(query)
        return found

    def recent_runs(self, limit: int = 20) -> list[RunRecord]:
        """Return the last runs, newest first."""
        newest_first = select(runs).order_by(runs.c.started.desc(), runs.c.id.desc()).limit(limit)
        return self._fetch_records(RunRecord, newest_first)
