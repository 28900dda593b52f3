"""State machine of faults and user actions in any order: invariants after each run and at the end."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync.simulation.environment import Environment, StorePool, initial_state, restore_environment
from sync.simulation.fault_schedule import (
    CONCURRENT_ACTIONS,
    REQUEST_FAULTS,
    STORE_FAULTS,
    UNLIMITED,
    RunSchedule,
    ScheduledFault,
    UserAction,
)
from sync.simulation.invariants import (
    check_journalled,
    check_people_first,
    check_single_comment,
    check_user_comments,
)
from sync.simulation.observation import failure_reason, visible_issues
from sync.simulation.scenarios import random_scenario_for
from sync.simulation.user_actions import ObservedLabelChange

STORE_POOL = StorePool()
MAX_NUMBER = 40
KINDS = (
    *CONCURRENT_ACTIONS,
    "quote status comment",
    "pin unknown capability",
    "release",
    "veto",
    "edit status comment",
    "delete status comment",
)
"""Without pins: users may remove them again, so that labels alone do not say whose change was last."""

faults = st.one_of(
    st.builds(
        ScheduledFault,
        kind=st.sampled_from(REQUEST_FAULTS),
        tracker=st.sampled_from(["jira", "github"]),
        first=st.integers(1, 12),
        times=st.sampled_from([1, 2, 5, UNLIMITED]),
        writes=st.booleans(),
    ),
    st.builds(ScheduledFault, kind=st.sampled_from(STORE_FAULTS), first=st.integers(1, MAX_NUMBER)),
)
actions = st.builds(
    UserAction,
    kind=st.sampled_from(KINDS),
    issue=st.integers(0, MAX_NUMBER),
    choice=st.integers(0, MAX_NUMBER),
)


class FaultsAndUserActions(RuleBasedStateMachine):
    environment: Environment

    @initialize(number=st.integers(0, 23))
    def begin(self, number: int) -> None:
        scenario = random_scenario_for(number)
        self.environment = restore_environment(scenario, initial_state(scenario), STORE_POOL)

    @rule(action=actions)
    def a_user_acts(self, action: UserAction) -> None:
        self.environment.users.perform(action)

    @rule(seconds=st.sampled_from([0, 30, 250]))
    def lists_lag(self, seconds: int) -> None:
        for tracker in self.environment.trackers.values():
            tracker.search_lag = timedelta(seconds=seconds)

    @rule(minutes=st.sampled_from([0, -200, 7]))
    def the_clock_of_the_program_is_wrong(self, minutes: int) -> None:
        self.environment.clock_skew = timedelta(minutes=minutes)

    @rule(schedule=st.lists(faults, min_size=1, max_size=3), minutes=st.sampled_from([2, 30, 600]))
    def a_run_meets_faults(self, schedule: list[ScheduledFault], minutes: int) -> None:
        delay = timedelta(minutes=minutes)
        simulated = self.environment.run(RunSchedule(faults=tuple(schedule), delay=delay))
        assert simulated.unexpected_error is None

    @rule()
    def a_run_meets_no_faults(self) -> None:
        assert self.environment.run(RunSchedule()).unexpected_error is None

    @invariant()
    def users_have_the_last_word_and_comments_are_unique(self) -> None:
        issues = visible_issues(self.environment)
        violations = [
            *check_single_comment(issues),
            *check_user_comments(self.environment.users.user_comments, issues),
        ]
        scheme = self.environment.scenario.loaded_workspace.settings.label_scheme
        for ui in self.environment.tracker_uis.values():
            violations += check_people_first(ui.label_changes(), scheme)
        assert not violations

    def teardown(self) -> None:
        """Run without faults: within some days nothing is left to write."""
        if not hasattr(self, "environment"):
            return
        self.the_clock_of_the_program_is_wrong(0)
        self.lists_lag(0)
        for hours in (1, 25, 25):
            self.environment.run(RunSchedule(delay=timedelta(hours=hours)))
        last = self.environment.run(RunSchedule())
        assert last.result and last.result.exit_code == 0, failure_reason(last)
        assert last.writes == ()
        self.users_have_the_last_word_and_comments_are_unique()
        store = self.environment.store
        changes: list[tuple[str, ObservedLabelChange]] = [
            (name, each) for name, ui in self.environment.tracker_uis.items() for each in ui.label_changes()
        ]
        assert not [*check_journalled(changes, store.journal(), len(store.pending_writes()))]


FaultsAndUserActions.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=7,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestFaultsAndUserActions = FaultsAndUserActions.TestCase
