"""Forecasts and their evaluation: the latest expectations, backtests of teams, scored statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from sync.model.health import ForecastStatement, TeamBacktest
from sync.store.base import StorePart
from sync.store.database import chunks, insert_rows, upsert
from sync.store.health_codec import statement_from, statement_values
from sync.store.tables import backtests, expectations, statements


class ExpectationsPart(StorePart):
    def expectations(self) -> dict[str, Mapping[str, Any]]:
        """Return subject -> JSON value, as ``save_expectations`` got it."""
        rows = self._fetch_rows(select(expectations).order_by(expectations.c.subject))
        return {row["subject"]: row["body"] for row in rows}

    def save_expectations(self, at: datetime, bodies: Mapping[str, Mapping[str, Any]]) -> None:
        """Save subject -> JSON value in place of earlier ones."""
        rows = [{"subject": subject, "at": at, "body": body} for subject, body in bodies.items()]
        with self._database.write() as connection:
            upsert(connection, expectations, rows, update=("at", "body"))

    def backtests(self) -> dict[str, tuple[datetime, str, TeamBacktest]]:
        """Return team -> (time, digest of the team's history, result)."""
        rows = self._fetch_rows(select(backtests))
        return {row["team"]: (row["at"], row["digest"], TeamBacktest(**row["body"])) for row in rows}

    def save_backtests(self, at: datetime, results: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
        """Save team -> (digest, fields of the backtest result) in place of earlier ones."""
        rows = [
            {"team": team, "at": at, "digest": digest, "body": body}
            for team, (digest, body) in results.items()
        ]
        with self._database.write() as connection:
            upsert(connection, backtests, rows, update=("at", "digest", "body"))

    def statements(self) -> list[ForecastStatement]:
        """Return all statements, oldest first."""
        return [statement_from(row) for row in self._fetch_rows(select(statements).order_by(statements.c.id))]

    def save_statements(
        self, new: Collection[ForecastStatement], scored: Collection[ForecastStatement]
    ) -> None:
        """Add new statements, and set ``closed`` and ``of`` of those that were scored, in one transaction."""
        if not new and not scored:
            return
        known = [{"row": each.id, "closed_now": each.closed, "of_now": each.known} for each in scored]
        setting = (
            update(statements)
            .where(statements.c.id == bindparam("row"))
            .values({"closed": bindparam("closed_now"), "of": bindparam("of_now")})
        )
        with self._database.write() as connection:
            insert_rows(connection, statements, map(statement_values, new))
            for chunk in chunks(known):
                connection.execute(setting, chunk)
