"""What goes wrong and what people do, and when: values made from a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Final

from connectors.sandbox.core.faults import Fault

_RATE_LIMIT_BODY: Final = {"message": "You have exceeded a secondary rate limit."}
FAULTS: Final[Mapping[str, Fault]] = {
    "401": Fault(kind="status", status=401, body={"message": "Bad credentials"}),
    "403": Fault(kind="status", status=403, body={"message": "Resource not accessible"}),
    "403 quota": Fault(kind="status", status=403, body=_RATE_LIMIT_BODY, retry_after=70),
    "403 quota, no time": Fault(kind="status", status=403, body=_RATE_LIMIT_BODY),
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
"""By the name in the tally. Which request is hit, and how many, says the ``ScheduledFault``."""

REQUEST_FAULTS: Final = (*FAULTS, "killed before a request", "killed after a request", "token expired")
STORE_FAULTS: Final = ("killed before a commit", "killed after a commit", "disk full", "store locked")
AMBIENT_FAULTS: Final = ("search lag", "clock skew")
FAULT_KINDS: Final = (*REQUEST_FAULTS, *STORE_FAULTS, *AMBIENT_FAULTS)

MISLEADING_RESPONSES: Final = ("empty page", "repeated page")
"""A tracker that tells something untrue, well-formed and with status 200: it does so once in a row here, since one
that goes on with it cannot be told from one that speaks the truth."""

LOST_RESPONSES: Final = tuple(kind for kind in (*FAULTS, "killed after a request") if "after" in kind)
"""The tracker did it and we do not hear of it: the hardest for whoever writes."""

UNLIMITED: Final = 1_000_000
"""As many times as it takes."""
CONCURRENT_ACTIONS: Final = ("close", "reopen", "tag", "untag", "mark", "retitle", "talk", "open")
"""What people may do while a run is at work: wherever it falls, the end is the same."""
NEUTRAL_ACTIONS: Final = ("mark", "talk")
"""These move no figure, so that it does not matter whether they come before or after the baseline."""
COUNT_CHANGING_ACTIONS: Final = (
    "close",
    "reopen",
    "tag",
    "untag",
    "retitle",
    "open",
    "pin",
    "veto",
    "release",
)
STATE_LABEL_ACTIONS: Final = ("state by hand", "take off state")
"""A state that somebody took off is a decision only as long as the rules want that state: if the figures move before
a run sees it, it is forgotten. So nothing moves them beside these."""
SETTLED_ACTIONS: Final = (
    *CONCURRENT_ACTIONS,
    *(
        "quote",
        "pin",
        "nonsense",
        "release",
        "veto",
        *STATE_LABEL_ACTIONS,
        "reword",
        "delete comment",
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledFault:
    """One thing that goes wrong in a run."""

    kind: str
    tracker: str = ""
    """'' for the store."""
    position: float = 0.0
    """Which one is hit, as a share of all that a run without troubles sends or writes."""
    nth: int = 1
    """The request of the tracker, or write transaction of the store, that is hit, from 1 in each run."""
    times: int = 1
    """How many are hit from there on."""
    writes: bool = False
    """Only requests that write count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UserAction:
    """Something that a person does. The numbers choose among what is there, modulo how much there is."""

    kind: str
    issue: int
    choice: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ConcurrentAction:
    """A person acts while a run is at work: just before the tracker's nth request."""

    tracker: str
    action: UserAction
    position: float = 0.0
    """As with troubles."""
    nth: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSchedule:
    """One run under faults, and what people do before it and meanwhile."""

    before: tuple[UserAction, ...] = ()
    during: tuple[ConcurrentAction, ...] = ()
    troubles: tuple[ScheduledFault, ...] = ()
    delay: timedelta = timedelta(minutes=30)
    """Since the run before."""
    full: bool = False
    """A ``reconcile`` instead of a ``run``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultSchedule:
    """Everything that happens in one rehearsal, before the calm at the end."""

    seed: int
    settled: bool
    """Whether runs without faults came first."""
    people_first: tuple[UserAction, ...]
    """What people did after those."""
    runs: tuple[RunSchedule, ...]
    skew: timedelta = timedelta()
    """How far our clock is ahead of the trackers' meanwhile."""
    lag: timedelta = timedelta()
    """How late lists and searches see changes meanwhile."""

    @property
    def has_reconcile(self) -> bool:
        """Whether somebody asked for a ``reconcile``: who sees it fail asks for it again."""
        return any(run.full for run in self.runs)

    @property
    def has_no_later_actions(self) -> bool:
        """Whether people leave the world alone once the runs have begun."""
        return not any(run.before or run.during for run in self.runs)


INITIAL_ACTION_VARIANTS: Final = 4
"""What people do first is one of so many things in a world: worlds in one mood share their twin."""


