"""Reconstruct the flow of each issue from the tracker's history and the status changes that runs observed. Pure.

The issue is rewound to its creation, change by change. Each snapshot on the way is classified by the team's ``states``
(``mappings.rules.flow_state``), as the matcher classifies the current issue. The team's rules for statuses, labels and
types therefore apply to the past as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby, pairwise
from typing import Final

from connectors.model import Category, Issue, IssueChange, IssueRef, KnownIssue
from connectors.text import fold_name
from mappings.model import IssueState, TeamMapping
from mappings.problems import Origin
from mappings.rules.flow_state import StateResolver
from sync.model.flow import BlockedPeriod, IssueFlow, StateChange

_CLOSED: Final = ("done", "dropped")


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueChanges:
    """Known changes of one issue."""

    changes: tuple[IssueChange, ...] = ()
    """From the tracker, in any order, possibly with duplicates."""
    observed: tuple[IssueChange, ...] = ()
    """Changes of status between two runs; ``at`` is the time of the run that saw it."""
    complete: bool = False
    """The tracker returned all changes up to the issue's last one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StateClassifier:
    """Rules by which an issue's state is read."""

    states: StateResolver
    experiment: bool = False
    """The matching rule marks an experiment: a closed one is done whatever its answer."""

    def classify(self, issue: Issue) -> IssueState:
        return self.states.resolve(issue, experiment=self.experiment)


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusCatalog:
    """Known statuses of the trackers: their categories, and their current names."""

    by_id: Mapping[tuple[str, str], tuple[str, Category | None]] = field(default_factory=dict)
    """(tracker, id of the status) -> current name and category."""
    by_name: Mapping[tuple[str, str], Category | None] = field(default_factory=dict)
    """(tracker, folded name) -> category."""

    def resolve(self, tracker: str, status_id: str, name: str) -> tuple[str, Category | None]:
        """Return the current name and the category of a status; the category is None for an unknown status."""
        known = self.by_id.get((tracker, status_id)) if status_id else None
        return known or (name, self.by_name.get((tracker, fold_name(name))))


def build_status_catalog(
    known: Iterable[KnownIssue],
    observed: Iterable[tuple[str, str, Category | None]],
    listed: Mapping[tuple[str, str], tuple[str, Category | None]] | None = None,
) -> StatusCatalog:
    """Collect the statuses of current issues, of earlier runs and of the trackers' own lists.

    ``observed``: (tracker, name, category). ``listed``: (tracker, id) -> name and category.
    """
    by_name: dict[tuple[str, str], Category | None] = {
        (tracker, fold_name(name)): category for tracker, name, category in observed
    }
    by_id = dict(listed or {})
    for (tracker, _), (name, category) in by_id.items():
        by_name[tracker, fold_name(name)] = category
    for item in known:
        issue = item.issue
        tracker = issue.ref.tracker
        by_name[tracker, fold_name(issue.status)] = issue.category
        if issue.status_id:
            by_id[tracker, issue.status_id] = (issue.status, issue.category)
    return StatusCatalog(by_id=by_id, by_name=by_name)


def build_issue_flows(
    known: Iterable[KnownIssue],
    changes: Mapping[IssueRef, IssueChanges],
    classifiers: Mapping[IssueRef, StateClassifier],
    statuses: StatusCatalog,
) -> dict[IssueRef, IssueFlow]:
    """Build the flow of every issue. Issues without a classifier are read by their tracker's own categories.

    Closed issues of which nothing says since when are left out.
    """
    default = StateClassifier(states=StateResolver(TeamMapping(team="", origin=Origin(file=""))))
    no_changes = IssueChanges()
    issues = {item.issue.ref: item for item in known}
    flows = (
        _build_issue_flow(item, changes.get(ref, no_changes), classifiers.get(ref, default), statuses)
        for ref, item in issues.items()
    )
    return {flow.ref: flow for flow in flows if flow is not None}


def closing_time(
    issue: Issue, changes: IssueChanges, classifier: StateClassifier, statuses: StatusCatalog
) -> datetime | None:
    """Return when a closed issue was closed last; None if nothing says when."""
    states = _replay(issue, changes, classifier, statuses)
    return _state_changes(states)[-1].at if states else None


