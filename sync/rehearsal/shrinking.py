"""From a schedule that breaks something to a small one that does so, too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from sync.rehearsal.runner import Rehearsal
from sync.rehearsal.schedule import Schedule
from sync.rehearsal.worlds import World

_Part = TypeVar("_Part")


def shrunk(rehearsal: Rehearsal, world: World, schedule: Schedule) -> Schedule:
    """A smaller schedule that breaks something all the same."""
    current = schedule
    shrinking = True
    while shrinking:
        shrinking = False
        for smaller in _smaller(current):
            if rehearsal.play_in(world, smaller).broken:
                current, shrinking = smaller, True
                break
    return current


def _smaller(schedule: Schedule) -> list[Schedule]:
    found = []
    if schedule.skew or schedule.lag:
        found += [replace(schedule, skew=timedelta()), replace(schedule, lag=timedelta())]
    found += [
        replace(schedule, people_first=_but(schedule.people_first, n))
        for n in range(len(schedule.people_first))
    ]
    if len(schedule.runs) > 1:
        found += [replace(schedule, runs=_but(schedule.runs, n)) for n in range(len(schedule.runs))]
    for number, run in enumerate(schedule.runs):
        smaller = [replace(run, full=False)] if run.full else []
        smaller += [replace(run, troubles=_but(run.troubles, n)) for n in range(len(run.troubles))]
        smaller += [replace(run, before=_but(run.before, n)) for n in range(len(run.before))]
        smaller += [replace(run, during=_but(run.during, n)) for n in range(len(run.during))]
        smaller += [
            replace(run, troubles=(*run.troubles[:n], replace(each, times=1), *run.troubles[n + 1 :]))
            for n, each in enumerate(run.troubles)
            if each.times > 1
        ]
        found += [
            replace(schedule, runs=(*schedule.runs[:number], each, *schedule.runs[number + 1 :]))
            for each in smaller
        ]
    return [each for each in found if each != schedule]


def _but(parts: tuple[_Part, ...], number: int) -> tuple[_Part, ...]:
    return (*parts[:number], *parts[number + 1 :])