def build_schedule(seed: int, trackers: tuple[str, ...], *, scenario: str = "") -> FaultSchedule:
    """The schedule of a number, for a world of this name with these trackers."""
    chance = Random(f"schedule {seed}")
    settled = chance.random() < 0.6
    mood = Random(f"{scenario} {chance.randrange(INITIAL_ACTION_VARIANTS)}")
    issues = list(range(mood.randrange(1000), 2000))
    skew = timedelta(minutes=chance.choice((-240, -9, 3, 45))) if chance.random() < 0.15 else timedelta()
    lag = timedelta(seconds=chance.choice((20, 120, 280))) if chance.random() < 0.2 else timedelta()
    first = _random_actions(mood, SETTLED_ACTIONS, mood.choice((1, 2, 3)), issues) if settled else ()
    about_states = any(edit.kind in STATE_LABEL_ACTIONS for edit in first)
    if about_states:
        first = tuple(edit for edit in first if edit.kind not in COUNT_CHANGING_ACTIONS)
    meanwhile = CONCURRENT_ACTIONS if settled and not about_states else NEUTRAL_ACTIONS
    runs = tuple(
        _random_run(chance, trackers, meanwhile, issues) for _ in range(chance.choice((1, 1, 1, 2, 3)))
    )
    return FaultSchedule(seed=seed, settled=settled, people_first=first, runs=runs, skew=skew, lag=lag)


def _random_actions(
    chance: Random, kinds: tuple[str, ...], count: int, issues: list[int]
) -> tuple[UserAction, ...]:
    return tuple(
        UserAction(kind=chance.choice(kinds), issue=issues.pop(0), choice=chance.randrange(100))
        for _ in range(count)
    )


def _random_run(
    chance: Random, trackers: tuple[str, ...], kinds: tuple[str, ...], issues: list[int]
) -> RunSchedule:
    during = tuple(
        ConcurrentAction(tracker=chance.choice(trackers), position=chance.random(), action=edit)
        for edit in _random_actions(chance, kinds, chance.choice((0, 0, 0, 1)), issues)
    )
    return RunSchedule(
        before=_random_actions(chance, kinds, chance.choice((0, 0, 0, 1)), issues),
        during=during,
        troubles=tuple(_random_fault(chance, trackers) for _ in range(chance.choice((1, 1, 2, 3)))),
        delay=timedelta(minutes=chance.choice((3, 30, 30, 200))),
        full=chance.random() < 0.15,
    )


def _random_fault(chance: Random, trackers: tuple[str, ...]) -> ScheduledFault:
    if chance.random() < 0.2:
        return ScheduledFault(kind=chance.choice(STORE_FAULTS), position=chance.random())
    writes = chance.random() < 0.5
    kind = chance.choice(LOST_RESPONSES if writes and chance.random() < 0.4 else REQUEST_FAULTS)
    times = chance.choice((1, 1, 1, 2, 5, UNLIMITED))
    return ScheduledFault(
        kind=kind,
        tracker=chance.choice(trackers),
        position=chance.random(),
        times=1 if kind in MISLEADING_RESPONSES else times,
        writes=writes,
    )


def write_counter(tracker: str) -> str:
    """Under what the writing requests of a tracker are counted."""
    return f"{tracker} writes"


def resolve_positions(plan: RunSchedule, request_counts: Mapping[str, int]) -> RunSchedule:
    """The plan with shares made numbers. ``request_counts``: requests by tracker (those that write under ``write_counter``), and
    store writes under ''."""

    def nth(place: float, tracker: str) -> int:
        # What fails is asked again, so that there are some more than without troubles.
        return 1 + int(place * (request_counts.get(tracker, 0) + 1))

    return replace(
        plan,
        during=tuple(replace(each, nth=nth(each.position, each.tracker)) for each in plan.during),
        troubles=tuple(
            replace(
                each, nth=nth(each.position, write_counter(each.tracker) if each.writes else each.tracker)
            )
            for each in plan.troubles
        ),
    )


_HTTP_EQUIVALENTS: Final = {
    "killed before a request": "killed before a commit",
    "killed after a request": "killed after a commit",
    "read timeout before the effect": "reset before the effect",
    "read timeout after the effect": "reset after the effect",
}
"""What takes another form when requests go through sockets: the client is not at hand there, and a real timeout
takes half a minute. Real kills have a rehearsal of their own."""


def adapt_for_http(schedule: FaultSchedule) -> FaultSchedule:
    """The schedule as it can be played over HTTP."""

    def changed(each: ScheduledFault) -> ScheduledFault:
        kind = _HTTP_EQUIVALENTS.get(each.kind, each.kind)
        at_store = kind in STORE_FAULTS
        return replace(
            each, kind=kind, tracker="" if at_store else each.tracker, writes=each.writes and not at_store
        )

    runs = [replace(run, troubles=tuple(map(changed, run.troubles))) for run in schedule.runs]
    return replace(schedule, runs=tuple(runs))


def drop_repeated_actions(schedule: FaultSchedule, issue_count: int) -> FaultSchedule:
    """Without what would touch one of so many issues a second time: if each is touched once, the order in which
    a run sees what people did makes no difference to the end."""
    touched = {edit.issue % issue_count for edit in schedule.people_first} if issue_count else set()

    def first_time(edit: UserAction) -> bool:
        place = edit.issue % issue_count if issue_count else 0
        fresh = place not in touched
        touched.add(place)
        return fresh

    runs = [
        replace(
            run,
            before=tuple(filter(first_time, run.before)),
            during=tuple(each for each in run.during if first_time(each.action)),
        )
        for run in schedule.runs
    ]
    return replace(schedule, runs=tuple(runs))
