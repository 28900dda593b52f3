"""Conditions for showing health, health of a goal, and the track record of recorded forecasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.model import IssueRef
from sync.forecast.health.evaluate import worst_health
from sync.forecast.health.track_record import describe_track_record, is_worth_recording, score_statement
from sync.model.flow import IssueFlow
from sync.model.health import ForecastStatement, TeamBacktest

VALIDATED = TeamBacktest(team="science", moments=44, held=0.86, sure=28, sure_done=27)
AT = datetime(2026, 11, 2, tzinfo=UTC)
REFS = tuple(IssueRef(tracker="jira", id=str(n), key=f"DS-{n}") for n in range(3))
STATEMENT = ForecastStatement(
    subject="capability:a",
    team="science",
    at=AT,
    until=AT + timedelta(days=9),
    probability=0.8,
    low=1,
    high=3,
    refs=REFS,
)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"moments": 19}, "too short"),
        ({"held": 0.74}, "74%"),
        ({"held": 0.96}, "96%"),
        ({"sure": 19, "sure_done": 19}, "too few to show"),
        ({"sure_done": 19}, "only 19 were done in time"),
    ],
)
def test_health_needs_a_backtest_that_supports_it(change: dict[str, float], reason: str | None) -> None:
    found = replace(VALIDATED, **change).why_no_health  # type: ignore[arg-type]
    assert found is None if reason is None else reason in (found or "")


def test_only_a_long_history_contradicts_probabilities() -> None:
    assert replace(VALIDATED, held=0.5).contradicts_forecasts
    assert not replace(VALIDATED, held=0.5, moments=19).contradicts_forecasts


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        (["on-track", "at-risk"], "at-risk"),
        (["on-track", None], None),
        (["off-track", None], "off-track"),
        (["on-track", "on-track"], "on-track"),
    ],
)
def test_a_goal_has_the_health_of_its_worst_capability(
    values: list[str | None], expected: str | None
) -> None:
    assert worst_health(values) == expected


def issue_flow(ref: IssueRef, closed: datetime | None) -> IssueFlow:
    return IssueFlow(ref=ref, created=AT, finished=closed, complete=True)


def test_a_statement_is_scored_after_its_end_by_the_issues_closed_in_time() -> None:
    until = STATEMENT.until
    flow = {REFS[0]: issue_flow(REFS[0], until), REFS[1]: issue_flow(REFS[1], until + timedelta(seconds=1))}
    assert score_statement(STATEMENT, flow, until - timedelta(seconds=1)) is None
    assert score_statement(STATEMENT, flow, until) == (1, 2)
    assert score_statement(STATEMENT, {}, until) is None


def test_a_track_record_counts_each_subject_once_and_one_health_only() -> None:
    true, false = (
        replace(STATEMENT, closed=3, known=3),
        replace(STATEMENT, subject="capability:b", closed=2, known=3),
    )
    again = replace(true, at=AT + timedelta(days=1))
    other = replace(STATEMENT, subject="capability:c", probability=0.2, closed=0, known=3)
    assert describe_track_record([true, again, false, other, STATEMENT], "science", 0.75) == (
        "of 2 earlier forecasts of 70% or more, 1 came true"
    )
    assert describe_track_record([true], "science", 0.5) is None
    assert describe_track_record([true], "others", 0.75) is None


def test_a_statement_is_recorded_once_a_day_and_when_its_numbers_change() -> None:
    tomorrow = replace(STATEMENT, at=AT + timedelta(days=1))
    assert is_worth_recording(None, STATEMENT)
    assert not is_worth_recording(STATEMENT, tomorrow)
    assert is_worth_recording(STATEMENT, replace(tomorrow, probability=0.6))
    assert not is_worth_recording(STATEMENT, replace(STATEMENT, probability=0.6))
