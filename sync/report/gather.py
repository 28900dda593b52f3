"""Takes from the store what a report needs, each figure once. No request is sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from mappings.model import Increment
from sync.changed.looking_back import NothingKept, changes_until_now
from sync.changed.model import Difference
from sync.flow.stored import load_flow
from sync.held import known_today
from sync.job import Job
from sync.outlook import outlook, read_last
from sync.report.build import ReportInputs, build
from sync.report.data import ReportData
from sync.unplanned import ad_hoc_figures

LOOK_BACK: Final = timedelta(days=7)
"""What changed is told since a week ago, unless somebody asks for another moment."""


def gather(job: Job, increment: str | None, since: datetime | None = None) -> ReportData:
    """The report of an increment, by default of the one in course. LookupError for one that no plan has."""
    chosen = choose(job.workspace.increments, increment, job.now())
    thought, _ = outlook(job)
    known = known_today(job.store, job.workspace)
    zone = job.settings.zone
    try:
        changes = changes_until_now(job, since or job.now() - LOOK_BACK, thought, known)
        changed_since: datetime | None = changes.since
        differences: tuple[Difference, ...] = tuple(
            each for each in changes.differences if changes.increments.get(each.subject) == chosen.id
        )
    except NothingKept:
        changed_since, differences = None, ()
    return build(
        ReportInputs(
            instance=job.settings.instance,
            workspace=job.workspace,
            increment=chosen,
            rollup=thought.rollup,
            known=known,
            flow=load_flow(job.store, job.workspace, thought.matched, known=known),
            forecasts={},
            no_forecast="no forecast yet",
            ageing=(),
            ad_hoc=ad_hoc_figures(
                thought.rollup,
                known,
                [chosen],
                [team.team for team in job.workspace.teams],
                now=job.now(),
                zone=zone,
            ),
            differences=differences,
            changed_since=changed_since,
            sources=job.store.sources(),
            overrides=job.store.overrides(),
            read_at=read_last(job),
            now=job.now(),
        )
    )


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
