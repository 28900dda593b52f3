"""Schedules of faults and user actions: values made from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Final

from connectors.sandbox.core.faults import Fault

RATE_LIMIT_BODY: Final = {"message": "You have exceeded a secondary rate limit."}
FAULTS: Final[Mapping[str, Fault]] = {
    "401": Fault(kind="status", status=401, body={"message": "Bad credentials"}),
    "403": Fault(kind="status", status=403, body={"message": "Resource not accessible"}),
    "403 quota": Fault(kind="status", status=403, body=RATE_LIMIT_BODY, retry_after=70),
    "403 quota, no time": Fault(kind="status", status=403, body=RATE_LIMIT_BODY),
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
"""Faults by their name in the summary; a ``ScheduledFault`` says which requests are hit."""

UNTRUE_RESPONSES: Final[Mapping[str, Fault]] = {
    "success without effect": Fault(kind="no_effect"),
    "200 without effect": Fault(kind="status", status=200),
    "204 without effect": Fault(kind="status", status=204),
    "304 after the effect": Fault(kind="status", status=304, carried_out=True),
    "delivered twice": Fault(kind="twice"),
}
"""Responses to writes that say what did not happen, in random worlds only (``worlds.py``): a schedule compares with
an undisturbed run on the same day."""

REQUEST_FAULTS: Final = (*FAULTS, "killed before a request", "killed after a request", "token expired")
STORE_FAULTS: Final = ("killed before a commit", "killed after a commit", "disk full", "store locked")
AMBIENT_FAULTS: Final = ("search lag", "clock skew")
FAULT_KINDS: Final = (*REQUEST_FAULTS, *STORE_FAULTS, *AMBIENT_FAULTS)

MISLEADING_RESPONSES: Final = ("empty page", "repeated page")
"""Wrong data with status 200. They come once in a row: a tracker that keeps sending them cannot be told from one
whose data is right."""

LOST_RESPONSES: Final = tuple(kind for kind in (*FAULTS, "killed after a request") if "after" in kind)
"""The write took effect and its response is lost: the hardest case for a client."""

UNLIMITED: Final = 1_000_000
"""Every request from the first one on."""
CONCURRENT_ACTIONS: Final = (
    "close",
    "reopen",
    "add rule label",
    "remove rule label",
    "add other label",
    "retitle",
    "comment",
    "open",
)
"""Actions during a run: the final state does not depend on the request before which they come."""
NEUTRAL_ACTIONS: Final = ("add other label", "comment")
"""Actions that change no count, so that they may come before or after the baseline."""
COUNT_CHANGING_ACTIONS: Final = (
    *(kind for kind in CONCURRENT_ACTIONS if kind not in NEUTRAL_ACTIONS),
    "pin",
    "veto",
    "release",
)
STATE_LABEL_ACTIONS: Final = ("set state label", "remove state label")
"""A removed state label is an override only as long as the rules want that state: it is forgotten when the counts
change before a run sees it. So nothing that changes counts is combined with these."""
SETTLED_ACTIONS: Final = (
    *CONCURRENT_ACTIONS,
    "quote status comment",
    "pin",
    "pin unknown capability",
    "release",
    "veto",
    *STATE_LABEL_ACTIONS,
    "edit status comment",
    "delete status comment",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledFault:
    """A fault of one run, and which requests or store writes it hits."""

    kind: str
    tracker: str = ""
    """Name of the tracker; '' for the store."""
    position: float = 0.0
    """Share (0 to 1) of the requests or store writes of a run without faults that come before the first hit."""
    first: int = 1
    """Number of the first request, or store write, that is hit; counted from 1 in each run."""
    times: int = 1
    """Number of hits from there on."""
    writes: bool = False
    """Count only requests that write."""

    @property
    def counter(self) -> str:
        """Name under which the requests are counted among which this fault hits some."""
        return write_counter(self.tracker) if self.writes else self.tracker


@dataclass(frozen=True, kw_only=True, slots=True)
class UserAction:
    """An action of a simulated user. The numbers choose an issue and a value, modulo how many exist."""

    kind: str
    issue: int
    choice: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ConcurrentAction:
    """A user action during a run: just before a request of the tracker."""

    tracker: str
    action: UserAction
    position: float = 0.0
    """Share (0 to 1), as for faults."""
    request_number: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSchedule:
    """One run with its faults, and the user actions before and during it."""

    actions_before: tuple[UserAction, ...] = ()
    concurrent_actions: tuple[ConcurrentAction, ...] = ()
    faults: tuple[ScheduledFault, ...] = ()
    delay: timedelta = timedelta(minutes=30)
    """Time since the previous run."""
    full: bool = False
    """A ``reconcile`` instead of a ``run``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FaultSchedule:
    """All runs, faults and user actions of one simulation, up to the runs without faults at its end."""

    seed: int
    settled: bool
    """True when runs without faults came first."""
    initial_actions: tuple[UserAction, ...]
    """User actions after those runs, before the first scheduled run."""
    runs: tuple[RunSchedule, ...]
    clock_skew: timedelta = timedelta()
    """Lead of the program's clock over the trackers' clock during the scheduled runs."""
    search_lag: timedelta = timedelta()
    """Delay with which lists and searches see changes during the scheduled runs."""

    @property
    def has_reconcile(self) -> bool:
        """True when a run is a ``reconcile``; a user who sees it fail starts it again."""
        return any(run.full for run in self.runs)

    @property
    def has_no_later_actions(self) -> bool:
        """True when no user acts once the scheduled runs have begun."""
        return not any(run.actions_before or run.concurrent_actions for run in self.runs)


