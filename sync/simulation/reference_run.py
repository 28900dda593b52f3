"""Reference runs: the same scenario and user actions without faults, to compare a simulation with."""

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
"""Limit for a large first run that is spread over several runs."""


def run_until_complete(run: Callable[[RunSchedule], SimulatedRun], schedule: RunSchedule) -> SimulatedRun:
    """Run until no run leaves changes to the next one; return the last run."""
    simulated = run(schedule)
    for _ in range(MAX_RUNS):
        if not simulated.has_remaining_writes:
            break
        simulated = run(RunSchedule(delay=RUN_INTERVAL))
    return simulated


class ReferenceRun:
    """The run of a schedule without its faults, continued day by day on request."""

    def __init__(self, environment: Environment, schedule: FaultSchedule) -> None:
        self._scenario, self._store_pool = environment.scenario, environment.store_pool
        self._server = environment.server
        self._later: list[FinalState] = []
        for action in schedule.initial_actions:
            environment.users.perform(action)
        self.request_counts: list[Mapping[str, int]] = []
        """For each run of the schedule: requests by tracker, store writes under ''."""
        for run in schedule.runs:
            for action in run.actions_before:
                environment.users.perform(action)
            environment.run(RunSchedule(delay=run.delay, full=schedule.has_reconcile))
            self.request_counts.append(dict(environment.injector.request_counts))
            for each in run.concurrent_actions:
                environment.users.perform(each.action)
        last = run_until_complete(
            environment.run, RunSchedule(delay=RUN_INTERVAL, full=schedule.has_reconcile)
        )
        self.exit_code = last.result.exit_code if last.result else None
        """Not 0 where the workspace itself has a conflict."""
        self.final_state = final_state(environment)
        self.notifications = count_notifications(environment).total()
        self._state = environment.capture_state()

    def max_request_counts(self) -> dict[str, int]:
        """Return the most requests of any run by tracker, and the most store writes."""
        names = {name for counts in self.request_counts for name in counts}
        return {name: max(counts.get(name, 0) for counts in self.request_counts) for name in names}

    def state_after_days(self, days: int) -> FinalState:
        """Return the state after N more days.

        By then counts are current and a census was taken; from the second day on there is health, which needs runs
        on two days.
        """
        while len(self._later) < days:
            environment = restore_environment(self._scenario, self._state, self._store_pool, self._server)
            run_until_complete(environment.run, RunSchedule(delay=NEXT_DAY))
            self._later.append(final_state(environment))
            self._state = environment.capture_state()
        return self._later[days - 1]


class ReferenceRunCache:
    """Creates reference runs, and keeps those of schedules in which users act only before the first run."""

    def __init__(self, server: Sandbox | None) -> None:
        self._server, self._store_pool = server, StorePool()
        self._cached: OrderedDict[object, ReferenceRun] = OrderedDict()

    def get(self, scenario: Scenario, state: EnvironmentState, schedule: FaultSchedule) -> ReferenceRun:
        """Return the reference run of a schedule."""
        key = (scenario.name, schedule.settled, schedule.initial_actions, schedule.has_reconcile)
        if schedule.has_no_later_actions:
            if key in self._cached:
                return self._cached[key]
            # Without faults a second run has nothing to do: one run is enough.
            schedule = replace(schedule, runs=(RunSchedule(full=schedule.has_reconcile),))
        reference = ReferenceRun(
            restore_environment(scenario, state, self._store_pool, self._server), schedule
        )
        if schedule.has_no_later_actions:
            self._cached[key] = reference
            if len(self._cached) > _MAX_CACHED_RUNS:
                self._cached.popitem(last=False)
        return reference
