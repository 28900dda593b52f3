"""The same world and the same people, with nothing going wrong: what a disturbed world is held against."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from connectors.sandbox.server import Sandbox
from sync.simulation.environment import (
    Environment,
    EnvironmentState,
    SimulatedRun,
    StorePool,
    restore_environment,
)
from sync.simulation.fault_schedule import FaultSchedule, RunSchedule
from sync.simulation.invariants import FinalState
from sync.simulation.observation import count_notifications, final_state
from sync.simulation.scenarios import Scenario

RUN_INTERVAL, NEXT_DAY = timedelta(minutes=30), timedelta(hours=25)
_MAX_CACHED_RUNS = 16
MAX_RUNS = 50
"""A large first run is spread over several; so many are waited for."""


def run_until_complete(run: Callable[[RunSchedule], SimulatedRun], schedule: RunSchedule) -> SimulatedRun:
    """Run, and again as long as a run leaves something to the next. Out: the last one."""
    ran = run(schedule)
    for _ in range(MAX_RUNS):
        if not ran.has_remaining_writes:
            break
        ran = run(RunSchedule(delay=RUN_INTERVAL))
    return ran


class ReferenceRun:
    """An undisturbed world that goes on when it is asked to."""

    def __init__(self, environment: Environment, schedule: FaultSchedule) -> None:
        self._world, self._shelf, self._server = (
            environment.scenario,
            environment.store_pool,
            environment.server,
        )
        self._later: list[FinalState] = []
        for edit in schedule.people_first:
            environment.users.perform(edit)
        self.request_counts: list[Mapping[str, int]] = []
        """For each run of the schedule: requests by tracker, store writes under ''."""
        for run in schedule.runs:
            for edit in run.before:
                environment.users.perform(edit)
            environment.run(RunSchedule(delay=run.delay, full=schedule.has_reconcile))
            self.request_counts.append(dict(environment.injector.request_counts))
            for each in run.during:
                environment.users.perform(each.action)
        ran = run_until_complete(
            environment.run, RunSchedule(delay=RUN_INTERVAL, full=schedule.has_reconcile)
        )
        self.exit_code = ran.result.exit_code if ran.result else None
        """How an undisturbed run ends: not with 0 where the workspace itself has a conflict."""
        self.final_state = final_state(environment)
        self.notifications = count_notifications(environment)
        self._scene = environment.capture_state()

    def max_request_counts(self) -> dict[str, int]:
        """The busiest run of each tracker, and of the store."""
        names = {name for asked in self.request_counts for name in asked}
        return {name: max(asked.get(name, 0) for asked in self.request_counts) for name in names}

    def state_after_days(self, days: int) -> FinalState:
        """Where it stands so many days later: counts are up to date then, a census was taken, and from the second day
        on health is said, which needs runs of two days."""
        while len(self._later) < days:
            stage = restore_environment(self._world, self._scene, self._shelf, self._server)
            run_until_complete(stage.run, RunSchedule(delay=NEXT_DAY))
            self._later.append(final_state(stage))
            self._scene = stage.capture_state()
        return self._later[days - 1]


class ReferenceRunCache:
    """Makes twins, and keeps those of schedules in which people act only before the first run."""

    def __init__(self, server: Sandbox | None) -> None:
        self._server, self._store_pool = server, StorePool()
        self._cached: OrderedDict[object, ReferenceRun] = OrderedDict()

    def get(self, scenario: Scenario, state: EnvironmentState, schedule: FaultSchedule) -> ReferenceRun:
        """The twin of a schedule."""
        place = (scenario.name, schedule.settled, schedule.people_first, schedule.has_reconcile)
        if schedule.has_no_later_actions:
            if place in self._cached:
                return self._cached[place]
            # Where nothing goes wrong, a second run finds nothing to do: one is as good as several.
            schedule = replace(schedule, runs=(RunSchedule(full=schedule.has_reconcile),))
        twin = ReferenceRun(restore_environment(scenario, state, self._store_pool, self._server), schedule)
        if schedule.has_no_later_actions:
            self._cached[place] = twin
            if len(self._cached) > _MAX_CACHED_RUNS:
                self._cached.popitem(last=False)
        return twin