INITIAL_ACTION_VARIANTS: Final = 4
"""Number of different initial actions in a scenario; schedules with the same ones share a reference run."""


def build_schedule(seed: int, trackers: tuple[str, ...], *, scenario: str = "") -> FaultSchedule:
    """Return the schedule of a seed, for the scenario of this name with these trackers."""
    random = Random(f"schedule {seed}")
    settled = random.random() < 0.6
    initial_random = Random(f"{scenario} {random.randrange(INITIAL_ACTION_VARIANTS)}")
    issues = list(range(initial_random.randrange(1000), 2000))
    skew = timedelta(minutes=random.choice((-240, -9, 3, 45))) if random.random() < 0.15 else timedelta()
    lag = timedelta(seconds=random.choice((20, 120, 280))) if random.random() < 0.2 else timedelta()
    first: tuple[UserAction, ...] = ()
    if settled:
        first = _random_actions(initial_random, SETTLED_ACTIONS, initial_random.choice((1, 2, 3)), issues)
    changes_state_labels = any(action.kind in STATE_LABEL_ACTIONS for action in first)
    if changes_state_labels:
        first = tuple(action for action in first if action.kind not in COUNT_CHANGING_ACTIONS)
    meanwhile = CONCURRENT_ACTIONS if settled and not changes_state_labels else NEUTRAL_ACTIONS
    runs = tuple(
        _random_run(random, trackers, meanwhile, issues) for _ in range(random.choice((1, 1, 1, 2, 3)))
    )
    return FaultSchedule(
        seed=seed, settled=settled, initial_actions=first, runs=runs, clock_skew=skew, search_lag=lag
    )


def _random_actions(
    random: Random, kinds: tuple[str, ...], count: int, issues: list[int]
) -> tuple[UserAction, ...]:
    return tuple(
        UserAction(kind=random.choice(kinds), issue=issues.pop(0), choice=random.randrange(100))
        for _ in range(count)
    )


