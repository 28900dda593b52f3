"""Save the health assessment of a run: for the next run, for commands, and for the track record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from connectors.model import IssueRef
from sync.forecast.fallbacks import unfinished_required
from sync.forecast.health.evaluate import HIGH_QUANTILE, LOW_QUANTILE
from sync.forecast.health.track_record import is_worth_recording, score_statement
from sync.model.health import ForecastStatement
from sync.model.health_assessment import HealthAssessment
from sync.model.rollup import CapabilityRollup, GoalRollup
from sync.runtime.context import RunContext
from sync.store.expectations import stored_body

_NOTICE_CACHE_KEY: Final = "told: forecasts need libraries"
"""Kept as it is: stores contain it."""
_NOTICE_DAYS: Final = 30


def save_health(context: RunContext, assessment: HealthAssessment, now: datetime) -> None:
    """Save expectations, backtests and statements. Subjects with unread sources keep their earlier expectations."""
    store = context.store
    uncertain = _uncertain_subjects(assessment)
    before = store.expectations()
    new = {
        subject: body
        for subject, body in _expectation_bodies(assessment).items()
        if subject not in uncertain and _without_times(body) != _without_times(before.get(subject, {}))
    }
    if new:
        store.save_expectations(now, new)
    if assessment.backtests:
        store.save_backtests(now, assessment.backtests)
    store.save_statements(list(_new_statements(assessment)), list(_scored_statements(assessment, now)))
    if assessment.missing_dependencies:
        store.cache.put(_NOTICE_CACHE_KEY, True, days=_NOTICE_DAYS)


def missing_dependencies_notice(context: RunContext, assessment: HealthAssessment) -> str | None:
    """Return the notice that forecasts need libraries, once a month and not in every scheduled run."""
    missing = assessment.missing_dependencies
    return missing if missing and not context.store.cache.get(_NOTICE_CACHE_KEY) else None


def _expectation_bodies(assessment: HealthAssessment) -> dict[str, dict[str, Any]]:
    expectations, displayed = assessment.expectations, assessment.displayed_health
    return {
        subject: {
            "forecast": stored_body(forecast),
            "expected": stored_body(expectations[subject]) if subject in expectations else None,
            "standing": stored_body(displayed[subject]) if subject in displayed else None,
        }
        for subject, forecast in assessment.forecasts.items()
    }


def _without_times(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body without the time of the forecast: if nothing else differs, nothing is written."""
    return {
        name: {key: value for key, value in part.items() if key != "at"} if part else None
        for name, part in body.items()
    }


def _new_statements(assessment: HealthAssessment) -> Iterator[ForecastStatement]:
    previous = {each.subject: each for each in assessment.earlier}
    for subject in _subjects(assessment):
        forecast = assessment.forecasts.get(subject.subject)
        refs = tuple(_open_refs(subject))
        if forecast is None or subject.uncertain or not forecast.counts or not refs:
            continue
        counts = dict(forecast.counts)
        statement = ForecastStatement(
            subject=subject.subject,
            team=subject.team if isinstance(subject, CapabilityRollup) else "",
            at=forecast.at,
            until=forecast.until,
            probability=forecast.probability,
            low=counts[LOW_QUANTILE],
            high=counts[HIGH_QUANTILE],
            refs=refs,
        )
        if is_worth_recording(previous.get(subject.subject), statement):
            yield statement


def _scored_statements(assessment: HealthAssessment, now: datetime) -> Iterator[ForecastStatement]:
    uncertain = _uncertain_subjects(assessment)
    for statement in assessment.earlier:
        if statement.closed is None and statement.subject not in uncertain:
            score = score_statement(statement, assessment.flow, now)
            if score:
                yield replace(statement, closed=score[0], known=score[1])


def _subjects(assessment: HealthAssessment) -> Iterator[CapabilityRollup | GoalRollup]:
    for goal in assessment.rollup.goals:
        yield goal
        yield from goal.capabilities


def _uncertain_subjects(assessment: HealthAssessment) -> set[str]:
    return {each.subject for each in _subjects(assessment) if each.uncertain}


def _open_refs(subject: CapabilityRollup | GoalRollup) -> Iterator[IssueRef]:
    """Yield the issues that the forecast is about."""
    capabilities = unfinished_required(subject) if isinstance(subject, GoalRollup) else [subject]
    for issue in (issue for each in capabilities for issue in each.issues):
        if issue.is_open:
            yield issue.ref
