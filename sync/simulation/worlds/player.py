"""Player of random worlds: performs the events of a story, runs until nothing is left to do, and asks the model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from sync.model.limits import Refusal
from sync.model.run import RunOptions
from sync.simulation.environment import (
    Environment,
    EnvironmentState,
    SimulatedRun,
    StorePool,
    initial_state,
    restore_environment,
)
from sync.simulation.fault_schedule import RunSchedule, ScheduledFault
from sync.simulation.invariants import IssueKey, Violation
from sync.simulation.observation import changes_after, failure_reason, visible_issues
from sync.simulation.results import ScheduleResult
from sync.simulation.scenarios import ROBOT
from sync.simulation.worlds.acts import PeopleOfWorld
from sync.simulation.worlds.model import Act, Actor, RecordedOverride, WorldModel
from sync.simulation.worlds.scenario import VARIANTS, WorldPlan, world_plan
from sync.simulation.worlds.story import UNSEEN, Event, random_story
from sync.store import LeaseHeld

_LIMIT_OPTION: Final = re.compile(r"--max-(removals|comments|notifications) (\d+)")
_GONE_LABEL: Final = re.compile(r"^(\S+) is gone from all")
MAX_QUIET_RUNS: Final = 8
_MINUTE, _BETWEEN_RUNS, _DAY = timedelta(minutes=1), timedelta(minutes=30), timedelta(hours=25)


class WorldPlayer:
    """Plays one story in an environment."""

    def __init__(self, plan: WorldPlan, environment: Environment) -> None:
        self.environment, self.plan = environment, plan
        self.model = WorldModel(anchors=plan.anchors)
        self.people = PeopleOfWorld(environment, self.model)
        self.violations: list[Violation] = []
        self.lines: list[str] = []
        """What happened, for people."""
        self.injected: Counter[str] = Counter()
        self.writes = 0
        self._counts = {name: Counter[str]() for name in environment.tracker_uis}
        self._backups = [environment.store_pool.dump()]
        self._note_changes()

    def play(self, events: Sequence[Event]) -> None:
        """Perform all events, run until nothing is left to do, and check the end."""
        for event in events:
            self.environment.clock.advance(_MINUTE)
            if event.kind == "run":
                self._run(self._schedule(event))
            elif line := self._perform(event):
                self.lines.append(line)
                self._note_changes()
        last = self._run_until_quiet(RunOptions())
        if self.people.changed_labels or UNSEEN.intersection(self.injected):
            last = self._run_until_quiet(RunOptions(full=True))
        self.violations += self._check_end(last)

    def _schedule(self, event: Event) -> RunSchedule:
        trackers = sorted(self.environment.trackers)
        if not event.fault:
            return RunSchedule()
        tracker = trackers[event.issue % len(trackers)]
        fault = ScheduledFault(kind=event.fault, tracker=tracker, first=event.choice, writes=True)
        return RunSchedule(faults=(fault,))

    # ---- events

    def _perform(self, event: Event) -> str | None:
        match event.kind:
            case "day":
                self.environment.clock.advance(_DAY)
                return "a day passes"
            case "back up":
                self._backups.append(self.environment.store_pool.dump())
                return f"the store is copied ({len(self._backups) - 1})"
            case "restore":
                number = event.choice % len(self._backups)
                self._replace_store(self._backups[number])
                return f"copy {number} of the store is put back"
            case "lose":
                self._replace_store(None)
                return "the store is lost"
            case "undo":
                return self._undo()
            case _:
                return self.people.perform(event)

    def _replace_store(self, image: bytes | None) -> None:
        self.environment.load_store(image)
        self.model.forgotten_comments |= self.model.deleted_comments
        self.model.store_is_behind = True

    def _undo(self) -> str | None:
        """Revert the last run that wrote labels, as far as the store knows."""
        runs = [row.run_id for row in self.environment.store.journal() if row.op.endswith("-label")]
        if not runs:
            return None
        try:
            self.environment.undo(runs[-1])
        except LeaseHeld:  # that of a stopped run, in the copy of a store that was put back
            return None
        acts = self._note_changes(by="undo")
        return f"undo; {_describe_acts(acts)}"

    # ---- runs

    def _run(self, schedule: RunSchedule, options: RunOptions | None = None) -> SimulatedRun:
        environment, before = self.environment, visible_issues(self.environment)
        self.model.begin_run(before)
        if options and options.full:  # posts deleted comments again
            self.model.forgotten_comments |= self.model.deleted_comments
        injected = Counter(environment.injector.injected)
        simulated = environment.run(schedule, options)
        found = environment.injector.injected - injected
        self.injected += found
        changes = self._note_changes()
        result = simulated.result
        completed = bool(result and result.exit_code == 0)
        self.model.end_run(self._overrides(), completed=completed)
        self.writes += len(simulated.writes)
        self.lines.append(_describe_run(options, changes, found, failure_reason(simulated)))
        self.violations += self._check_run(simulated)
        return simulated

    def _check_run(self, simulated: SimulatedRun) -> Iterator[Violation]:
        if simulated.unexpected_error:
            yield Violation("no bug", simulated.unexpected_error)
        yield from self.model.check_overrides(self._overrides())

    def _run_until_quiet(self, options: RunOptions) -> SimulatedRun:
        """Run as an operator would, until a run without refusal writes nothing; return the last run."""
        for _ in range(MAX_QUIET_RUNS):
            simulated = self._run(RunSchedule(delay=_BETWEEN_RUNS), options)
            refusals = simulated.result.refusals if simulated.result else ()
            if not refusals and simulated.result and not simulated.writes:
                break
            options = self._answer(refusals, full=options.full and bool(refusals))
        return simulated

    def _answer(self, refusals: Sequence[Refusal], *, full: bool) -> RunOptions:
        """Return the options that these refusals name, as an operator chooses who knows what people did."""
        text = "; ".join(each.text for each in refusals)
        limits: dict[str, Any] = {f"max_{name}": int(number) for name, number in _LIMIT_OPTION.findall(text)}
        named = {found[1] for each in refusals if (found := _GONE_LABEL.match(each.text))}
        restore = bool(named & self.people.changed_labels)
        if restore:
            self.model.firm = {key for key in self.model.firm if key[1] not in named}
        chosen = RunOptions(
            accept_overrides="--accept-overrides" in text and not restore,
            restore_labels=restore,
            accept_shrink="--accept-shrink" in text,
            full=full,
        )
        return replace(chosen, **limits)

    # ---- observation

    def _note_changes(self, by: Actor = "program") -> list[Act]:
        """Pass the new label changes of the trackers to the model, and return them."""
        acts: list[Act] = []
        for name, ui in self.environment.tracker_uis.items():
            changes = changes_after(ui.label_changes(), self._counts[name])
            self._counts[name] += Counter(each.issue for each in changes)
            acts += [
                Act(
                    issue=(name, each.issue),
                    label=each.label.lower(),
                    by=by if each.by == ROBOT else "person",
                    added=each.added,
                )
                for each in changes
            ]
        self.violations += self.model.record(acts)
        return acts

    def _overrides(self) -> list[RecordedOverride]:
        return [
            RecordedOverride(issue=(row.ref.tracker, row.ref.key), kind=row.kind, label=row.label)
            for row in self.environment.store.overrides()
        ]

    def _comment_counts(self) -> dict[IssueKey, int]:
        uis = self.environment.tracker_uis
        return {key: len(uis[key[0]].own_comments(key[1])) for key in self.plan.anchors.values()}

    def _check_end(self, last: SimulatedRun) -> Iterator[Violation]:
        if last.writes or not last.result or last.result.exit_code:
            writes = ", ".join(f"{each.method} {each.path}" for each in last.writes[:3])
            text = f"the last run writes {writes or 'nothing'}, and says: {failure_reason(last)}"
            yield Violation("second run is empty", text)
        yield from self.model.check_labels(visible_issues(self.environment))
        yield from self.model.check_comments(self._comment_counts())


def _describe_run(options: RunOptions | None, acts: Sequence[Act], faults: Counter[str], reason: str) -> str:
    given = " ".join(f"--{name.replace('_', '-')}" for name in (options.changed() if options else ()))
    parts = (f"run {given}".strip(), " ".join(faults), _describe_acts(acts), reason)
    return "; ".join(part for part in parts if part)


def _describe_acts(acts: Sequence[Act]) -> str:
    changes = " ".join(f"{'+' if act.added else '-'}{act.label} {':'.join(act.issue)}" for act in acts)
    return changes or "no label changes"


class RandomWorlds:
    """Plays worlds one after the other. Not thread-safe: all of them share one store."""

    def __init__(self) -> None:
        self._store_pool = StorePool()
        self._states: dict[str, EnvironmentState] = {}

    def run_seed(self, seed: int, *, max_steps: int) -> ScheduleResult:
        """Play the world of a seed. The result of a failed world has its shortest story."""
        plan, events = world_plan(seed % VARIANTS), random_story(seed, max_steps=max_steps)
        player = self.play(plan, events)
        shortest = self._shorten(plan, events) if player.violations else player
        return ScheduleResult(
            seed=seed,
            violations=tuple(dict.fromkeys(shortest.violations)),
            injected=dict(player.injected),
            user_actions=sum(event.kind != "run" for event in events),
            writes=player.writes,
            notifications=0,
            reference_notifications=0,
            mode="random worlds",
            story=(plan.scenario.name, *shortest.lines) if player.violations else (),
        )

    def play(self, plan: WorldPlan, events: Sequence[Event]) -> WorldPlayer:
        """Play a story in a world in which two runs have written everything."""
        name = plan.scenario.name
        if name not in self._states:
            first = restore_environment(plan.scenario, initial_state(plan.scenario), self._store_pool)
            for delay in (_BETWEEN_RUNS, _DAY):
                first.run(RunSchedule(delay=delay))
            self._states[name] = first.capture_state()
        environment = restore_environment(plan.scenario, self._states[name], self._store_pool)
        player = WorldPlayer(plan, environment)
        player.play(events)
        return player

    def _shorten(self, plan: WorldPlan, events: Sequence[Event]) -> WorldPlayer:
        """Drop events as long as some violation remains; return the player of what is left."""
        left, shortest = list(events), self.play(plan, events)
        for event in reversed(events):
            fewer = [each for each in left if each is not event]
            player = self.play(plan, fewer)
            if player.violations:
                left, shortest = fewer, player
        return shortest
