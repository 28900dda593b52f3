"""A world in which anything may happen in any order: what holds after each run, and when all has calmed down."""

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
from sync.simulation.user_actions import LabelChange

SHELF = StorePool()
MANY = 40
KINDS = (*CONCURRENT_ACTIONS, "quote", "nonsense", "release", "veto", "reword", "delete comment")
"""Without pins, which a person may lift, so that who had the last word is no longer told by the labels alone."""

troubles = st.one_of(
    st.builds(
        ScheduledFault,
        kind=st.sampled_from(REQUEST_FAULTS),
        tracker=st.sampled_from(["jira", "github"]),
        nth=st.integers(1, 12),
        times=st.sampled_from([1, 2, 5, UNLIMITED]),
        writes=st.booleans(),
    ),
    st.builds(ScheduledFault, kind=st.sampled_from(STORE_FAULTS), nth=st.integers(1, MANY)),
)
edits = st.builds(
    UserAction, kind=st.sampled_from(KINDS), issue=st.integers(0, MANY), choice=st.integers(0, MANY)
)


class AnythingMayHappen(RuleBasedStateMachine):
    stage: Environment

    @initialize(number=st.integers(0, 23))
    def begin(self, number: int) -> None:
        world = random_scenario_for(number)
        self.stage = restore_environment(world, initial_state(world), SHELF)

    @rule(edit=edits)
    def a_person_does_something(self, edit: UserAction) -> None:
        self.stage.users.perform(edit)

    @rule(seconds=st.sampled_from([0, 30, 250]))
    def lists_lag(self, seconds: int) -> None:
        for tracker in self.stage.trackers.values():
            tracker.search_lag = timedelta(seconds=seconds)

    @rule(minutes=st.sampled_from([0, -200, 7]))
    def our_clock_is_wrong(self, minutes: int) -> None:
        self.stage.clock_skew = timedelta(minutes=minutes)

    @rule(plan=st.lists(troubles, min_size=1, max_size=3), minutes=st.sampled_from([2, 30, 600]))
    def a_run_is_disturbed(self, plan: list[ScheduledFault], minutes: int) -> None:
        gap = timedelta(minutes=minutes)
        ran = self.stage.run(RunSchedule(troubles=tuple(plan), delay=gap))
        assert ran.unexpected_error is None

    @rule()
    def a_run_is_not_disturbed(self) -> None:
        assert self.stage.run(RunSchedule()).unexpected_error is None

    @invariant()
    def people_come_first_and_comments_alone(self) -> None:
        faces = visible_issues(self.stage)
        broken = [*check_single_comment(faces), *check_user_comments(self.stage.users.user_comments, faces)]
        scheme = self.stage.scenario.loaded_workspace.settings.label_scheme
        for site in self.stage.tracker_uis.values():
            broken += check_people_first(site.label_changes(), scheme)
        assert not broken

    def teardown(self) -> None:
        """Calm: within some days everything comes to rest."""
        if not hasattr(self, "stage"):
            return
        self.our_clock_is_wrong(0)
        self.lists_lag(0)
        for hours in (1, 25, 25):
            self.stage.run(RunSchedule(delay=timedelta(hours=hours)))
        last = self.stage.run(RunSchedule())
        assert last.result and last.result.exit_code == 0, failure_reason(last)
        assert last.writes == ()
        self.people_come_first_and_comments_alone()
        store = self.stage.store
        ours: list[tuple[str, LabelChange]] = [
            (name, each) for name, site in self.stage.tracker_uis.items() for each in site.label_changes()
        ]
        assert not [*check_journalled(ours, store.journal(), len(store.pending_writes()))]


AnythingMayHappen.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=7,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAnythingMayHappen = AnythingMayHappen.TestCase
