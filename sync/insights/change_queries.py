"""Query the store for earlier roll-ups and for changes between two moments. No tracker is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from connectors.model import IssueRef, KnownIssue
from connectors.scalars import in_utc
from sync.insights.change_between import CountHistory, differences
from sync.insights.record_counts import pending_counts
from sync.model.attribution import CountRecord, Difference, PlanFacts
from sync.model.planning import PlanningResult
from sync.runtime.context import RunContext

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_ALL_RUNS: Final = 1_000_000


class NoRecordedData(LookupError):
    """The store has no data of the requested time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedChanges:
    """Changes between two moments."""

    since: datetime
    at: datetime
    recorded_since: datetime
    """First moment from which the counts of single issues are known."""
    requested: datetime
    """Requested moment; earlier than ``since`` if nothing was recorded then."""
    differences: tuple[Difference, ...]
    increments: Mapping[str, str]
    """Subject -> increment, by the plans at either moment."""


def parse_moment(context: RunContext, text: str, *, end_of_day: bool) -> datetime:
    """Return the moment that a text names, in UTC. Raises LookupError for an invalid text.

    The text is a day (``2026-11-20``: its beginning or its end in the time zone of the settings), a time in ISO
    format, or the id of a run (its end).
    """
    run = next((row for row in context.store.recent_runs(_ALL_RUNS) if row.id == text), None)
    if run is not None:
        return run.finished or run.started
    zone = ZoneInfo(context.settings.timezone)
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=end_of_day)
            read = datetime.combine(day, time(), tzinfo=zone)
        else:
            read = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        read = None
    moment = in_utc(read.replace(tzinfo=read.tzinfo or zone)) if read else None
    if moment is None:
        raise LookupError(
            f"{text[:60]!r} is neither a day (2026-11-20), a time (2026-11-20T09:00) nor a run; "
            "`increment-sync history` lists the runs"
        )
    return moment


def rollup_snapshot_at(context: RunContext, at: datetime) -> tuple[datetime, dict[str, Any]]:
    """Return the time of the last roll-up up to ``at``, and its numbers by subject.

    Raises NoRecordedData without one.
    """
    found = context.store.last_rollup(at)
    if found is None:
        first = context.store.first_rollup_at()
        raise NoRecordedData(
            f"there is no roll-up from before {at:%Y-%m-%d %H:%M} UTC: "
            f"the first one was recorded at {first:%Y-%m-%d %H:%M} UTC"
            if first
            else "no run has recorded a roll-up yet: run `increment-sync run` first"
        )
    return found


def changes_until_now(
    context: RunContext, since: datetime, plan: PlanningResult, known: Mapping[IssueRef, KnownIssue]
) -> RecordedChanges:
    """Return the changes since a moment, including those that the next run will record.

    Raises NoRecordedData before the first run.
    """
    start, first = _plan_at_start(context, since)
    now = context.now()
    pending = pending_counts(replace(context, run_id=""), plan, known, now)
    rows = pending.changes.apply_to(context.store.count_records_between(start.at, now))
    return _build_changes(start, replace(pending.plan, at=now), rows, first, requested=since)


def changes_between(context: RunContext, since: datetime, at: datetime) -> RecordedChanges:
    """Return the recorded changes between two moments. Raises NoRecordedData if ``at`` is before the first run."""
    start, first = _plan_at_start(context, since)
    plan = context.store.plan_at(at)
    if plan is None or at <= start.at:
        raise NoRecordedData(
            f"nothing is recorded before {first:%Y-%m-%d %H:%M} UTC; choose a later end"
            if at <= first
            else "the end is before the beginning"
        )
    rows = context.store.count_records_between(start.at, at)
    return _build_changes(start, replace(plan, at=at), rows, first, requested=since)


def _plan_at_start(context: RunContext, since: datetime) -> tuple[PlanFacts, datetime]:
    """Return the plans at ``since``, or at the first recorded moment, and that moment."""
    history = context.store.plan_history()
    if not history:
        raise NoRecordedData("no run has recorded the counts of issues yet: run `increment-sync run` first")
    before = [facts for facts in history if facts.at <= since]
    return (replace(before[-1], at=since) if before else history[0]), history[0].at


def _build_changes(
    start: PlanFacts, end: PlanFacts, rows: Iterable[CountRecord], first: datetime, *, requested: datetime
) -> RecordedChanges:
    names = {**start.names, **end.names}
    history = CountHistory(records=tuple(rows), plan_since=start, plan_at=end, names=names)
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
        differences=differences(history),
        increments=increments,
    )
