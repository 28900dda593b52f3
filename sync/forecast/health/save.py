"""Keeps what a run expected: for the next run, for those who ask, and to be held against what happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from connectors.model import IssueRef
from sync.forecast.health.evaluate import HIGH, LOW
from sync.forecast.health.track_record import moved, scored
from sync.model.health import Statement
from sync.model.health_assessment import Foresight
from sync.model.rollup import CapabilityRollup, GoalRollup
from sync.runtime.context import Job
from sync.store.health_codec import expected_body, forecast_body, standing_body

_TOLD: Final = "told: forecasts need libraries"


def keep_foresight(job: Job, foresight: Foresight, now: datetime) -> None:
    """What was expected of what could not be read in this run stays as it was."""
    store = job.store
    unsure = {each.subject for each in _subjects(foresight) if each.uncertain}
    before = store.expectations()
    new = {
        subject: body
        for subject, body in _bodies(foresight).items()
        if subject not in unsure and _less_times(body) != _less_times(before.get(subject, {}))
    }
    if new:
        store.keep_expectations(now, new)
    if foresight.backtests:
        store.keep_backtests(now, foresight.backtests)
    store.keep_statements(list(_new(foresight)), list(_scored(foresight, now)))
    if foresight.missing:
        store.cache.put(_TOLD, True, days=30)


def _bodies(foresight: Foresight) -> dict[str, dict[str, Any]]:
    expected, standings = foresight.expected, foresight.standings
    return {
        subject: {
            "forecast": forecast_body(forecast),
            "expected": expected_body(expected[subject]) if subject in expected else None,
            "standing": standing_body(standings[subject]) if subject in standings else None,
        }
        for subject, forecast in foresight.forecasts.items()
    }


def _less_times(body: Mapping[str, Any]) -> dict[str, Any]:
    """Without the moment of the forecast: where nothing else is different, nothing is written."""
    return {
        name: {key: value for key, value in part.items() if key != "at"} if part else None
        for name, part in body.items()
    }


def notice(job: Job, foresight: Foresight) -> str | None:
    """That forecasts need libraries; said once a month, not by every run of a crontab."""
    return foresight.missing if foresight.missing and not job.store.cache.get(_TOLD) else None


def _new(foresight: Foresight) -> Iterator[Statement]:
    last = {each.subject: each for each in foresight.earlier}
    for subject in _subjects(foresight):
        forecast = foresight.forecasts.get(subject.subject)
        refs = tuple(_open_refs(subject))
        if forecast is None or subject.uncertain or not forecast.counts or not refs:
            continue
        counts = dict(forecast.counts)
        made = Statement(
            subject=subject.subject,
            team=subject.team if isinstance(subject, CapabilityRollup) else "",
            at=forecast.at,
            until=forecast.until,
            probability=forecast.probability,
            low=counts[LOW],
            high=counts[HIGH],
            refs=refs,
        )
        if moved(last.get(subject.subject), made):
            yield made


def _scored(foresight: Foresight, now: datetime) -> Iterator[Statement]:
    unsure = {each.subject for each in _subjects(foresight) if each.uncertain}
    for statement in foresight.earlier:
        if statement.closed is not None or statement.subject in unsure:
            continue
        found = scored(statement, foresight.flow, now)
        if found:
            yield replace(statement, closed=found[0], of=found[1])


def _subjects(foresight: Foresight) -> Iterator[CapabilityRollup | GoalRollup]:
    for goal in foresight.rollup.goals:
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