def _replay(
    issue: Issue, changes: IssueChanges, classifier: StateClassifier, statuses: StatusCatalog
) -> list[tuple[datetime, IssueState]] | None:
    """Return the state of an issue at its creation and after each change; None for a closing without a time."""
    ordered = _ordered_changes(changes, issue)
    snapshots = _issue_snapshots(issue, ordered, statuses, complete=changes.complete)
    states = [(at, classifier.classify(snapshot)) for at, snapshot in snapshots]
    return _append_current_state(states, issue, classifier.classify(issue))


def _build_issue_flow(
    item: KnownIssue, changes: IssueChanges, classifier: StateClassifier, statuses: StatusCatalog
) -> IssueFlow | None:
    issue = item.issue
    states = _replay(issue, changes, classifier, statuses)
    if states is None:
        return None
    if item.vanished and states[-1][1].is_open:
        dropped = IssueState(state="dropped", because="it vanished")
        states = [*states, (max(states[-1][0], item.vanished), dropped)]
    state_changes = _state_changes(states)
    current = state_changes[-1]
    reopened = tuple(
        after.at
        for before, after in pairwise(state_changes)
        if before.state in _CLOSED and after.state not in _CLOSED
    )
    return IssueFlow(
        ref=issue.ref,
        created=issue.created,
        started=next((change.at for change in state_changes if change.state == "doing"), None),
        finished=current.at if current.state == "done" else None,
        dropped=current.at if current.state == "dropped" else None,
        reopened=reopened,
        blocked_periods=_blocked_periods(states),
        state_changes=tuple(state_changes),
        complete=changes.complete,
    )


def _ordered_changes(changes: IssueChanges, issue: Issue) -> list[IssueChange]:
    """Return the changes, oldest first, none before the creation: clocks of trackers are adjusted, too."""
    missing = [] if changes.complete else _unreported_changes(changes, issue)
    known = [
        replace(change, at=max(change.at, issue.created))
        for change in (*changes.changes, *missing)
        if change.kind != "key"
    ]
    return sorted(known, key=lambda change: (change.at, len(change.id), change.id))


def _unreported_changes(changes: IssueChanges, issue: Issue) -> list[IssueChange]:
    """Return the observed changes that the tracker did not report.

    A reported change to the same status since the previous observation explains an observed one. For the last change
    the issue's own timestamp (closed or started) replaces the time of the observation where it fits.
    """
    own_time = issue.closed if issue.category == "done" else issue.started
    missing: list[IssueChange] = []
    last: datetime | None = None
    for observed in sorted(changes.observed, key=lambda change: change.at):
        explained = any(
            change.kind == "status"
            and fold_name(change.after) == fold_name(observed.after)
            and (last is None or change.at > last)
            and change.at <= observed.at
            for change in changes.changes
        )
        if not explained:
            is_current = fold_name(observed.after) == fold_name(issue.status)
            fits = is_current and own_time and own_time <= observed.at and (last is None or own_time > last)
            missing.append(replace(observed, at=own_time) if own_time and fits else observed)
        last = observed.at
    return missing


def _issue_snapshots(
    issue: Issue, changes: Sequence[IssueChange], statuses: StatusCatalog, *, complete: bool
) -> list[tuple[datetime, Issue]]:
    """Return the issue as it was created and after each change."""
    # Without a complete history it is unknown since when the issue carries its labels and its flag.
    current = issue if complete else replace(issue, labels=frozenset(), flagged=False)
    snapshot = _issue_at_creation(current, changes, statuses, complete=complete)
    snapshots = [(issue.created, snapshot)]
    for change in changes:
        snapshot = _apply_change(snapshot, change, issue, statuses)
        snapshots.append((change.at, snapshot))
    has_unknown = _has_unknown_status(changes, issue, statuses)
    return _with_own_closing(snapshots, issue, incomplete=not complete, has_unknown=has_unknown)


def _has_unknown_status(changes: Iterable[IssueChange], issue: Issue, statuses: StatusCatalog) -> bool:
    entered = ((each.after_id, each.after) for each in changes if each.kind == "status")
    return any(statuses.resolve(issue.ref.tracker, *status)[1] is None for status in entered)


def _with_own_closing(
    snapshots: list[tuple[datetime, Issue]], issue: Issue, *, incomplete: bool, has_unknown: bool
) -> list[tuple[datetime, Issue]]:
    """Let a done issue's own closing time decide where its history is not whole.

    An incomplete history may lack that the issue was opened again before that time. One with an unknown status tells
    nothing about it.
    """
    at = issue.closed
    if at is None or not (incomplete or has_unknown):
        return snapshots
    since = _category_since(snapshots, "done", at)
    if since == at or (since > at and not has_unknown):
        return snapshots
    before = [each for each in snapshots[1:] if each[0] < at]
    last = (before or snapshots)[-1][1]
    return [snapshots[0], *before, (max(at, snapshots[0][0]), _opened_again(last))]


