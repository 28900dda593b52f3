"""Plays schedules, each beside its twin."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from connectors.sandbox.server import Sandbox
from sync.simulation.environment import Ran, Scene, Shelf, Stage, first_scene, staged
from sync.simulation.fault_schedule import RunPlan, Schedule, fitted, over_http, placed, scheduled
from sync.simulation.invariants import (
    Broken,
    End,
    differences,
    fed_anchors,
    journalled,
    no_flapping,
    no_flapping_within,
    no_partial_rollup,
    one_comment,
    people_first,
    still_said,
)
from sync.simulation.observation import complaint, end_of, faces_of, mails_of, marks_of, since
from sync.simulation.reference_run import A_DAY_LATER, SOON, Twin, Twins, through
from sync.simulation.results import Verdict
from sync.simulation.scenarios import HOST, World, made_up
from sync.simulation.user_actions import Toggle

SCHEDULES_A_WORLD: Final = 50
_KEPT: Final = 4
_ASKED_AGAIN: Final = 3
"""Who asks for a run and is refused, as a killed one with a wrong clock seems to be at work still, asks again."""
_DAYS: Final = 2
"""How long a disturbed world may take to stand where its twin stands on the same day."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Undisturbed:
    """What the next run would do without faults."""

    writes: int
    mails: Counter[str]
    """Person -> mails."""
    failed: tuple[str, ...]
    """Sources that could not be read even so, and why."""


class Rehearsal:
    """Plays schedules one after the other. Not for several threads: the store is one."""

    def __init__(self, world_of: Callable[[int], World], server: Sandbox | None = None) -> None:
        """``world_of``: the world in which a seed is played. ``server``: started, to play over HTTP."""
        self._world_of, self._server = world_of, server
        self._shelf, self._twins = Shelf(), Twins(server)
        self._scenes: OrderedDict[tuple[str, bool], Scene] = OrderedDict()

    def undisturbed(self, world: World) -> Undisturbed:
        """The next run of a world in which nothing goes wrong and nobody does anything."""
        stage = staged(world, self._scene(world, settled=False), self._shelf, self._server)
        before = Counter(name for site in stage.sites.values() for name, _ in site.mails())
        ran = stage.run(RunPlan(gap=timedelta()))
        mails = Counter(name for site in stage.sites.values() for name, _ in site.mails())
        mails.subtract(before)
        failed = ran.outcome.collected.failed if ran.outcome else ()
        reasons = tuple(f"{each.source.name}: {each.reason}" for each in failed)
        return Undisturbed(
            writes=len(ran.writes),
            mails=+mails,
            failed=reasons if ran.outcome else (complaint(ran),),
        )

    def play(self, seed: int) -> Verdict:
        """One schedule, its twin, and what did not hold."""
        world = self._world_of(seed)
        return self.play_in(
            world, scheduled(seed, tuple(world.configured.settings.trackers), world=world.name)
        )

    def play_in(self, world: World, schedule: Schedule) -> Verdict:
        """One schedule in this world."""
        scene = self._scene(world, settled=schedule.settled)
        schedule = fitted(schedule, staged(world, scene, self._shelf, self._server).people.places)
        if self._server:
            schedule = over_http(schedule)
        twin = self._twins.of(world, scene, schedule)
        play = _Play(staged(world, scene, self._shelf, self._server), schedule, twin)
        verdict = play.verdict()
        return replace(verdict, way="over HTTP") if self._server else verdict

    def _scene(self, world: World, *, settled: bool) -> Scene:
        place = (world.name, settled)
        if place not in self._scenes:
            first = first_scene(world)
            if settled:
                stage = staged(world, first, self._shelf, self._server)
                for gap in (SOON, A_DAY_LATER):
                    through(stage.run, RunPlan(gap=gap))
                first = stage.scene()
            self._scenes[place] = first
            if len(self._scenes) > _KEPT:
                self._scenes.popitem(last=False)
        return self._scenes[place]


