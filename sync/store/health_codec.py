"""What is kept of expectations, as JSON values and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from connectors.model import IssueRef
from sync.model.forecast import Forecast
from sync.model.health import Expected, Standing, Statement

Values = Mapping[Any, Any]


def forecast_body(forecast: Forecast) -> dict[str, Any]:
    return {
        **asdict(forecast),
        "at": forecast.at.isoformat(),
        "until": forecast.until.isoformat(),
        "finish": [[chance, _text(day)] for chance, day in forecast.finish],
    }


def forecast_from(body: Values) -> Forecast:
    return Forecast(
        subject=body["subject"],
        at=datetime.fromisoformat(body["at"]),
        until=datetime.fromisoformat(body["until"]),
        remaining=body["remaining"],
        counts=tuple((quantile, count) for quantile, count in body["counts"]),
        finish=tuple((chance, _day(day)) for chance, day in body["finish"]),
        probability=body["probability"],
        reason=body["reason"],
        assumptions=tuple(body["assumptions"]),
    )


def expected_body(expected: Expected) -> dict[str, Any]:
    return {
        **asdict(expected),
        "at": expected.at.isoformat(),
        "until": expected.until.isoformat(),
        "health_since": _text(expected.health_since),
        "ageing": _refs_body(expected.ageing),
    }


def expected_from(body: Values) -> Expected:
    likely = body["likely"]
    return Expected(
        **{
            **body,
            "at": datetime.fromisoformat(body["at"]),
            "until": date.fromisoformat(body["until"]),
            "likely": (likely[0], likely[1]) if likely else None,
            "health_since": _day(body["health_since"]),
            "ageing": _refs(body["ageing"]),
        }
    )


def standing_body(standing: Standing) -> dict[str, Any]:
    return {
        **asdict(standing),
        "since": _text(standing.since),
        "waits_since": _text(standing.waits_since),
    }


def standing_from(body: Values) -> Standing:
    return Standing(**{**body, "since": _day(body["since"]), "waits_since": _day(body["waits_since"])})


def statement_values(statement: Statement) -> dict[str, Any]:
    """The columns of a row."""
    return {
        "subject": statement.subject,
        "team": statement.team,
        "at": statement.at,
        "until": statement.until,
        "body": {
            "probability": statement.probability,
            "low": statement.low,
            "high": statement.high,
            "refs": _refs_body(statement.refs),
        },
        "closed": statement.closed,
        "of": statement.of,
    }


def statement_from(row: Values) -> Statement:
    body = row["body"]
    return Statement(
        subject=row["subject"],
        team=row["team"],
        at=row["at"],
        until=row["until"],
        probability=body["probability"],
        low=body["low"],
        high=body["high"],
        refs=_refs(body["refs"]),
        closed=row["closed"],
        of=row["of"],
        id=row["id"],
    )


def _refs_body(refs: tuple[IssueRef, ...]) -> list[list[str]]:
    return [[ref.tracker, ref.id, ref.key] for ref in refs]


def _refs(body: Any) -> tuple[IssueRef, ...]:
    return tuple(IssueRef(tracker=tracker, id=issue_id, key=key) for tracker, issue_id, key in body)


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