def _category_since(
    snapshots: Sequence[tuple[datetime, Issue]], category: Category, default: datetime
) -> datetime:
    """Return since when the last snapshots have this category; ``default`` if the last one has another."""
    since = default
    for at, snapshot in reversed(snapshots):
        if snapshot.category != category:
            break
        since = at
    return since


def _issue_at_creation(
    issue: Issue, changes: Sequence[IssueChange], statuses: StatusCatalog, *, complete: bool
) -> Issue:
    """Undo all changes, newest first. An issue whose whole history names no change of status was created in its own."""
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
    # Trackers do not tell since when an issue is blocked by another one.
    created = replace(issue, labels=frozenset(labels), flagged=flagged, blocked_by=())
    if first is None:
        return created if complete and issue.closed is None else _initially_open(created)
    before = _with_status(created, first.before_id, first.before, None, issue, statuses)
    return before or _initially_open(created)


def _initially_open(issue: Issue) -> Issue:
    """Assume that an issue was open at creation, unless it was closed at once."""
    if issue.category == "done" and issue.closed is not None and issue.closed <= issue.created:
        return issue
    return _opened_again(issue) if issue.category in ("done", "doing") else issue


def _opened_again(issue: Issue) -> Issue:
    return replace(issue, status="", status_id="", category="todo", resolution=None)


def _apply_change(snapshot: Issue, change: IssueChange, now: Issue, statuses: StatusCatalog) -> Issue:
    if change.kind == "label":
        labels = set(snapshot.labels)
        _swap_labels(labels, removed=change.before, added=change.after)
        return replace(snapshot, labels=frozenset(labels))
    if change.kind == "flag":
        return replace(snapshot, flagged=bool(change.after))
    # A change to an unknown status has no effect.
    changed = _with_status(snapshot, change.after_id, change.after, change.resolution, now, statuses)
    return changed or snapshot


def _with_status(
    snapshot: Issue, status_id: str, name: str, resolution: str | None, now: Issue, statuses: StatusCatalog
) -> Issue | None:
    """Return the issue in another status; None for a status of unknown category."""
    name, category = statuses.resolve(snapshot.ref.tracker, status_id, name)
    if category is None:
        return None
    if category == "done" and resolution is None and name == now.status:
        resolution = now.resolution
    return replace(snapshot, status=name, status_id=status_id, category=category, resolution=resolution)


def _swap_labels(labels: set[str], *, removed: str, added: str) -> None:
    labels -= {label for label in labels if removed and fold_name(label) == fold_name(removed)}
    if added:
        labels.add(added)


def _append_current_state(
    states: list[tuple[datetime, IssueState]], issue: Issue, current: IssueState
) -> list[tuple[datetime, IssueState]] | None:
    """Add the current state where the changes do not lead to it. None if it is closed since nobody knows when."""
    last_at, last = states[-1]
    if current.state != last.state:
        since = _state_since(issue, current)
        if since is None:
            return None
        last = replace(current, blocked=current.blocked and last.blocked)
        last_at = max(last_at, since)
        states = [*states, (last_at, last)]
    if current.blocked != last.blocked:  # trackers have no timestamp for it
        states = [*states, (max(last_at, issue.updated), current)]
    return states


def _state_since(issue: Issue, state: IssueState) -> datetime | None:
    """Return the time since which an issue has its state, by its own timestamps. None for a closing without a time.

    An update is no closing: it may be a mass edit, years later.
    """
    if not state.is_open:
        return issue.closed
    if state.state == "doing":
        return issue.started or issue.updated
    return issue.updated


def _state_changes(states: Iterable[tuple[datetime, IssueState]]) -> list[StateChange]:
    return [
        StateChange(at=next(same)[0], state=state)
        for state, same in groupby(states, key=lambda each: each[1].state)
    ]


def _blocked_periods(states: Iterable[tuple[datetime, IssueState]]) -> tuple[BlockedPeriod, ...]:
    starts = [(next(same)[0], blocked) for blocked, same in groupby(states, key=lambda each: each[1].blocked)]
    ends = [*(at for at, _ in starts[1:]), None]
    return tuple(
        BlockedPeriod(since=since, until=until)
        for (since, blocked), until in zip(starts, ends, strict=True)
        if blocked and since != until
    )
