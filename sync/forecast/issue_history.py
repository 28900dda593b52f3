"""From what trackers tell and what this program noticed to the way of each issue. Pure.

An issue is taken back to its creation, change by change, and every stop on the way is asked what it means to the
team (``mappings.states``), as the matcher asks it of the issue of today. So whatever the team's ``states`` say of
statuses, labels and types holds for the past, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from typing import Final

from connectors.model import Category, Issue, IssueChange, IssueRef, KnownIssue
from mappings.model import IssueState, Origin, TeamMapping
from mappings.rules.flow_state import States
from sync.model.flow import Blocked, FlowIssue, Move

_CLOSED: Final = ("done", "dropped")


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What is known of the past of one issue."""

    changes: tuple[IssueChange, ...] = ()
    """As the tracker told them, in any order, and any of them more than once."""
    seen: tuple[IssueChange, ...] = ()
    """Changes of status that this program noticed between two readings; ``at`` is when it noticed."""
    whole: bool = False
    """The tracker told everything up to the issue's last change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """How the states of an issue are read."""

    states: States
    experiment: bool = False
    """As the rule says that has it; closed, it is done whatever its answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Statuses:
    """What is known of the statuses of a tracker: their classes, by id and by name, and their names today."""

    by_id: Mapping[tuple[str, str], tuple[str, Category | None]] = field(default_factory=dict)
    """(tracker, id of the status) -> its name today and its class."""
    by_name: Mapping[tuple[str, str], Category | None] = field(default_factory=dict)
    """(tracker, case-folded name) -> class."""

    def named(self, tracker: str, status_id: str, name: str) -> tuple[str, Category | None]:
        """A status by the name that it has today, with its class; None for one that nobody knows any more."""
        known = self.by_id.get((tracker, status_id)) if status_id else None
        return known or (name, self.by_name.get((tracker, name.casefold())))


def statuses_of(
    known: Iterable[KnownIssue],
    seen: Iterable[tuple[str, str, Category | None]],
    told: Mapping[tuple[str, str], tuple[str, Category | None]] | None = None,
) -> Statuses:
    """The statuses that issues have now, those that this program ever saw (tracker, name, class), and those that
    trackers listed: (tracker, id) -> name and class."""
    by_name: dict[tuple[str, str], Category | None] = {
        (tracker, name.casefold()): category for tracker, name, category in seen
    }
    by_id = dict(told or {})
    for (tracker, _), (name, category) in by_id.items():
        by_name[tracker, name.casefold()] = category
    for item in known:
        issue = item.issue
        tracker = issue.ref.tracker
        by_name[tracker, issue.status.casefold()] = issue.category
        if issue.status_id:
            by_id[tracker, issue.status_id] = (issue.status, issue.category)
    return Statuses(by_id=by_id, by_name=by_name)


def flow_of(
    known: Iterable[KnownIssue],
    told: Mapping[IssueRef, Told],
    judges: Mapping[IssueRef, Judge],
    statuses: Statuses,
) -> dict[IssueRef, FlowIssue]:
    """The way of every issue. Issues without a judge are read as their tracker classes them."""
    nobody = Judge(states=States(TeamMapping(team="", origin=Origin(file=""))))
    nothing = Told()
    found: dict[IssueRef, FlowIssue] = {}
    for item in known:
        ref = item.issue.ref
        past = told.get(ref, nothing)
        found[ref] = _way(item, past, judges.get(ref, nobody), statuses)
    return found


def _way(item: KnownIssue, told: Told, judge: Judge, statuses: Statuses) -> FlowIssue:
    issue = item.issue
    changes = _in_order(told, issue)
    stops = _stops(issue, changes, statuses, whole=told.whole)
    judged = [(at, judge.states.of(stop, experiment=judge.experiment)) for at, stop in stops]
    judged = _until_now(judged, item, judge)
    moves = _moves(judged)
    state = moves[-1].state
    reopened = tuple(
        after.at
        for before, after in pairwise(moves)
        if before.state in _CLOSED and after.state not in _CLOSED
    )
    return FlowIssue(
        ref=issue.ref,
        created=issue.created,
        started=next((move.at for move in moves if move.state == "doing"), None),
        finished=moves[-1].at if state == "done" else None,
        dropped=moves[-1].at if state == "dropped" else None,
        reopened=reopened,
        blocked=_blocked(judged),
        moves=tuple(moves),
        complete=told.whole,
    )


def _in_order(told: Told, issue: Issue) -> list[IssueChange]:
    """The changes, oldest first, none before the issue was there: clocks of trackers are moved, too."""
    created = issue.created
    changes = told.changes if told.whole else (*told.changes, *_untold(told, issue))
    late = [change if change.at >= created else replace(change, at=created) for change in changes]
    return sorted(late, key=lambda change: (change.at, len(change.id), change.id))


