"""Forecasts and their evaluation: the latest expectations, backtests of teams, scored statements.

Forecasts, expectations and displayed health are JSON values under the names of their fields.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import bindparam, select, update

from connectors.model import IssueRef
from sync.model.forecast import Forecast
from sync.model.health import DisplayedHealth, Expectation, ForecastStatement, TeamBacktest
from sync.store.base import StorePart, parse_refs, refs_body
from sync.store.codec import RowValues
from sync.store.database import chunks, insert_rows, upsert
from sync.store.tables import backtests, expectations, statements

_STATEMENT_COLUMNS: Final = ("subject", "team", "at", "until", "closed")
_STATEMENT_BODY: Final = ("probability", "low", "high")


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
        return [
            _parse_statement(row) for row in self._fetch_rows(select(statements).order_by(statements.c.id))
        ]

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
            insert_rows(connection, statements, map(_statement_row, new))
            for chunk in chunks(known):
                connection.execute(setting, chunk)


def stored_body(value: Any) -> dict[str, Any]:
    """Return the fields of a forecast, an expectation or a displayed health as a JSON value."""
    return {each.name: _encode(getattr(value, each.name)) for each in fields(value)}


def _encode(value: Any) -> Any:
    match value:
        case date():
            return value.isoformat()
        case IssueRef():
            return [value.tracker, value.id, value.key]
        case tuple():
            return [_encode(item) for item in value]
    return value


def forecast_from(body: RowValues) -> Forecast:
    return Forecast(
        **{
            **body,
            "at": datetime.fromisoformat(body["at"]),
            "until": datetime.fromisoformat(body["until"]),
            "counts": tuple((quantile, count) for quantile, count in body["counts"]),
            "finish": tuple((probability, _parse_day(day)) for probability, day in body["finish"]),
            "assumptions": tuple(body["assumptions"]),
        }
    )


def expectation_from(body: RowValues) -> Expectation:
    likely = body["likely"]
    return Expectation(
        **{
            **body,
            "at": datetime.fromisoformat(body["at"]),
            "until": date.fromisoformat(body["until"]),
            "likely": (likely[0], likely[1]) if likely else None,
            "health_since": _parse_day(body["health_since"]),
            "ageing": parse_refs(body["ageing"]),
        }
    )


def displayed_health_from(body: RowValues) -> DisplayedHealth:
    return DisplayedHealth(
        **{**body, "since": _parse_day(body["since"]), "waits_since": _parse_day(body["waits_since"])}
    )


def _statement_row(statement: ForecastStatement) -> dict[str, Any]:
    """Return the columns of a row."""
    values = {name: getattr(statement, name) for name in _STATEMENT_COLUMNS}
    body = {name: getattr(statement, name) for name in _STATEMENT_BODY}
    return values | {"of": statement.known, "body": {**body, "refs": refs_body(statement.refs)}}


def _parse_statement(row: RowValues) -> ForecastStatement:
    values = {name: row[name] for name in ("id", *_STATEMENT_COLUMNS)}
    body = {name: row["body"][name] for name in _STATEMENT_BODY}
    return ForecastStatement(**values, **body, known=row["of"], refs=parse_refs(row["body"]["refs"]))


def _parse_day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
