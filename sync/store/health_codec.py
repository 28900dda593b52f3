"""Convert forecasts, expectations, displayed health and statements to stored JSON values and back."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime
from typing import Any, Final

from connectors.model import IssueRef
from sync.model.forecast import Forecast
from sync.model.health import DisplayedHealth, Expectation, ForecastStatement
from sync.store.base import parse_refs, refs_body
from sync.store.codec import RowValues

_STATEMENT_COLUMNS: Final = ("subject", "team", "at", "until", "closed")
_STATEMENT_BODY: Final = ("probability", "low", "high")


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


def statement_values(statement: ForecastStatement) -> dict[str, Any]:
    """Return the columns of a row."""
    values = {name: getattr(statement, name) for name in _STATEMENT_COLUMNS}
    body = {name: getattr(statement, name) for name in _STATEMENT_BODY}
    return values | {"of": statement.known, "body": {**body, "refs": refs_body(statement.refs)}}


def statement_from(row: RowValues) -> ForecastStatement:
    values = {name: row[name] for name in ("id", *_STATEMENT_COLUMNS)}
    body = {name: row["body"][name] for name in _STATEMENT_BODY}
    return ForecastStatement(**values, **body, known=row["of"], refs=parse_refs(row["body"]["refs"]))


def _parse_day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
