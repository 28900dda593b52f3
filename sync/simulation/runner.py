"""Simulation runner: carries out fault schedules and compares each with its reference run."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from connectors.sandbox.server import Sandbox
from sync.simulation.environment import (
    Environment,
    EnvironmentState,
    SimulatedRun,
    StorePool,
    initial_state,
    restore_environment,
)
from sync.simulation.fault_schedule import (
    FaultSchedule,
    RunSchedule,
    adapt_for_http,
    build_schedule,
    drop_repeated_actions,
    resolve_positions,
)
from sync.simulation.invariants import (
    FinalState,
    Violation,
    anchors_of_source,
    check_journalled,
    check_no_flapping,
    check_no_flapping_in_run,
    check_no_partial_rollup,
    check_people_first,
    check_single_comment,
    check_user_comments,
    compare_final_states,
)
from sync.simulation.observation import (
    changes_after,
    count_label_changes,
    count_notifications,
    failure_reason,
    final_state,
    visible_issues,
)
from sync.simulation.reference_run import (
    NEXT_DAY,
    RUN_INTERVAL,
    ReferenceRun,
    ReferenceRunCache,
    run_until_complete,
)
from sync.simulation.results import ScheduleResult
from sync.simulation.scenarios import HOST, Scenario, random_scenario_for
from sync.simulation.user_actions import ObservedLabelChange

SCHEDULES_PER_SCENARIO: Final = 50
_MAX_CACHED_STATES: Final = 4
_RETRIES_OF_REJECTED_RUN: Final = 3
"""A run is rejected while a killed one with a wrong clock seems to be running; the user starts it again."""
_CONVERGENCE_DAYS: Final = 2
"""Within this many days the final state has to be that of the reference run on the same day."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultFreePreview:
    """Effects of the next run without faults."""

    writes: int
    notifications: Counter[str]
    """User -> number of mails."""
    failed: tuple[str, ...]
    """Sources that could not be read, and why."""


class Simulation:
    """Carries out schedules one after the other. Not thread-safe: all of them share one store."""

    def __init__(self, scenario_for_seed: Callable[[int], Scenario], server: Sandbox | None = None) -> None:
        """``scenario_for_seed``: what a seed is simulated in. ``server``: a running sandbox, to simulate over HTTP."""
        self._scenario_for_seed, self._server = scenario_for_seed, server
        self._store_pool, self._reference_runs = StorePool(), ReferenceRunCache(server)
        self._initial_states: OrderedDict[tuple[str, bool], EnvironmentState] = OrderedDict()

    def preview_without_faults(self, scenario: Scenario) -> FaultFreePreview:
        """Return the effects of the next run, without faults and without user actions."""
        environment = self._restore(scenario, self._initial_state(scenario, settled=False))
        before = count_notifications(environment)
        simulated = environment.run(RunSchedule(delay=timedelta()))
        notifications = count_notifications(environment) - before
        failed = simulated.result.pulled.failed if simulated.result else ()
        reasons = tuple(f"{each.source.name}: {each.reason}" for each in failed)
        return FaultFreePreview(
            writes=len(simulated.writes),
            notifications=notifications,
            failed=reasons if simulated.result else (failure_reason(simulated),),
        )

    def run_seed(self, seed: int) -> ScheduleResult:
        """Carry out the schedule of a seed and return its result."""
        scenario = self._scenario_for_seed(seed)
        trackers = tuple(scenario.loaded_workspace.settings.trackers)
        return self.run_schedule(scenario, build_schedule(seed, trackers, scenario=scenario.name))

    def run_schedule(self, scenario: Scenario, schedule: FaultSchedule) -> ScheduleResult:
        """Carry out a schedule in a scenario and return its result."""
        state = self._initial_state(scenario, settled=schedule.settled)
        issue_count = self._restore(scenario, state).users.issue_count
        schedule = drop_repeated_actions(schedule, issue_count)
        if self._server:
            schedule = adapt_for_http(schedule)
        reference = self._reference_runs.get(scenario, state, schedule)
        result = _ScheduleExecution(self._restore(scenario, state), schedule, reference).run()
        return replace(result, mode="over HTTP") if self._server else result

    def _restore(self, scenario: Scenario, state: EnvironmentState) -> Environment:
        return restore_environment(scenario, state, self._store_pool, self._server)

    def _initial_state(self, scenario: Scenario, *, settled: bool) -> EnvironmentState:
        key = (scenario.name, settled)
        if key not in self._initial_states:
            first = initial_state(scenario)
            if settled:
                environment = self._restore(scenario, first)
                for gap in (RUN_INTERVAL, NEXT_DAY):
                    run_until_complete(environment.run, RunSchedule(delay=gap))
                first = environment.capture_state()
            self._initial_states[key] = first
            if len(self._initial_states) > _MAX_CACHED_STATES:
                self._initial_states.popitem(last=False)
        return self._initial_states[key]


