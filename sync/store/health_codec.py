"""Convert forecasts, expectations, displayed health and statements to stored JSON values and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from connectors.model import IssueRef
from sync.model.forecast import Forecast
from sync.model.health import DisplayedHealth, Expectation, ForecastStatement

Values = Mapping[Any, Any]


def forecast_body(forecast: Forecast) -> dict[str, Any]:
    return {
        **asdict(forecast),
        "at": forecast.at.isoformat(),
        "until": forecast.until.isoformat(),
        "finish": [[probability, _format_day(day)] for probability, day in forecast.finish],
    }


def forecast_from(body: Values) -> Forecast:
    return Forecast(
        subject=body["subject"],
        at=datetime.fromisoformat(body["at"]),
        until=datetime.fromisoformat(body["until"]),
        remaining=body["remaining"],
        counts=tuple((quantile, count) for quantile, count in body["counts"]),
        finish=tuple((probability, _parse_day(day)) for probability, day in body["finish"]),
        probability=body["probability"],
        reason=body["reason"],
        assumptions=tuple(body["assumptions"]),
    )


def expectation_body(expectation: Expectation) -> dict[str, Any]:
    return {
        **asdict(expectation),
        "at": expectation.at.isoformat(),
        "until": expectation.until.isoformat(),
        "health_since": _format_day(expectation.health_since),
        "ageing": _refs_body(expectation.ageing),
    }


def expectation_from(body: Values) -> Expectation:
    likely = body["likely"]
    return Expectation(
        **{
            **body,
            "at": datetime.fromisoformat(body["at"]),
            "until": date.fromisoformat(body["until"]),
            "likely": (likely[0], likely[1]) if likely else None,
            "health_since": _parse_day(body["health_since"]),
            "ageing": _refs(body["ageing"]),
        }
    )


def displayed_health_body(displayed: DisplayedHealth) -> dict[str, Any]:
    return {
        **asdict(displayed),
        "since": _format_day(displayed.since),
        "waits_since": _format_day(displayed.waits_since),
    }


def displayed_health_from(body: Values) -> DisplayedHealth:
    return DisplayedHealth(
        **{**body, "since": _parse_day(body["since"]), "waits_since": _parse_day(body["waits_since"])}
    )


def statement_values(statement: ForecastStatement) -> dict[str, Any]:
    """Return the columns of a row."""
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
        "of": statement.known,
    }


def statement_from(row: Values) -> ForecastStatement:
    body = row["body"]
    return ForecastStatement(
        subject=row["subject"],
        team=row["team"],
        at=row["at"],
        until=row["until"],
        probability=body["probability"],
        low=body["low"],
        high=body["high"],
        refs=_refs(body["refs"]),
        closed=row["closed"],
        known=row["of"],
        id=row["id"],
    )


def _refs_body(refs: tuple[IssueRef, ...]) -> list[list[str]]:
    return [[ref.tracker, ref.id, ref.key] for ref in refs]


def _refs(body: Any) -> tuple[IssueRef, ...]:
    return tuple(IssueRef(tracker=tracker, id=issue_id, key=key) for tracker, issue_id, key in body)


def _format_day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _parse_day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
