"""Where a word may be said, whose word a goal has, and what a kept forecast proves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.model import IssueRef
from sync.forecast.health.evaluate import worst_health
from sync.forecast.health.track_record import describe_track_record, is_worth_recording, score_statement
from sync.model.flow import IssueFlow
from sync.model.health import ForecastStatement, TeamBacktest

PROVEN = TeamBacktest(team="science", moments=44, held=0.86, sure=28, sure_done=27)
AT = datetime(2026, 11, 2, tzinfo=UTC)
REFS = tuple(IssueRef(tracker="jira", id=str(n), key=f"DS-{n}") for n in range(3))
SAID = ForecastStatement(
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
    ("change", "why"),
    [
        ({}, None),
        ({"moments": 19}, "too short"),
        ({"held": 0.74}, "74%"),
        ({"held": 0.96}, "96%"),
        ({"sure": 19, "sure_done": 19}, "too few to prove"),
        ({"sure_done": 19}, "only 19 were done in time"),
    ],
)
def test_a_word_needs_a_past_that_proves_it(change: dict[str, float], why: str | None) -> None:
    found = replace(PROVEN, **change).why_no_health  # type: ignore[arg-type]
    assert found is None if why is None else why in (found or "")


def test_only_a_long_past_contradicts_probabilities() -> None:
    assert replace(PROVEN, held=0.5).contradicts_forecasts
    assert not replace(PROVEN, held=0.5, moments=19).contradicts_forecasts


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], None),
        (["on-track", "at-risk"], "at-risk"),
        (["on-track", None], None),
        (["off-track", None], "off-track"),
        (["on-track", "on-track"], "on-track"),
    ],
)
def test_a_goal_is_as_its_worst_capability(words: list[str | None], expected: str | None) -> None:
    assert worst_health(words) == expected


def way(ref: IssueRef, closed: datetime | None) -> IssueFlow:
    return IssueFlow(ref=ref, created=AT, finished=closed, complete=True)


def test_a_statement_is_scored_when_its_time_is_over_by_what_was_closed_in_it() -> None:
    until = SAID.until
    flow = {REFS[0]: way(REFS[0], until), REFS[1]: way(REFS[1], until + timedelta(seconds=1))}
    assert score_statement(SAID, flow, until - timedelta(seconds=1)) is None
    assert score_statement(SAID, flow, until) == (1, 2)
    assert score_statement(SAID, {}, until) is None


def test_the_record_counts_a_subject_once_and_its_own_class_alone() -> None:
    true, false = replace(SAID, closed=3, of=3), replace(SAID, subject="capability:b", closed=2, of=3)
    again = replace(true, at=AT + timedelta(days=1))
    other = replace(SAID, subject="capability:c", probability=0.2, closed=0, of=3)
    assert describe_track_record([true, again, false, other, SAID], "science", 0.75) == (
        "of 2 earlier statements of 70 % or more, 1 came true"
    )
    assert describe_track_record([true], "science", 0.5) is None
    assert describe_track_record([true], "others", 0.75) is None


def test_a_statement_is_kept_once_a_day_and_when_its_figures_moved() -> None:
    tomorrow = replace(SAID, at=AT + timedelta(days=1))
    assert is_worth_recording(None, SAID)
    assert not is_worth_recording(SAID, tomorrow)
    assert is_worth_recording(SAID, replace(tomorrow, probability=0.6))
    assert not is_worth_recording(SAID, replace(SAID, probability=0.6))
