"""The same world and the same people, with nothing going wrong: what a disturbed world is held against."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from connectors.sandbox.server import Sandbox
from sync.simulation.environment import Ran, Scene, Shelf, Stage, staged
from sync.simulation.fault_schedule import RunPlan, Schedule
from sync.simulation.invariants import End
from sync.simulation.observation import end_of, mails_of
from sync.simulation.scenarios import World

SOON, A_DAY_LATER = timedelta(minutes=30), timedelta(hours=25)
_KEPT = 16
MOST_RUNS = 50
"""A large first run is spread over several; so many are waited for."""


def through(run: Callable[[RunPlan], Ran], plan: RunPlan) -> Ran:
    """Run, and again as long as a run leaves something to the next. Out: the last one."""
    ran = run(plan)
    for _ in range(MOST_RUNS):
        if not ran.left_some:
            break
        ran = run(RunPlan(gap=SOON))
    return ran


class Twin:
    """An undisturbed world that goes on when it is asked to."""

    def __init__(self, stage: Stage, schedule: Schedule) -> None:
        self._world, self._shelf, self._server = stage.world, stage.shelf, stage.server
        self._later: list[End] = []
        for edit in schedule.people_first:
            stage.people.act(edit)
        self.asked: list[Mapping[str, int]] = []
        """For each run of the schedule: requests by tracker, store writes under ''."""
        for run in schedule.runs:
            for edit in run.before:
                stage.people.act(edit)
            stage.run(RunPlan(gap=run.gap, full=schedule.full))
            self.asked.append(dict(stage.script.asked))
            for each in run.during:
                stage.people.act(each.edit)
        ran = through(stage.run, RunPlan(gap=SOON, full=schedule.full))
        self.code = ran.outcome.exit_code if ran.outcome else None
        """How an undisturbed run ends: not with 0 where the workspace itself has a conflict."""
        self.soon = end_of(stage)
        self.mails = mails_of(stage)
        self._scene = stage.scene()

    def most_asked(self) -> dict[str, int]:
        """The busiest run of each tracker, and of the store."""
        names = {name for asked in self.asked for name in asked}
        return {name: max(asked.get(name, 0) for asked in self.asked) for name in names}

    def later(self, days: int) -> End:
        """Where it stands so many days later: counts are up to date then, a census was taken, and from the second day
        on health is said, which needs runs of two days."""
        while len(self._later) < days:
            stage = staged(self._world, self._scene, self._shelf, self._server)
            through(stage.run, RunPlan(gap=A_DAY_LATER))
            self._later.append(end_of(stage))
            self._scene = stage.scene()
        return self._later[days - 1]


class Twins:
    """Makes twins, and keeps those of schedules in which people act only before the first run."""

    def __init__(self, server: Sandbox | None) -> None:
        self._server, self._shelf = server, Shelf()
        self._quiet: OrderedDict[object, Twin] = OrderedDict()

    def of(self, world: World, scene: Scene, schedule: Schedule) -> Twin:
        """The twin of a schedule."""
        place = (world.name, schedule.settled, schedule.people_first, schedule.full)
        if schedule.is_quiet:
            if place in self._quiet:
                return self._quiet[place]
            # Where nothing goes wrong, a second run finds nothing to do: one is as good as several.
            schedule = replace(schedule, runs=(RunPlan(full=schedule.full),))
        twin = Twin(staged(world, scene, self._shelf, self._server), schedule)
        if schedule.is_quiet:
            self._quiet[place] = twin
            if len(self._quiet) > _KEPT:
                self._quiet.popitem(last=False)
        return twin
