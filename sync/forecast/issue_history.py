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
from mappings.model import IssueState, TeamMapping
from mappings.problems import Origin
from mappings.rules.flow_state import StateResolver
from sync.model.flow import BlockedPeriod, IssueFlow, StateChange

_CLOSED: Final = ("done", "dropped")


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueChanges:
    """What is known of the past of one issue."""

    changes: tuple[IssueChange, ...] = ()
    """As the tracker told them, in any order, and any of them more than once."""
    observed: tuple[IssueChange, ...] = ()
    """Changes of status that this program noticed between two readings; ``at`` is when it noticed."""
    complete: bool = False
    """The tracker told everything up to the issue's last change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StateClassifier:
    """How the states of an issue are read."""

    states: StateResolver
    experiment: bool = False
    """As the rule says that has it; closed, it is done whatever its answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusCatalog:
    """What is known of the statuses of a tracker: their classes, by id and by name, and their names today."""

    by_id: Mapping[tuple[str, str], tuple[str, Category | None]] = field(default_factory=dict)
    """(tracker, id of the status) -> its name today and its class."""
    by_name: Mapping[tuple[str, str], Category | None] = field(default_factory=dict)
    """(tracker, case-folded name) -> class."""

    def resolve(self, tracker: str, status_id: str, name: str) -> tuple[str, Category | None]:
        """A status by the name that it has today, with its class; None for one that nobody knows any more."""
        known = self.by_id.get((tracker, status_id)) if status_id else None
        return known or (name, self.by_name.get((tracker, name.casefold())))


def build_status_catalog(
    known: Iterable[KnownIssue],
    observed: Iterable[tuple[str, str, Category | None]],
    listed: Mapping[tuple[str, str], tuple[str, Category | None]] | None = None,
) -> StatusCatalog:
    """The statuses that issues have now, those that this program ever saw (tracker, name, class), and those that
    trackers listed: (tracker, id) -> name and class."""
    by_name: dict[tuple[str, str], Category | None] = {
        (tracker, name.casefold()): category for tracker, name, category in observed
    }
    by_id = dict(listed or {})
    for (tracker, _), (name, category) in by_id.items():
        by_name[tracker, name.casefold()] = category
    for item in known:
        issue = item.issue
        tracker = issue.ref.tracker
        by_name[tracker, issue.status.casefold()] = issue.category
        if issue.status_id:
            by_id[tracker, issue.status_id] = (issue.status, issue.category)
    return StatusCatalog(by_id=by_id, by_name=by_name)


def build_issue_flows(
    known: Iterable[KnownIssue],
    changes: Mapping[IssueRef, IssueChanges],
    classifiers: Mapping[IssueRef, StateClassifier],
    statuses: StatusCatalog,
) -> dict[IssueRef, IssueFlow]:
    """The way of every issue. Issues without a judge are read as their tracker classes them."""
    nobody = StateClassifier(states=StateResolver(TeamMapping(team="", origin=Origin(file=""))))
    nothing = IssueChanges()
    found: dict[IssueRef, IssueFlow] = {}
    for item in known:
        ref = item.issue.ref
        past = changes.get(ref, nothing)
        found[ref] = _build_issue_flow(item, past, classifiers.get(ref, nobody), statuses)
    return found


def _build_issue_flow(
    item: KnownIssue, told: IssueChanges, classifier: StateClassifier, statuses: StatusCatalog
) -> IssueFlow:
    issue = item.issue
    changes = _ordered_changes(told, issue)
    stops = _issue_snapshots(issue, changes, statuses, complete=told.complete)
    judged = [(at, classifier.states.resolve(stop, experiment=classifier.experiment)) for at, stop in stops]
    judged = _append_current_state(judged, item, classifier)
    moves = _state_changes(judged)
    state = moves[-1].state
    reopened = tuple(
        after.at
        for before, after in pairwise(moves)
        if before.state in _CLOSED and after.state not in _CLOSED
    )
    return IssueFlow(
        ref=issue.ref,
        created=issue.created,
        started=next((move.at for move in moves if move.state == "doing"), None),
        finished=moves[-1].at if state == "done" else None,
        dropped=moves[-1].at if state == "dropped" else None,
        reopened=reopened,
        blocked_periods=_blocked_periods(judged),
        state_changes=tuple(moves),
        complete=told.complete,
    )


def _ordered_changes(told: IssueChanges, issue: Issue) -> list[IssueChange]:
    """The changes, oldest first, none before the issue was there: clocks of trackers are moved, too."""
    created = issue.created
    changes = told.changes if told.complete else (*told.changes, *_unreported_changes(told, issue))
    late = [change if change.at >= created else replace(change, at=created) for change in changes]
    return sorted(late, key=lambda change: (change.at, len(change.id), change.id))