def _untold(told: Told, issue: Issue) -> list[IssueChange]:
    """What was noticed and the tracker did not tell. It told what led to the same status since the last time that
    something was noticed. When the last of it happened, the issue may say itself."""
    itself = issue.closed if issue.category == "done" else issue.started
    missing: list[IssueChange] = []
    last: datetime | None = None
    for seen in sorted(told.seen, key=lambda change: change.at):
        explained = any(
            change.kind == "status"
            and change.after.casefold() == seen.after.casefold()
            and (last is None or change.at > last)
            and change.at <= seen.at
            for change in told.changes
        )
        if not explained:
            here = seen.after.casefold() == issue.status.casefold()
            knows = here and itself is not None and (last is None or itself > last) and itself <= seen.at
            missing.append(replace(seen, at=itself) if itself and knows else seen)
        last = seen.at
    return missing


def _stops(
    issue: Issue, changes: Sequence[IssueChange], statuses: Statuses, *, whole: bool
) -> list[tuple[datetime, Issue]]:
    """The issue as it was when it was created and after each change."""
    # Without its whole history nobody knows since when an issue carries what it carries.
    began = issue if whole else replace(issue, labels=frozenset(), flagged=False)
    stop = _at_creation(began, changes, statuses)
    stops = [(issue.created, stop)]
    for change in changes:
        stop = _after(stop, change, issue, statuses)
        stops.append((change.at, stop))
    return stops


def _at_creation(issue: Issue, changes: Sequence[IssueChange], statuses: Statuses) -> Issue:
    labels = set(issue.labels)
    flagged = issue.flagged
    first: IssueChange | None = None
    for change in reversed(changes):
        if change.kind == "label":
            _swap(labels, off=change.after, on=change.before)
        elif change.kind == "flag":
            flagged = bool(change.before)
        else:
            first = change
    then = replace(issue, labels=frozenset(labels), flagged=flagged)
    if first is None:
        return _opened(then)
    return _with_status(then, first.before_id, first.before, None, issue, statuses) or _opened(then)


def _opened(issue: Issue) -> Issue:
    """The issue as it must have begun, when nobody tells: open, unless it was closed as it was created."""
    if issue.category == "done" and issue.closed is not None and issue.closed <= issue.created:
        return issue
    if issue.category in ("done", "doing"):
        return replace(issue, status="", status_id="", category="todo", resolution=None)
    return issue


def _after(stop: Issue, change: IssueChange, now: Issue, statuses: Statuses) -> Issue:
    if change.kind == "label":
        labels = set(stop.labels)
        _swap(labels, off=change.before, on=change.after)
        return replace(stop, labels=frozenset(labels))
    if change.kind == "flag":
        return replace(stop, flagged=bool(change.after))
    # A status that nobody knows any more moves nothing.
    return _with_status(stop, change.after_id, change.after, change.resolution, now, statuses) or stop


def _with_status(
    stop: Issue, status_id: str, name: str, resolution: str | None, now: Issue, statuses: Statuses
) -> Issue | None:
    name, category = statuses.named(stop.ref.tracker, status_id, name)
    if category is None:
        return None
    if category == "done" and resolution is None and name == now.status:
        resolution = now.resolution
    return replace(stop, status=name, status_id=status_id, category=category, resolution=resolution)


def _swap(labels: set[str], *, off: str, on: str) -> None:
    labels -= {label for label in labels if off and label.casefold() == off.casefold()}
    if on:
        labels.add(on)


def _until_now(
    judged: list[tuple[datetime, IssueState]], item: KnownIssue, judge: Judge
) -> list[tuple[datetime, IssueState]]:
    """The stops, and the issue as it is now where they do not lead there."""
    issue = item.issue
    state = judge.states.of(issue, experiment=judge.experiment)
    last_at, last = judged[-1]
    if state.state != last.state:
        last = replace(state, blocked=state.blocked and last.blocked)
        last_at = max(last_at, _since(issue, state))
        judged = [*judged, (last_at, last)]
    if state.blocked != last.blocked:  # of which an issue does not say since when
        judged = [*judged, (max(last_at, issue.updated), state)]
    if item.vanished and state.state not in _CLOSED:
        dropped = IssueState(state="dropped", because="it vanished")
        judged = [*judged, (max(judged[-1][0], item.vanished), dropped)]
    return judged


def _since(issue: Issue, state: IssueState) -> datetime:
    """Since when an issue is as it is, as far as it says so itself."""
    if state.state in _CLOSED:
        return issue.closed or issue.updated
    if state.state == "doing":
        return issue.started or issue.updated
    return issue.updated


def _moves(judged: Iterable[tuple[datetime, IssueState]]) -> list[Move]:
    moves: list[Move] = []
    for at, state in judged:
        if not moves or moves[-1].state != state.state:
            moves.append(Move(at=at, state=state.state))
    return moves


def _blocked(judged: Iterable[tuple[datetime, IssueState]]) -> tuple[Blocked, ...]:
    found: list[Blocked] = []
    since: datetime | None = None
    for at, state in judged:
        if state.blocked and since is None:
            since = at
        elif not state.blocked and since is not None:
            if at > since:
                found.append(Blocked(since=since, until=at))
            since = None
    if since is not None:
        found.append(Blocked(since=since, until=None))
    return tuple(found)
