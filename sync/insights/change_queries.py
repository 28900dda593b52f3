"""Reads from the store how things were, and what changed since. Nothing is asked of a tracker."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.model import IssueRef, KnownIssue
from sync.insights.change_between import CountHistory, differences
from sync.insights.record_counts import pending_counts
from sync.model.attribution import CountRecord, Difference, PlanFacts
from sync.model.planning import PlanningResult
from sync.runtime.context import RunContext

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_ALL_RUNS: Final = 1_000_000


class NoRecordedData(LookupError):
    """The store has no figures of the time that was asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedChanges:
    """What changed between two moments."""

    since: datetime
    at: datetime
    recorded_since: datetime
    """Since when it is known, issue by issue, how they counted."""
    requested: datetime
    """The moment that was asked for; earlier than ``since`` when nothing was kept then."""
    differences: tuple[Difference, ...]
    increments: Mapping[str, str]
    """Subject -> increment, as the plans say or said."""


def parse_moment(job: RunContext, text: str, *, end_of_day: bool) -> datetime:
    """A day (``2026-11-20``, in the settings' zone: its beginning, or its end), a time in ISO form, or the id of a
    run (its end); in UTC. LookupError for anything else."""
    run = next((row for row in job.store.recent_runs(_ALL_RUNS) if row.id == text), None)
    if run is not None:
        return run.finished or run.started
    zone = ZoneInfo(job.settings.timezone)
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=end_of_day)
            return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise LookupError(
            f"{text[:60]!r} is neither a day (2026-11-20), a time (2026-11-20T09:00) nor a run; "
            "`increment-sync history` lists the runs"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def rollup_snapshot_at(job: RunContext, at: datetime) -> tuple[datetime, dict[str, Any]]:
    """When figures were kept last up to ``at``, and they, by subject. NothingKept before the first."""
    found = job.store.last_rollup(at)
    if found is None:
        first = job.store.first_rollup_at()
        raise NoRecordedData(
            f"there are no figures from before {at:%Y-%m-%d %H:%M} UTC: "
            f"the first were kept at {first:%Y-%m-%d %H:%M} UTC"
            if first
            else "no run has kept any figures yet: run `increment-sync run` first"
        )
    return found


def changes_until_now(
    job: RunContext, since: datetime, plan: PlanningResult, known: Mapping[IssueRef, KnownIssue]
) -> RecordedChanges:
    """What changed since a moment, with what the next run will note down. NothingKept before the first run."""
    start, first = _plan_at_start(job, since)
    now = job.now()
    pending = pending_counts(replace(job, run_id=""), plan, known, now)
    rows = pending.changes.apply_to(job.store.count_records_between(start.at, now))
    return _build_changes(start, replace(pending.plan, at=now), rows, first, requested=since)


def changes_between(job: RunContext, since: datetime, at: datetime) -> RecordedChanges:
    """What changed between two moments, as runs kept it. NothingKept when ``at`` lies before the first."""
    start, first = _plan_at_start(job, since)
    plan = job.store.plan_at(at)
    if plan is None or at <= start.at:
        raise NoRecordedData(
            f"nothing is known of the time before {first:%Y-%m-%d %H:%M} UTC; choose a later end"
            if at <= first
            else "the end lies before the beginning"
        )
    rows = job.store.count_records_between(start.at, at)
    return _build_changes(start, replace(plan, at=at), rows, first, requested=since)


def _plan_at_start(job: RunContext, since: datetime) -> tuple[PlanFacts, datetime]:
    """The plans at ``since``, or at the first moment that is known; and that first moment."""
    history = job.store.plan_history()
    if not history:
        raise NoRecordedData("no run has noted down yet how issues count: run `increment-sync run` first")
    before = [facts for facts in history if facts.at <= since]
    return (replace(before[-1], at=since) if before else history[0]), history[0].at


def _build_changes(
    start: PlanFacts, end: PlanFacts, rows: Iterable[CountRecord], first: datetime, *, requested: datetime
) -> RecordedChanges:
    names = {**start.names, **end.names}
    past = CountHistory(
        since=start.at, at=end.at, records=tuple(rows), plan_since=start, plan_at=end, names=names
    )
    increments = {
        f"{kind}:{name}": each["increment"]
        for facts in (start, end)
        for kind, entries in (("goal", facts.body["goals"]), ("capability", facts.body["capabilities"]))
        for name, each in entries.items()
    }
    return RecordedChanges(
        since=start.at,
        at=end.at,
        recorded_since=first,
        requested=requested,
        differences=differences(past),
        increments=increments,
    )
