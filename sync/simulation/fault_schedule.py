"""What goes wrong and what people do, and when: values made from a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Final

from connectors.sandbox.core.faults import Fault

QUOTA: Final = {"message": "You have exceeded a secondary rate limit."}
FAULTS: Final[Mapping[str, Fault]] = {
    "401": Fault(kind="status", status=401, body={"message": "Bad credentials"}),
    "403": Fault(kind="status", status=403, body={"message": "Resource not accessible"}),
    "403 quota": Fault(kind="status", status=403, body=QUOTA, retry_after=70),
    "403 quota, no time": Fault(kind="status", status=403, body=QUOTA),
    "404": Fault(kind="status", status=404, body={"message": "Not Found"}),
    "409": Fault(kind="status", status=409, body={"message": "Conflict"}),
    "410": Fault(kind="status", status=410, body={"message": "Gone"}),
    "422": Fault(kind="status", status=422, body={"message": "Validation Failed"}),
    "429 seconds": Fault(kind="status", status=429, retry_after=7),
    "429 decimal": Fault(kind="status", status=429, retry_after=2.5, retry_after_form="decimal"),
    "429 date": Fault(kind="status", status=429, retry_after=30, retry_after_form="date"),
    "429 long": Fault(kind="status", status=429, retry_after=3600),
    "429 no time": Fault(kind="status", status=429),
    "500": Fault(kind="status", status=500),
    "500 after the effect": Fault(kind="status", status=500, carried_out=True),
    "502": Fault(kind="status", status=502),
    "502 after the effect": Fault(kind="status", status=502, carried_out=True),
    "503": Fault(kind="status", status=503),
    "504": Fault(kind="status", status=504),
    "504 after the effect": Fault(kind="status", status=504, carried_out=True),
    "reset before the effect": Fault(kind="reset_before"),
    "reset after the effect": Fault(kind="reset_after"),
    "read timeout before the effect": Fault(kind="timeout"),
    "read timeout after the effect": Fault(kind="timeout", carried_out=True),
    "truncated JSON": Fault(kind="truncated"),
    "empty page": Fault(kind="empty_page"),
    "repeated page": Fault(kind="repeat_page"),
    "redirect 301": Fault(kind="redirect", status=301, location="/elsewhere"),
    "redirect 307": Fault(kind="redirect", status=307, location="https://elsewhere.invalid/x"),
}
"""By the name in the tally. Which request is hit, and how many, says the ``Trouble``."""

AT_REQUEST: Final = (*FAULTS, "killed before a request", "killed after a request", "token expired")
AT_STORE: Final = ("killed before a commit", "killed after a commit", "disk full", "store locked")
AMBIENT: Final = ("search lag", "clock skew")
KINDS: Final = (*AT_REQUEST, *AT_STORE, *AMBIENT)

LIES: Final = ("empty page", "repeated page")
"""A tracker that tells something untrue, well-formed and with status 200: it does so once in a row here, since one
that goes on with it cannot be told from one that speaks the truth."""

LOSSES: Final = tuple(kind for kind in (*FAULTS, "killed after a request") if "after" in kind)
"""The tracker did it and we do not hear of it: the hardest for whoever writes."""

ALWAYS: Final = 1_000_000
"""As many times as it takes."""
ANY_TIME: Final = ("close", "reopen", "tag", "untag", "mark", "retitle", "talk", "open")
"""What people may do while a run is at work: wherever it falls, the end is the same."""
HARMLESS: Final = ("mark", "talk")
"""These move no figure, so that it does not matter whether they come before or after the baseline."""
MOVING: Final = ("close", "reopen", "tag", "untag", "retitle", "open", "pin", "veto", "release")
ABOUT_STATES: Final = ("state by hand", "take off state")
"""A state that somebody took off is a decision only as long as the rules want that state: if the figures move before
a run sees it, it is forgotten. So nothing moves them beside these."""
WHEN_SETTLED: Final = (
    *ANY_TIME,
    *(
        "quote",
        "pin",
        "nonsense",
        "release",
        "veto",
        *ABOUT_STATES,
        "reword",
        "delete comment",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """One thing that goes wrong in a run."""

    kind: str
    tracker: str = ""
    """'' for the store."""
    place: float = 0.0
    """Which one is hit, as a share of all that a run without troubles sends or writes."""
    nth: int = 1
    """The request of the tracker, or write transaction of the store, that is hit, from 1 in each run."""
    times: int = 1
    """How many are hit from there on."""
    writes: bool = False
    """Only requests that write count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """Something that a person does. The numbers choose among what is there, modulo how much there is."""

    kind: str
    issue: int
    choice: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class During:
    """A person acts while a run is at work: just before the tracker's nth request."""

    tracker: str
    edit: Edit
    place: float = 0.0
    """As with troubles."""
    nth: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPlan:
    """One run under faults, and what people do before it and meanwhile."""

    before: tuple[Edit, ...] = ()
    during: tuple[During, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    gap: timedelta = timedelta(minutes=30)
    """Since the run before."""
    full: bool = False
    """A ``reconcile`` instead of a ``run``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Everything that happens in one rehearsal, before the calm at the end."""

    seed: int
    settled: bool
    """Whether runs without faults came first."""
    people_first: tuple[Edit, ...]
    """What people did after those."""
    runs: tuple[RunPlan, ...]
    skew: timedelta = timedelta()
    """How far our clock is ahead of the trackers' meanwhile."""
    lag: timedelta = timedelta()
    """How late lists and searches see changes meanwhile."""

    @property
    def full(self) -> bool:
        """Whether somebody asked for a ``reconcile``: who sees it fail asks for it again."""
        return any(run.full for run in self.runs)

    @property
    def is_quiet(self) -> bool:
        """Whether people leave the world alone once the runs have begun."""
        return not any(run.before or run.during for run in self.runs)


MOODS: Final = 4
"""What people do first is one of so many things in a world: worlds in one mood share their twin."""


def scheduled(seed: int, trackers: tuple[str, ...], *, world: str = "") -> Schedule:
    """The schedule of a number, for a world of this name with these trackers."""
    chance = Random(f"schedule {seed}")
    settled = chance.random() < 0.6
    mood = Random(f"{world} {chance.randrange(MOODS)}")
    issues = list(range(mood.randrange(1000), 2000))
    skew = timedelta(minutes=chance.choice((-240, -9, 3, 45))) if chance.random() < 0.15 else timedelta()
    lag = timedelta(seconds=chance.choice((20, 120, 280))) if chance.random() < 0.2 else timedelta()
    first = _edits(mood, WHEN_SETTLED, mood.choice((1, 2, 3)), issues) if settled else ()
    about_states = any(edit.kind in ABOUT_STATES for edit in first)
    if about_states:
        first = tuple(edit for edit in first if edit.kind not in MOVING)
    meanwhile = ANY_TIME if settled and not about_states else HARMLESS
    runs = tuple(_run(chance, trackers, meanwhile, issues) for _ in range(chance.choice((1, 1, 1, 2, 3))))
    return Schedule(seed=seed, settled=settled, people_first=first, runs=runs, skew=skew, lag=lag)


def _edits(chance: Random, kinds: tuple[str, ...], count: int, issues: list[int]) -> tuple[Edit, ...]:
    return tuple(
        Edit(kind=chance.choice(kinds), issue=issues.pop(0), choice=chance.randrange(100))
        for _ in range(count)
    )


def _run(chance: Random, trackers: tuple[str, ...], kinds: tuple[str, ...], issues: list[int]) -> RunPlan:
    during = tuple(
        During(tracker=chance.choice(trackers), place=chance.random(), edit=edit)
        for edit in _edits(chance, kinds, chance.choice((0, 0, 0, 1)), issues)
    )
    return RunPlan(
        before=_edits(chance, kinds, chance.choice((0, 0, 0, 1)), issues),
        during=during,
        troubles=tuple(_trouble(chance, trackers) for _ in range(chance.choice((1, 1, 2, 3)))),
        gap=timedelta(minutes=chance.choice((3, 30, 30, 200))),
        full=chance.random() < 0.15,
    )


def _trouble(chance: Random, trackers: tuple[str, ...]) -> Trouble:
    if chance.random() < 0.2:
        return Trouble(kind=chance.choice(AT_STORE), place=chance.random())
    writes = chance.random() < 0.5
    kind = chance.choice(LOSSES if writes and chance.random() < 0.4 else AT_REQUEST)
    times = chance.choice((1, 1, 1, 2, 5, ALWAYS))
    return Trouble(
        kind=kind,
        tracker=chance.choice(trackers),
        place=chance.random(),
        times=1 if kind in LIES else times,
        writes=writes,
    )


def writes_of(tracker: str) -> str:
    """Under what the writing requests of a tracker are counted."""
    return f"{tracker} writes"


def placed(plan: RunPlan, asked: Mapping[str, int]) -> RunPlan:
    """The plan with shares made numbers. ``asked``: requests by tracker (those that write under ``writes_of``), and
    store writes under ''."""

    def nth(place: float, tracker: str) -> int:
        # What fails is asked again, so that there are some more than without troubles.
        return 1 + int(place * (asked.get(tracker, 0) + 1))

    return replace(
        plan,
        during=tuple(replace(each, nth=nth(each.place, each.tracker)) for each in plan.during),
        troubles=tuple(
            replace(each, nth=nth(each.place, writes_of(each.tracker) if each.writes else each.tracker))
            for each in plan.troubles
        ),
    )


_OVER_HTTP: Final = {
    "killed before a request": "killed before a commit",
    "killed after a request": "killed after a commit",
    "read timeout before the effect": "reset before the effect",
    "read timeout after the effect": "reset after the effect",
}
"""What takes another form when requests go through sockets: the client is not at hand there, and a real timeout
takes half a minute. Real kills have a rehearsal of their own."""


def over_http(schedule: Schedule) -> Schedule:
    """The schedule as it can be played over HTTP."""

    def changed(each: Trouble) -> Trouble:
        kind = _OVER_HTTP.get(each.kind, each.kind)
        at_store = kind in AT_STORE
        return replace(
            each, kind=kind, tracker="" if at_store else each.tracker, writes=each.writes and not at_store
        )

    runs = [replace(run, troubles=tuple(map(changed, run.troubles))) for run in schedule.runs]
    return replace(schedule, runs=tuple(runs))


def fitted(schedule: Schedule, issues: int) -> Schedule:
    """Without what would touch one of so many issues a second time: if each is touched once, the order in which
    a run sees what people did makes no difference to the end."""
    touched = {edit.issue % issues for edit in schedule.people_first} if issues else set()

    def first_time(edit: Edit) -> bool:
        place = edit.issue % issues if issues else 0
        fresh = place not in touched
        touched.add(place)
        return fresh

    runs = [
        replace(
            run,
            before=tuple(filter(first_time, run.before)),
            during=tuple(each for each in run.during if first_time(each.edit)),
        )
        for run in schedule.runs
    ]
    return replace(schedule, runs=tuple(runs))
