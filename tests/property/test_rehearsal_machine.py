"""A world in which anything may happen in any order: what holds after each run, and when all has calmed down."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync.simulation.environment import Shelf, Stage, first_scene, staged
from sync.simulation.fault_schedule import ALWAYS, ANY_TIME, AT_REQUEST, AT_STORE, Edit, RunPlan, Trouble
from sync.simulation.invariants import journalled, one_comment, people_first, still_said
from sync.simulation.observation import complaint, faces_of
from sync.simulation.scenarios import made_up
from sync.simulation.user_actions import Toggle

SHELF = Shelf()
MANY = 40
KINDS = (*ANY_TIME, "quote", "nonsense", "release", "veto", "reword", "delete comment")
"""Without pins, which a person may lift, so that who had the last word is no longer told by the labels alone."""

troubles = st.one_of(
    st.builds(
        Trouble,
        kind=st.sampled_from(AT_REQUEST),
        tracker=st.sampled_from(["jira", "github"]),
        nth=st.integers(1, 12),
        times=st.sampled_from([1, 2, 5, ALWAYS]),
        writes=st.booleans(),
    ),
    st.builds(Trouble, kind=st.sampled_from(AT_STORE), nth=st.integers(1, MANY)),
)
edits = st.builds(Edit, kind=st.sampled_from(KINDS), issue=st.integers(0, MANY), choice=st.integers(0, MANY))


class AnythingMayHappen(RuleBasedStateMachine):
    stage: Stage

    @initialize(number=st.integers(0, 23))
    def begin(self, number: int) -> None:
        world = made_up(number)
        self.stage = staged(world, first_scene(world), SHELF)

    @rule(edit=edits)
    def a_person_does_something(self, edit: Edit) -> None:
        self.stage.people.act(edit)

    @rule(seconds=st.sampled_from([0, 30, 250]))
    def lists_lag(self, seconds: int) -> None:
        for tracker in self.stage.trackers.values():
            tracker.search_lag = timedelta(seconds=seconds)

    @rule(minutes=st.sampled_from([0, -200, 7]))
    def our_clock_is_wrong(self, minutes: int) -> None:
        self.stage.skew = timedelta(minutes=minutes)

    @rule(plan=st.lists(troubles, min_size=1, max_size=3), minutes=st.sampled_from([2, 30, 600]))
    def a_run_is_disturbed(self, plan: list[Trouble], minutes: int) -> None:
        gap = timedelta(minutes=minutes)
        ran = self.stage.run(RunPlan(troubles=tuple(plan), gap=gap))
        assert ran.unexpected is None

    @rule()
    def a_run_is_not_disturbed(self) -> None:
        assert self.stage.run(RunPlan()).unexpected is None

    @invariant()
    def people_come_first_and_comments_alone(self) -> None:
        faces = faces_of(self.stage)
        broken = [*one_comment(faces), *still_said(self.stage.people.said, faces)]
        scheme = self.stage.world.configured.settings.scheme
        for site in self.stage.sites.values():
            broken += people_first(site.toggles(), scheme)
        assert not broken

    def teardown(self) -> None:
        """Calm: within some days everything comes to rest."""
        if not hasattr(self, "stage"):
            return
        self.our_clock_is_wrong(0)
        self.lists_lag(0)
        for hours in (1, 25, 25):
            self.stage.run(RunPlan(gap=timedelta(hours=hours)))
        last = self.stage.run(RunPlan())
        assert last.outcome and last.outcome.exit_code == 0, complaint(last)
        assert last.writes == ()
        self.people_come_first_and_comments_alone()
        store = self.stage.store
        ours: list[tuple[str, Toggle]] = [
            (name, each) for name, site in self.stage.sites.items() for each in site.toggles()
        ]
        assert not [*journalled(ours, store.journal(), len(store.open_intents()))]


AnythingMayHappen.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=7,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAnythingMayHappen = AnythingMayHappen.TestCase
