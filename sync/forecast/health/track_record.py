"""Comparison of recorded forecasts with their outcomes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from connectors.model import IssueRef
from connectors.wording import pluralize
from sync.forecast.probability import round_probability
from sync.model.flow import IssueFlow
from sync.model.health import ForecastStatement, health_of

_PROBABILITY_CLASSES: Final = {
    "on-track": "of 70% or more",
    "at-risk": "of 30% to 70%",
    "off-track": "of less than 30%",
}


def score_statement(
    statement: ForecastStatement, flow: Mapping[IssueRef, IssueFlow], now: datetime
) -> tuple[int, int] | None:
    """Return (closed in time, still known) of a statement's issues. Dropped issues count as closed, as in the forecast.

    None before the statement's end, or when none of its issues is known any more.
    """
    if statement.until > now:
        return None
    flows = [flow[ref] for ref in statement.refs if ref in flow]
    if not flows:
        return None
    return sum(each.closed is not None and each.closed <= statement.until for each in flows), len(flows)


def is_worth_recording(previous: ForecastStatement | None, new: ForecastStatement) -> bool:
    """Return whether a statement has another end than the previous one, or new numbers on another day."""
    if previous is None or previous.until != new.until:
        return True
    return previous.at.date() != new.at.date() and _rounded_values(previous) != _rounded_values(new)


def _rounded_values(statement: ForecastStatement) -> tuple[float | None, int, int]:
    probability = statement.probability
    return None if probability is None else round_probability(probability), statement.low, statement.high


def describe_track_record(
    earlier: Iterable[ForecastStatement], team: str, probability: float | None
) -> str | None:
    """Return ``of 14 earlier forecasts of 70% or more, 11 came true``; None without such forecasts.

    Counts the forecasts of a team (of goals if ``team`` is empty) with the same health as ``probability``. A subject
    counts once for each end, by the first of its statements.
    """
    if probability is None:
        return None
    health = health_of(probability)
    first: dict[tuple[str, datetime], ForecastStatement] = {}
    for each in sorted(earlier, key=lambda each: each.at):
        stated = each.probability
        if (
            each.team == team
            and each.came_true is not None
            and stated is not None
            and health_of(stated) == health
        ):
            first.setdefault((each.subject, each.until), each)
    if not first:
        return None
    came_true = sum(bool(each.came_true) for each in first.values())
    forecasts = pluralize(len(first), "earlier forecast")
    return f"of {forecasts} {_PROBABILITY_CLASSES[health]}, {came_true} came true"
