"""Takes from the store what a report needs, each figure once. No request is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Increment
from sync.cli.commands.audit import findings_in
from sync.cli.commands.predictability import predictability_of
from sync.forecast.load_history import load_flow, team_of
from sync.forecast.optional_deps import NumbersMissing, check_libraries
from sync.insights.change_queries import NothingKept, changes_until_now
from sync.insights.experiments import learning
from sync.insights.predictability import Predictability
from sync.insights.report.inputs import ReportInputs
from sync.insights.report.model import OverrideLine, SourceLine
from sync.insights.unplanned import ad_hoc_figures
from sync.model.attribution import Difference
from sync.model.flow import FlowIssue
from sync.model.forecast import Ageing, Forecast
from sync.model.planning import Thought
from sync.pipeline.offline import read_last, silent_since, think_offline
from sync.pull.current_sources import known_today, states_today
from sync.pull.recorded import remember
from sync.pull.recorded_health import track_records
from sync.runtime.context import Job

_QUIET_AFTER: Final = timedelta(days=14)
"""As ``audit`` has it by default."""
_INCREMENTS_COMPARED: Final = 6
LOOK_BACK: Final = timedelta(days=7)
"""What changed is told since a week ago, unless somebody asks for another moment."""


def gather(job: Job, chosen: Increment, since: datetime | None = None) -> ReportInputs:
    """All about one increment. ``since``: what changed is told from then on, by default for the last week."""
    known = known_today(job.store, job.workspace)
    remembered = remember(job)
    thought = think_offline(job, known, remembered)
    flow = load_flow(job.store, job.workspace, thought.matched, known=known)
    teams = [team.team for team in job.workspace.teams]
    forecasts, ageing, no_forecast = _ahead(job, chosen, thought, known, flow)
    changed_since, differences = _changes(job, since or job.now() - LOOK_BACK, chosen, thought, known)
    return ReportInputs(
        instance=job.settings.instance,
        workspace=job.workspace,
        increment=chosen,
        rollup=thought.rollup,
        known=known,
        flow=flow,
        owners=team_of(known, job.workspace, thought.matched),
        forecasts=forecasts,
        no_forecast=no_forecast,
        track_records=track_records(job),
        ageing=ageing,
        ad_hoc=ad_hoc_figures(thought.rollup, known, [chosen], teams, now=job.now(), zone=job.settings.zone),
        differences=differences,
        changed_since=changed_since,
        sources=[
            SourceLine(name=each.name, last_whole=each.last_whole, failing_since=each.failing_since)
            for each in states_today(job.store, job.workspace)
        ],
        overrides=[
            OverrideLine(key=row.ref.key, kind=row.kind, label=row.label, since=row.since, note=row.note)
            for row in job.store.overrides()
        ],
        learning=learning(
            [each for each in thought.rollup.increments if each.id == chosen.id],
            known,
            job.store.issue_changes(),
            job.workspace.teams,
        ),
        audit=findings_in(job, chosen.id, _QUIET_AFTER, known, remembered, thought, flow),
        predictability=_predictability(job, thought, known),
        read_at=read_last(job),
        silent_since=silent_since(job),
        now=job.now(),
    )


def _predictability(
    job: Job, thought: Thought, known: dict[IssueRef, KnownIssue]
) -> tuple[Predictability, ...]:
    """Of the last increments that have begun, oldest first."""
    begun = [each for each in job.workspace.increments if each.phase(job.now()) != "not-started"]
    begun.sort(key=lambda each: each.start)
    return tuple(
        predictability_of(job, each, thought.rollup, known) for each in begun[-_INCREMENTS_COMPARED:]
    )


def _ahead(
    job: Job,
    chosen: Increment,
    thought: Thought,
    known: Mapping[IssueRef, KnownIssue],
    flow: Mapping[IssueRef, FlowIssue],
) -> tuple[dict[str, Forecast], tuple[Ageing, ...], str]:
    """(forecasts by subject, ages of open issues, why a subject has no forecast)."""
    try:
        check_libraries()
    except NumbersMissing as missing:
        return {}, (), str(missing)
    from sync.forecast.inputs import look_ahead

    ahead = look_ahead(job, thought, known, flow=flow)
    forecasts = {each.subject: each for each in ahead.forecasts.get(chosen.id, ())}
    return forecasts, ahead.ageing, "no forecast yet" if forecasts else "the increment is over"


def _changes(
    job: Job,
    since: datetime,
    chosen: Increment,
    thought: Thought,
    known: Mapping[IssueRef, KnownIssue],
) -> tuple[datetime | None, tuple[Difference, ...]]:
    """(from when, what changed in the increment); None when nothing was kept yet."""
    try:
        changes = changes_until_now(job, since, thought, known)
    except NothingKept:
        return None, ()
    named = changes.increments
    return changes.since, tuple(each for each in changes.differences if named.get(each.subject) == chosen.id)


def choose(increments: tuple[Increment, ...], asked: str | None, now: datetime) -> Increment:
    """The one that was asked for; else the one in course, the next one, or the last one. LookupError."""
    if asked is not None:
        for each in increments:
            if each.id == asked:
                return each
        raise LookupError(
            f"there is no increment {asked!r}; the plans have {', '.join(each.id for each in increments) or 'none'}"
        )
    ordered = sorted(increments, key=lambda each: each.start)
    if not ordered:
        raise LookupError("the plans have no increment yet: write one into plans/")
    for phase in ("active", "grace", "not-started"):
        for each in ordered:
            if each.phase(now) == phase:
                return each
    return ordered[-1]