def _random_run(
    random: Random, trackers: tuple[str, ...], kinds: tuple[str, ...], issues: list[int]
) -> RunSchedule:
    during = tuple(
        ConcurrentAction(tracker=random.choice(trackers), position=random.random(), action=action)
        for action in _random_actions(random, kinds, random.choice((0, 0, 0, 1)), issues)
    )
    return RunSchedule(
        actions_before=_random_actions(random, kinds, random.choice((0, 0, 0, 1)), issues),
        concurrent_actions=during,
        faults=tuple(_random_fault(random, trackers) for _ in range(random.choice((1, 1, 2, 3)))),
        delay=timedelta(minutes=random.choice((3, 30, 30, 200))),
        full=random.random() < 0.15,
    )


def _random_fault(random: Random, trackers: tuple[str, ...]) -> ScheduledFault:
    if random.random() < 0.2:
        return ScheduledFault(kind=random.choice(STORE_FAULTS), position=random.random())
    writes = random.random() < 0.5
    kind = random.choice(LOST_RESPONSES if writes and random.random() < 0.4 else REQUEST_FAULTS)
    times = random.choice((1, 1, 1, 2, 5, UNLIMITED))
    return ScheduledFault(
        kind=kind,
        tracker=random.choice(trackers),
        position=random.random(),
        times=1 if kind in MISLEADING_RESPONSES else times,
        writes=writes,
    )


def write_counter(tracker: str) -> str:
    """Return the name under which the writing requests of a tracker are counted."""
    return f"{tracker} writes"


def resolve_positions(schedule: RunSchedule, request_counts: Mapping[str, int]) -> RunSchedule:
    """Return the schedule with request numbers in place of shares.

    ``request_counts``: requests by tracker (writing ones also by ``write_counter``), and store writes under ''.
    """

    def number(position: float, counter: str) -> int:
        # Failed requests are retried, so that there are more of them than without faults.
        return 1 + int(position * (request_counts.get(counter, 0) + 1))

    actions = [
        replace(each, request_number=number(each.position, each.tracker))
        for each in schedule.concurrent_actions
    ]
    faults = [replace(each, first=number(each.position, each.counter)) for each in schedule.faults]
    return replace(schedule, concurrent_actions=tuple(actions), faults=tuple(faults))


_HTTP_EQUIVALENTS: Final = {
    "killed before a request": "killed before a commit",
    "killed after a request": "killed after a commit",
    "read timeout before the effect": "reset before the effect",
    "read timeout after the effect": "reset after the effect",
}
"""Faults that need access to the client, and what replaces them when requests go through sockets: a real timeout
takes half a minute, and real kills have a simulation of their own (``process_kill``)."""


def adapt_for_http(schedule: FaultSchedule) -> FaultSchedule:
    """Return the schedule with faults that can be injected over HTTP."""

    def adapt(each: ScheduledFault) -> ScheduledFault:
        kind = _HTTP_EQUIVALENTS.get(each.kind, each.kind)
        at_store = kind in STORE_FAULTS
        return replace(
            each, kind=kind, tracker="" if at_store else each.tracker, writes=each.writes and not at_store
        )

    runs = [replace(run, faults=tuple(map(adapt, run.faults))) for run in schedule.runs]
    return replace(schedule, runs=tuple(runs))


def drop_repeated_actions(schedule: FaultSchedule, issue_count: int) -> FaultSchedule:
    """Return the schedule without actions on issues that an earlier action changes.

    When users change each issue once, the final state does not depend on the order in which a run sees that.
    """
    touched = {action.issue % issue_count for action in schedule.initial_actions} if issue_count else set()

    def is_first(action: UserAction) -> bool:
        issue = action.issue % issue_count if issue_count else 0
        is_new = issue not in touched
        touched.add(issue)
        return is_new

    runs = [
        replace(
            run,
            actions_before=tuple(filter(is_first, run.actions_before)),
            concurrent_actions=tuple(each for each in run.concurrent_actions if is_first(each.action)),
        )
        for run in schedule.runs
    ]
    return replace(schedule, runs=tuple(runs))
