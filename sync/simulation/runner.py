"""Plays schedules, each beside its twin."""

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
    anchors_fed_by,
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
from sync.simulation.user_actions import LabelChange

SCHEDULES_PER_SCENARIO: Final = 50
_MAX_CACHED_STATES: Final = 4
_RETRIES_OF_REJECTED_RUN: Final = 3
"""Who asks for a run and is refused, as a killed one with a wrong clock seems to be at work still, asks again."""
_CONVERGENCE_DAYS: Final = 2
"""How long a disturbed world may take to stand where its twin stands on the same day."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultFreePreview:
    """What the next run would do without faults."""

    writes: int
    mails: Counter[str]
    """Person -> mails."""
    failed: tuple[str, ...]
    """Sources that could not be read even so, and why."""


class Simulation:
    """Plays schedules one after the other. Not for several threads: the store is one."""

    def __init__(self, scenario_for_seed: Callable[[int], Scenario], server: Sandbox | None = None) -> None:
        """``scenario_for_seed``: the world in which a seed is played. ``server``: started, to play over HTTP."""
        self._scenario_for_seed, self._server = scenario_for_seed, server
        self._store_pool, self._reference_runs = StorePool(), ReferenceRunCache(server)
        self._initial_states: OrderedDict[tuple[str, bool], EnvironmentState] = OrderedDict()

    def preview_without_faults(self, scenario: Scenario) -> FaultFreePreview:
        """The next run of a world in which nothing goes wrong and nobody does anything."""
        stage = restore_environment(
            scenario, self._initial_state(scenario, settled=False), self._store_pool, self._server
        )
        before = Counter(name for site in stage.tracker_uis.values() for name, _ in site.notifications())
        ran = stage.run(RunSchedule(delay=timedelta()))
        mails = Counter(name for site in stage.tracker_uis.values() for name, _ in site.notifications())
        mails.subtract(before)
        failed = ran.result.pulled.failed if ran.result else ()
        reasons = tuple(f"{each.source.name}: {each.reason}" for each in failed)
        return FaultFreePreview(
            writes=len(ran.writes),
            mails=+mails,
            failed=reasons if ran.result else (failure_reason(ran),),
        )

    def run_seed(self, seed: int) -> ScheduleResult:
        """One schedule, its twin, and what did not hold."""
        world = self._scenario_for_seed(seed)
        return self.run_schedule(
            world, build_schedule(seed, tuple(world.loaded_workspace.settings.trackers), scenario=world.name)
        )

    def run_schedule(self, scenario: Scenario, schedule: FaultSchedule) -> ScheduleResult:
        """One schedule in this world."""
        scene = self._initial_state(scenario, settled=schedule.settled)
        schedule = drop_repeated_actions(
            schedule, restore_environment(scenario, scene, self._store_pool, self._server).users.issue_count
        )
        if self._server:
            schedule = adapt_for_http(schedule)
        twin = self._reference_runs.get(scenario, scene, schedule)
        play = _ScheduleExecution(
            restore_environment(scenario, scene, self._store_pool, self._server), schedule, twin
        )
        verdict = play.run()
        return replace(verdict, way="over HTTP") if self._server else verdict

    def _initial_state(self, scenario: Scenario, *, settled: bool) -> EnvironmentState:
        place = (scenario.name, settled)
        if place not in self._initial_states:
            first = initial_state(scenario)
            if settled:
                stage = restore_environment(scenario, first, self._store_pool, self._server)
                for gap in (RUN_INTERVAL, NEXT_DAY):
                    run_until_complete(stage.run, RunSchedule(delay=gap))
                first = stage.capture_state()
            self._initial_states[place] = first
            if len(self._initial_states) > _MAX_CACHED_STATES:
                self._initial_states.popitem(last=False)
        return self._initial_states[place]


class _ScheduleExecution:
    """One schedule at work."""

    def __init__(self, environment: Environment, schedule: FaultSchedule, reference: ReferenceRun) -> None:
        self._environment, self._schedule, self._reference = environment, schedule, reference
        self._violations: list[Violation] = []
        self._writes = 0
        self._baseline_counts = count_label_changes(environment)

    def run(self) -> ScheduleResult:
        stage, schedule = self._environment, self._schedule
        for edit in schedule.people_first:
            stage.users.perform(edit)
        self._set_ambient_faults(skew=schedule.skew, lag=schedule.lag)
        asked = self._reference.max_request_counts()
        for run in schedule.runs:
            for edit in run.before:
                stage.users.perform(edit)
            self._run_once(resolve_positions(run, asked))
        self._set_ambient_faults(skew=timedelta(), lag=timedelta())
        wanted = self._run_until_converged()
        self._check_final_state(wanted)
        return ScheduleResult(
            seed=schedule.seed,
            violations=tuple(dict.fromkeys(self._violations)),
            injected=self._injected_faults(),
            user_actions=len(stage.users.performed),
            writes=self._writes,
            notifications=count_notifications(stage),
            reference_notifications=self._reference.notifications,
        )

    def _run_until_converged(self) -> FinalState:
        """Run again without faults: most schedules are over at once, some need a day for their counts or two for
        health. Out: where the twin stands then."""
        wanted = self._reference.final_state
        for _ in range(_RETRIES_OF_REJECTED_RUN):
            if run_until_complete(
                self._run_once, RunSchedule(delay=RUN_INTERVAL, full=self._schedule.has_reconcile)
            ).result:
                break
        for day in range(1, _CONVERGENCE_DAYS + 1):
            waits_anyway = day == 1 and self._schedule.seed % 4 == 0
            if waits_anyway or any(compare_final_states(wanted, final_state(self._environment))):
                run_until_complete(self._run_once, RunSchedule(delay=NEXT_DAY))
                wanted = self._reference.state_after_days(day)
        self._check_last_run(self._run_once(RunSchedule(delay=RUN_INTERVAL)))
        return wanted

    def _set_ambient_faults(self, *, skew: timedelta, lag: timedelta) -> None:
        self._environment.clock_skew = skew
        for tracker in self._environment.trackers.values():
            tracker.search_lag = lag

    def _injected_faults(self) -> Mapping[str, int]:
        found = Counter(self._environment.injector.injected)
        found.update(
            {"clock skew": int(bool(self._schedule.skew)), "search lag": int(bool(self._schedule.lag))}
        )
        return {kind: count for kind, count in found.items() if count}

    def _run_once(self, plan: RunSchedule) -> SimulatedRun:
        stage = self._environment
        before, marks = visible_issues(stage), count_label_changes(stage)
        ran = stage.run(plan)
        after = visible_issues(stage)
        self._writes += len(ran.writes)
        if ran.unexpected_error:
            self._violations.append(Violation(invariant="no bug", text=ran.unexpected_error))
        self._violations += check_single_comment(after)
        for name, site in stage.tracker_uis.items():
            self._violations += check_no_flapping_in_run(changes_after(site.label_changes(), marks[name]))
        fed = anchors_fed_by(stage.scenario.loaded_workspace.workspace, ran.failed_sources)
        self._violations += check_no_partial_rollup(fed, before, after, ran.failed_sources)
        return ran

    def _check_last_run(self, last: SimulatedRun) -> None:
        if last.writes:
            told = ", ".join(f"{each.tracker} {each.method} {each.path}" for each in last.writes[:3])
            self._violations.append(
                Violation(invariant="second run is empty", text=f"the last run still wrote: {told}")
            )
        code = last.result.exit_code if last.result else None
        if code != self._reference.exit_code:
            text = f"the last run ended with {code}: {failure_reason(last)}"
            self._violations.append(Violation(invariant="second run is empty", text=text))

    def _check_final_state(self, expected: FinalState) -> None:
        stage, end = self._environment, final_state(self._environment)
        scheme = stage.scenario.loaded_workspace.workspace.labels
        self._violations += compare_final_states(expected, end)
        self._violations += check_user_comments(stage.users.user_comments, end.issues)
        ours: list[tuple[str, LabelChange]] = []
        for name, site in stage.tracker_uis.items():
            toggles = list(site.label_changes())
            self._violations += check_people_first(toggles, scheme)
            lately = changes_after(toggles, self._baseline_counts[name])
            self._violations += check_no_flapping(lately, len(stage.users.performed))
            ours += [(name, each) for each in lately]
        self._violations += check_journalled(ours, stage.store.journal(), len(stage.store.pending_writes()))


def random_scenario(seed: int, host: str = HOST) -> Scenario:
    """Worlds for the rehearsals of this project: some seeds share one, which is then settled once."""
    return random_scenario_for(seed // SCHEDULES_PER_SCENARIO, host)
