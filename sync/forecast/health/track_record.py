"""How often earlier statements came true. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from connectors.model import IssueRef
from sync.forecast.health.hysteresis import health_of
from sync.forecast.probability import round_probability
from sync.model.flow import IssueFlow
from sync.model.health import ForecastStatement

_PROBABILITY_CLASSES = {
    "on-track": "of 70 % or more",
    "at-risk": "of 30 to 70 %",
    "off-track": "of less than 30 %",
}


def score_statement(
    statement: ForecastStatement, flow: Mapping[IssueRef, IssueFlow], now: datetime
) -> tuple[int, int] | None:
    """(closed in time, still known) of the issues that a statement was about; None before its time is over, or when
    none of them is known any more. Done and dropped count alike, as in the forecast."""
    if statement.until > now:
        return None
    ways = [flow[ref] for ref in statement.refs if ref in flow]
    if not ways:
        return None
    return sum(way.closed is not None and way.closed <= statement.until for way in ways), len(ways)


def is_worth_recording(previous: ForecastStatement | None, new: ForecastStatement) -> bool:
    """Whether a statement is worth keeping: another day than the last one, and other figures."""
    if previous is None or previous.until != new.until:
        return True
    return previous.at.date() != new.at.date() and _rounded_values(previous) != _rounded_values(new)


def _rounded_values(statement: ForecastStatement) -> tuple[float | None, int, int]:
    return (
        None if statement.probability is None else round_probability(statement.probability),
        statement.low,
        statement.high,
    )


def describe_track_record(
    earlier: Iterable[ForecastStatement], team: str, probability: float | None
) -> str | None:
    """``of 14 earlier statements of 70 % or more, 11 came true``: those of a team (of goals where it is empty) with the
    word that ``probability`` has. A subject counts once for each deadline, by the first such statement."""
    if probability is None:
        return None
    word = health_of(probability)
    first: dict[tuple[str, datetime], ForecastStatement] = {}
    for each in sorted(earlier, key=lambda each: each.at):
        said = each.probability
        if each.team == team and each.came_true is not None and said is not None and health_of(said) == word:
            first.setdefault((each.subject, each.until), each)
    if not first:
        return None
    came_true = sum(bool(each.came_true) for each in first.values())
    statements = "statement" if len(first) == 1 else "statements"
    return f"of {len(first)} earlier {statements} {_PROBABILITY_CLASSES[word]}, {came_true} came true"
