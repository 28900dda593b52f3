"""Keeps what a run expected: for the next run, for those who ask, and to be held against what happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from connectors.model import IssueRef
from sync.forecast.health.evaluate import HIGH_QUANTILE, LOW_QUANTILE
from sync.forecast.health.track_record import is_worth_recording, score_statement
from sync.model.health import ForecastStatement
from sync.model.health_assessment import HealthAssessment
from sync.model.rollup import CapabilityRollup, GoalRollup
from sync.runtime.context import RunContext
from sync.store.health_codec import displayed_health_body, expectation_body, forecast_body

_NOTICE_CACHE_KEY: Final = "told: forecasts need libraries"


def save_health(job: RunContext, assessment: HealthAssessment, now: datetime) -> None:
    """What was expected of what could not be read in this run stays as it was."""
    store = job.store
    unsure = {each.subject for each in _subjects(assessment) if each.uncertain}
    before = store.expectations()
    new = {
        subject: body
        for subject, body in _expectation_bodies(assessment).items()
        if subject not in unsure and _without_times(body) != _without_times(before.get(subject, {}))
    }
    if new:
        store.save_expectations(now, new)
    if assessment.backtests:
        store.save_backtests(now, assessment.backtests)
    store.save_statements(list(_new_statements(assessment)), list(_scored_statements(assessment, now)))
    if assessment.missing_dependencies:
        store.cache.put(_NOTICE_CACHE_KEY, True, days=30)


def _expectation_bodies(assessment: HealthAssessment) -> dict[str, dict[str, Any]]:
    expected, standings = assessment.expectations, assessment.displayed_health
    return {
        subject: {
            "forecast": forecast_body(forecast),
            "expected": expectation_body(expected[subject]) if subject in expected else None,
            "standing": displayed_health_body(standings[subject]) if subject in standings else None,
        }
        for subject, forecast in assessment.forecasts.items()
    }


def _without_times(body: Mapping[str, Any]) -> dict[str, Any]:
    """Without the moment of the forecast: where nothing else is different, nothing is written."""
    return {
        name: {key: value for key, value in part.items() if key != "at"} if part else None
        for name, part in body.items()
    }


def missing_dependencies_notice(job: RunContext, assessment: HealthAssessment) -> str | None:
    """That forecasts need libraries; said once a month, not by every run of a crontab."""
    return (
        assessment.missing_dependencies
        if assessment.missing_dependencies and not job.store.cache.get(_NOTICE_CACHE_KEY)
        else None
    )


def _new_statements(assessment: HealthAssessment) -> Iterator[ForecastStatement]:
    last = {each.subject: each for each in assessment.earlier}
    for subject in _subjects(assessment):
        forecast = assessment.forecasts.get(subject.subject)
        refs = tuple(_open_refs(subject))
        if forecast is None or subject.uncertain or not forecast.counts or not refs:
            continue
        counts = dict(forecast.counts)
        made = ForecastStatement(
            subject=subject.subject,
            team=subject.team if isinstance(subject, CapabilityRollup) else "",
            at=forecast.at,
            until=forecast.until,
            probability=forecast.probability,
            low=counts[LOW_QUANTILE],
            high=counts[HIGH_QUANTILE],
            refs=refs,
        )
        if is_worth_recording(last.get(subject.subject), made):
            yield made


def _scored_statements(assessment: HealthAssessment, now: datetime) -> Iterator[ForecastStatement]:
    unsure = {each.subject for each in _subjects(assessment) if each.uncertain}
    for statement in assessment.earlier:
        if statement.closed is not None or statement.subject in unsure:
            continue
        found = score_statement(statement, assessment.flow, now)
        if found:
            yield replace(statement, closed=found[0], known=found[1])


def _subjects(assessment: HealthAssessment) -> Iterator[CapabilityRollup | GoalRollup]:
    for goal in assessment.rollup.goals:
        yield goal
        yield from goal.capabilities


def _open_refs(subject: CapabilityRollup | GoalRollup) -> Iterator[IssueRef]:
    """The issues that the forecast is about."""
    if isinstance(subject, GoalRollup):
        for each in subject.capabilities:
            if each.required and not each.cancelled and not each.finished:
                yield from _open_refs(each)
        return
    for issue in subject.issues:
        if issue.state.state in ("todo", "doing"):
            yield issue.ref
