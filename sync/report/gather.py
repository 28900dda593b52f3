"""Takes from the store what a report needs, each figure once. No request is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Increment
from sync.audit import Finding
from sync.changed.looking_back import NothingKept, changes_until_now
from sync.changed.model import Difference
from sync.flow.stored import load_flow, team_of
from sync.forecast.libraries import NumbersMissing, check_libraries
from sync.forecast.model import Ageing, Forecast
from sync.held import known_today
from sync.job import Job
from sync.learning import learning
from sync.outlook import outlook, read_last
from sync.predictability import Predictability
from sync.report.build import ReportInputs
from sync.think import Thought
from sync.unplanned import ad_hoc_figures

LOOK_BACK: Final = timedelta(days=7)
"""What changed is told since a week ago, unless somebody asks for another moment."""


def gather(
    job: Job,
    chosen: Increment,
    since: datetime | None = None,
    *,
    audit: Sequence[Finding] = (),
    predictability: Sequence[Predictability] = (),
) -> ReportInputs:
    """All about one increment. ``since``: what changed is told from then on, by default for the last week."""
    thought, _ = outlook(job)
    known = known_today(job.store, job.workspace)
    teams = [team.team for team in job.workspace.teams]
    forecasts, ageing, no_forecast = _ahead(job, chosen, thought, known)
    changed_since, differences = _changes(job, since or job.now() - LOOK_BACK, chosen, thought, known)
    return ReportInputs(
        instance=job.settings.instance,
        workspace=job.workspace,
        increment=chosen,
        rollup=thought.rollup,
        known=known,
        flow=load_flow(job.store, job.workspace, thought.matched, known=known),
        owners=team_of(known, job.workspace, thought.matched),
        forecasts=forecasts,
        no_forecast=no_forecast,
        ageing=ageing,
        ad_hoc=ad_hoc_figures(thought.rollup, known, [chosen], teams, now=job.now(), zone=job.settings.zone),
        differences=differences,
        changed_since=changed_since,
        sources=job.store.sources(),
        overrides=job.store.overrides(),
        learning=learning(
            [each for each in thought.rollup.increments if each.id == chosen.id],
            known,
            job.store.issue_changes(),
            job.workspace.teams,
        ),
        audit=audit,
        predictability=predictability,
        read_at=read_last(job),
        now=job.now(),
    )


def _ahead(
    job: Job, chosen: Increment, thought: Thought, known: Mapping[IssueRef, KnownIssue]
) -> tuple[dict[str, Forecast], tuple[Ageing, ...], str]:
    """(forecasts by subject, ages of open issues, why a subject has no forecast)."""
    try:
        check_libraries()
    except NumbersMissing as missing:
        return {}, (), str(missing)
    from sync.forecasting import look_ahead

    ahead = look_ahead(job, thought, known)
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
