"""Times in Jira's format, and dates of JQL."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from connectors.sandbox.jira.jql_parser import JqlError, Operand

_RELATIVE_DATE: Final = re.compile(r"[+-]?(?:\s*\d+[wdhm])+")
_MINUTES: Final = {"w": 7 * 24 * 60, "d": 24 * 60, "h": 60, "m": 1}
_DATE_FORMATS: Final = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")


def format_time(moment: datetime | None, timezone: str) -> str | None:
    """Return ``2026-10-02T06:31:38.612+0200``: milliseconds, offset without a colon, in the reader's zone."""
    if moment is None:
        return None
    local = moment.astimezone(ZoneInfo(timezone))
    return f"{local:%Y-%m-%dT%H:%M:%S}.{local.microsecond // 1000:03d}{local:%z}"


def start_of_minute(moment: datetime) -> datetime:
    """Return the start of the minute."""
    return moment.replace(second=0, microsecond=0)


def evaluate_date(field: str, operand: Operand, now: datetime) -> datetime:
    """Return the time of a date in a query, in UTC; ``now`` is in the zone to read it in. JqlError."""
    try:
        return _evaluate_date(field, operand, now)
    except OverflowError as error:
        raise JqlError(f"Date value '{operand.text}' for field '{field}' is out of range.") from error


def _evaluate_date(field: str, operand: Operand, now: datetime) -> datetime:
    if operand.kind == "call":
        return _evaluate_function(operand.text, now).astimezone(UTC)
    text = operand.text.strip()
    if _RELATIVE_DATE.fullmatch(text):
        distance = sum(int(count) * _MINUTES[unit] for count, unit in re.findall(r"(\d+)([wdhm])", text))
        return start_of_minute(
            now.astimezone(UTC) + timedelta(minutes=-distance if text[0] == "-" else distance)
        )
    for pattern in _DATE_FORMATS:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=now.tzinfo).astimezone(UTC)
        except ValueError:
            continue
    raise JqlError(
        f"Date value '{operand.text}' for field '{field}' is invalid. Valid formats include: "
        "'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', "
        "or a period format e.g. '-5d', '4w 2d'."
    )


def _evaluate_function(function: str, now: datetime) -> datetime:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    instants = {
        "now": now,
        "startofday": midnight,
        "startofweek": midnight - timedelta(days=midnight.weekday()),
        "startofmonth": midnight.replace(day=1),
    }
    if function not in instants:
        raise JqlError(f"Unable to find JQL function '{function}()'.")
    return start_of_minute(instants[function])