class _Play:
    """One schedule at work."""

    def __init__(self, stage: Stage, schedule: Schedule, twin: Twin) -> None:
        self._stage, self._schedule, self._twin = stage, schedule, twin
        self._broken: list[Broken] = []
        self._writes = 0
        self._marks = marks_of(stage)

    def verdict(self) -> Verdict:
        stage, schedule = self._stage, self._schedule
        for edit in schedule.people_first:
            stage.people.act(edit)
        self._weather(skew=schedule.skew, lag=schedule.lag)
        asked = self._twin.most_asked()
        for run in schedule.runs:
            for edit in run.before:
                stage.people.act(edit)
            self._run(placed(run, asked))
        self._weather(skew=timedelta(), lag=timedelta())
        wanted = self._calm_down()
        self._at_the_end(wanted)
        return Verdict(
            seed=schedule.seed,
            broken=tuple(dict.fromkeys(self._broken)),
            injected=self._injected(),
            edits=len(stage.people.done),
            writes=self._writes,
            mails=mails_of(stage),
            twin_mails=self._twin.mails,
        )

    def _calm_down(self) -> End:
        """Run again without faults: most schedules are over at once, some need a day for their counts or two for
        health. Out: where the twin stands then."""
        wanted = self._twin.soon
        for _ in range(_ASKED_AGAIN):
            if through(self._run, RunPlan(gap=SOON, full=self._schedule.full)).outcome:
                break
        for day in range(1, _DAYS + 1):
            waits_anyway = day == 1 and self._schedule.seed % 4 == 0
            if waits_anyway or any(differences(wanted, end_of(self._stage))):
                through(self._run, RunPlan(gap=A_DAY_LATER))
                wanted = self._twin.later(day)
        self._is_calm(self._run(RunPlan(gap=SOON)))
        return wanted

    def _weather(self, *, skew: timedelta, lag: timedelta) -> None:
        self._stage.skew = skew
        for tracker in self._stage.trackers.values():
            tracker.search_lag = lag

    def _injected(self) -> Mapping[str, int]:
        found = Counter(self._stage.script.injected)
        found.update(
            {"clock skew": int(bool(self._schedule.skew)), "search lag": int(bool(self._schedule.lag))}
        )
        return {kind: count for kind, count in found.items() if count}

    def _run(self, plan: RunPlan) -> Ran:
        stage = self._stage
        before, marks = faces_of(stage), marks_of(stage)
        ran = stage.run(plan)
        after = faces_of(stage)
        self._writes += len(ran.writes)
        if ran.unexpected:
            self._broken.append(Broken(rule="no bug", text=ran.unexpected))
        self._broken += one_comment(after)
        for name, site in stage.sites.items():
            self._broken += no_flapping_within(since(site.toggles(), marks[name]))
        fed = fed_anchors(stage.world.configured.workspace, ran.failed)
        self._broken += no_partial_rollup(fed, before, after, ran.failed)
        return ran

    def _is_calm(self, last: Ran) -> None:
        if last.writes:
            told = ", ".join(f"{each.tracker} {each.method} {each.path}" for each in last.writes[:3])
            self._broken.append(Broken(rule="second run is empty", text=f"the last run still wrote: {told}"))
        code = last.outcome.exit_code if last.outcome else None
        if code != self._twin.code:
            text = f"the last run ended with {code}: {complaint(last)}"
            self._broken.append(Broken(rule="second run is empty", text=text))

    def _at_the_end(self, wanted: End) -> None:
        stage, end = self._stage, end_of(self._stage)
        scheme = stage.world.configured.workspace.labels
        self._broken += differences(wanted, end)
        self._broken += still_said(stage.people.said, end.faces)
        ours: list[tuple[str, Toggle]] = []
        for name, site in stage.sites.items():
            toggles = list(site.toggles())
            self._broken += people_first(toggles, scheme)
            lately = since(toggles, self._marks[name])
            self._broken += no_flapping(lately, len(stage.people.done))
            ours += [(name, each) for each in lately]
        self._broken += journalled(ours, stage.store.journal(), len(stage.store.open_intents()))


def made_up_world(seed: int, host: str = HOST) -> World:
    """Worlds for the rehearsals of this project: some seeds share one, which is then settled once."""
    return made_up(seed // SCHEDULES_A_WORLD, host)