def _unreported_changes(changes: IssueChanges, issue: Issue) -> list[IssueChange]:
    """What was noticed and the tracker did not tell. It told what led to the same status since the last time that
    something was noticed. When the last of it happened, the issue may say itself."""
    itself = issue.closed if issue.category == "done" else issue.started
    missing: list[IssueChange] = []
    last: datetime | None = None
    for seen in sorted(changes.observed, key=lambda change: change.at):
        explained = any(
            change.kind == "status"
            and change.after.casefold() == seen.after.casefold()
            and (last is None or change.at > last)
            and change.at <= seen.at
            for change in changes.changes
        )
        if not explained:
            here = seen.after.casefold() == issue.status.casefold()
            knows = here and itself is not None and (last is None or itself > last) and itself <= seen.at
            missing.append(replace(seen, at=itself) if itself and knows else seen)
        last = seen.at
    return missing


def _issue_snapshots(
    issue: Issue, changes: Sequence[IssueChange], statuses: StatusCatalog, *, complete: bool
) -> list[tuple[datetime, Issue]]:
    """The issue as it was when it was created and after each change."""
    # Without its whole history nobody knows since when an issue carries what it carries.
    began = issue if complete else replace(issue, labels=frozenset(), flagged=False)
    stop = _issue_at_creation(began, changes, statuses)
    stops = [(issue.created, stop)]
    for change in changes:
        stop = _apply_change(stop, change, issue, statuses)
        stops.append((change.at, stop))
    return stops


def _issue_at_creation(issue: Issue, changes: Sequence[IssueChange], statuses: StatusCatalog) -> Issue:
    labels = set(issue.labels)
    flagged = issue.flagged
    first: IssueChange | None = None
    for change in reversed(changes):
        if change.kind == "label":
            _swap_labels(labels, removed=change.after, added=change.before)
        elif change.kind == "flag":
            flagged = bool(change.before)
        else:
            first = change
    then = replace(issue, labels=frozenset(labels), flagged=flagged)
    if first is None:
        return _initially_open(then)
    return _with_status(then, first.before_id, first.before, None, issue, statuses) or _initially_open(then)


def _initially_open(issue: Issue) -> Issue:
    """The issue as it must have begun, when nobody tells: open, unless it was closed as it was created."""
    if issue.category == "done" and issue.closed is not None and issue.closed <= issue.created:
        return issue
    if issue.category in ("done", "doing"):
        return replace(issue, status="", status_id="", category="todo", resolution=None)
    return issue


def _apply_change(snapshot: Issue, change: IssueChange, now: Issue, statuses: StatusCatalog) -> Issue:
    if change.kind == "label":
        labels = set(snapshot.labels)
        _swap_labels(labels, removed=change.before, added=change.after)
        return replace(snapshot, labels=frozenset(labels))
    if change.kind == "flag":
        return replace(snapshot, flagged=bool(change.after))
    # A status that nobody knows any more moves nothing.
    return _with_status(snapshot, change.after_id, change.after, change.resolution, now, statuses) or snapshot


def _with_status(
    snapshot: Issue, status_id: str, name: str, resolution: str | None, now: Issue, statuses: StatusCatalog
) -> Issue | None:
    name, category = statuses.resolve(snapshot.ref.tracker, status_id, name)
    if category is None:
        return None
    if category == "done" and resolution is None and name == now.status:
        resolution = now.resolution
    return replace(snapshot, status=name, status_id=status_id, category=category, resolution=resolution)


def _swap_labels(labels: set[str], *, removed: str, added: str) -> None:
    labels -= {label for label in labels if removed and label.casefold() == removed.casefold()}
    if added:
        labels.add(added)


def _append_current_state(
    states: list[tuple[datetime, IssueState]], item: KnownIssue, classifier: StateClassifier
) -> list[tuple[datetime, IssueState]]:
    """The stops, and the issue as it is now where they do not lead there."""
    issue = item.issue
    state = classifier.states.resolve(issue, experiment=classifier.experiment)
    last_at, last = states[-1]
    if state.state != last.state:
        last = replace(state, blocked=state.blocked and last.blocked)
        last_at = max(last_at, _state_since(issue, state))
        states = [*states, (last_at, last)]
    if state.blocked != last.blocked:  # of which an issue does not say since when
        states = [*states, (max(last_at, issue.updated), state)]
    if item.vanished and state.state not in _CLOSED:
        dropped = IssueState(state="dropped", because="it vanished")
        states = [*states, (max(states[-1][0], item.vanished), dropped)]
    return states


def _state_since(issue: Issue, state: IssueState) -> datetime:
    """Since when an issue is as it is, as far as it says so itself."""
    if state.state in _CLOSED:
        return issue.closed or issue.updated
    if state.state == "doing":
        return issue.started or issue.updated
    return issue.updated


def _state_changes(states: Iterable[tuple[datetime, IssueState]]) -> list[StateChange]:
    moves: list[StateChange] = []
    for at, state in states:
        if not moves or moves[-1].state != state.state:
            moves.append(StateChange(at=at, state=state.state))
    return moves


def _blocked_periods(states: Iterable[tuple[datetime, IssueState]]) -> tuple[BlockedPeriod, ...]:
    found: list[BlockedPeriod] = []
    since: datetime | None = None
    for at, state in states:
        if state.blocked and since is None:
            since = at
        elif not state.blocked and since is not None:
            if at > since:
                found.append(BlockedPeriod(since=since, until=at))
            since = None
    if since is not None:
        found.append(BlockedPeriod(since=since, until=None))
    return tuple(found)