class _ScheduleExecution:
    """The execution of one schedule."""

    def __init__(self, environment: Environment, schedule: FaultSchedule, reference: ReferenceRun) -> None:
        self._environment, self._schedule, self._reference = environment, schedule, reference
        self._violations: list[Violation] = []
        self._writes = 0
        self._baseline_counts = count_label_changes(environment)

    def run(self) -> ScheduleResult:
        environment, schedule = self._environment, self._schedule
        for action in schedule.initial_actions:
            environment.users.perform(action)
        self._set_ambient_faults(skew=schedule.clock_skew, lag=schedule.search_lag)
        request_counts = self._reference.max_request_counts()
        for run in schedule.runs:
            for action in run.actions_before:
                environment.users.perform(action)
            self._run_once(resolve_positions(run, request_counts))
        self._set_ambient_faults(skew=timedelta(), lag=timedelta())
        expected = self._run_until_converged()
        self._check_final_state(expected)
        return ScheduleResult(
            seed=schedule.seed,
            violations=tuple(dict.fromkeys(self._violations)),
            injected=self._injected_faults(),
            user_actions=len(environment.users.performed),
            writes=self._writes,
            notifications=count_notifications(environment).total(),
            reference_notifications=self._reference.notifications,
        )

    def _run_until_converged(self) -> FinalState:
        """Run without faults until the state is that of the reference run, and return the latter.

        Most schedules converge at once; some need a day for their counts or two for health.
        """
        expected = self._reference.final_state
        for _ in range(_RETRIES_OF_REJECTED_RUN):
            if run_until_complete(
                self._run_once, RunSchedule(delay=RUN_INTERVAL, full=self._schedule.has_reconcile)
            ).result:
                break
        for day in range(1, _CONVERGENCE_DAYS + 1):
            waits_always = day == 1 and self._schedule.seed % 4 == 0
            if waits_always or any(compare_final_states(expected, final_state(self._environment))):
                run_until_complete(self._run_once, RunSchedule(delay=NEXT_DAY))
                expected = self._reference.state_after_days(day)
        self._check_last_run(self._run_once(RunSchedule(delay=RUN_INTERVAL)))
        return expected

    def _set_ambient_faults(self, *, skew: timedelta, lag: timedelta) -> None:
        self._environment.clock_skew = skew
        for tracker in self._environment.trackers.values():
            tracker.search_lag = lag

    def _injected_faults(self) -> Mapping[str, int]:
        found = Counter(self._environment.injector.injected)
        found["clock skew"] += bool(self._schedule.clock_skew)
        found["search lag"] += bool(self._schedule.search_lag)
        return +found

    def _run_once(self, schedule: RunSchedule) -> SimulatedRun:
        environment = self._environment
        before, counts = visible_issues(environment), count_label_changes(environment)
        simulated = environment.run(schedule)
        after = visible_issues(environment)
        self._writes += len(simulated.writes)
        if simulated.unexpected_error:
            self._violations.append(Violation("no bug", simulated.unexpected_error))
        self._violations += check_single_comment(after)
        for name, ui in environment.tracker_uis.items():
            self._violations += check_no_flapping_in_run(changes_after(ui.label_changes(), counts[name]))
        anchors = anchors_of_source(environment.scenario.loaded_workspace.workspace, simulated.failed_sources)
        self._violations += check_no_partial_rollup(anchors, before, after, simulated.failed_sources)
        return simulated

    def _check_last_run(self, last: SimulatedRun) -> None:
        if last.writes:
            requests = ", ".join(f"{each.tracker} {each.method} {each.path}" for each in last.writes[:3])
            self._violations.append(Violation("second run is empty", f"the last run still wrote: {requests}"))
        code = last.result.exit_code if last.result else None
        if code != self._reference.exit_code:
            text = f"the last run ended with {code}: {failure_reason(last)}"
            self._violations.append(Violation("second run is empty", text))

    def _check_final_state(self, expected: FinalState) -> None:
        environment, end = self._environment, final_state(self._environment)
        scheme = environment.scenario.loaded_workspace.workspace.labels
        self._violations += compare_final_states(expected, end)
        self._violations += check_user_comments(environment.users.user_comments, end.issues)
        changes: list[tuple[str, ObservedLabelChange]] = []
        for name, ui in environment.tracker_uis.items():
            label_changes = list(ui.label_changes())
            self._violations += check_people_first(label_changes, scheme)
            recent = changes_after(label_changes, self._baseline_counts[name])
            self._violations += check_no_flapping(recent, len(environment.users.performed))
            changes += [(name, each) for each in recent]
        self._violations += check_journalled(
            changes, environment.store.journal(), len(environment.store.pending_writes())
        )


def random_scenario(seed: int, host: str = HOST) -> Scenario:
    """Return the scenario of a seed; neighbouring seeds share one, so that its initial state is computed once."""
    return random_scenario_for(seed // SCHEDULES_PER_SCENARIO, host)
