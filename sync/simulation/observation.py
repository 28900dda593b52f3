"""Observation of an environment: visible issues, label changes, notifications, state of the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sync.simulation.environment import Environment, SimulatedRun
from sync.simulation.invariants import FinalState, IssueKey
from sync.simulation.user_actions import ObservedLabelChange, TrackerUI, VisibleIssue
from sync.store import Store

LabelChangeCounts = Mapping[str, Counter[str]]
"""Tracker -> issue -> number of label changes so far."""


def final_state(environment: Environment) -> FinalState:
    """Return the current state of trackers and store."""
    return observe_state(environment.tracker_uis, environment.store)


def observe_state(tracker_uis: Mapping[str, TrackerUI], store: Store) -> FinalState:
    """Return the current state of these trackers and of this store."""
    return FinalState(
        issues=observe_issues(tracker_uis),
        pushed=frozenset(
            (ref.tracker, ref.key, label) for ref, labels in store.pushed_labels().items() for label in labels
        ),
        overrides=frozenset((row.ref.tracker, row.ref.key, row.kind, row.label) for row in store.overrides()),
        comments={name: each.state for name, each in store.pushed_comments().items()},
    )


def visible_issues(environment: Environment) -> dict[IssueKey, VisibleIssue]:
    """Return every issue as users see it."""
    return observe_issues(environment.tracker_uis)


def observe_issues(tracker_uis: Mapping[str, TrackerUI]) -> dict[IssueKey, VisibleIssue]:
    """Return every issue of these trackers as users see it."""
    return {(name, key): ui.visible_issue(key) for name, ui in tracker_uis.items() for key in ui.issue_keys()}


def count_label_changes(environment: Environment) -> LabelChangeCounts:
    """Return the label changes so far, as a starting point for ``changes_after``."""
    return {
        name: Counter(each.issue for each in ui.label_changes())
        for name, ui in environment.tracker_uis.items()
    }


def changes_after(
    label_changes: Iterable[ObservedLabelChange], counts: Counter[str]
) -> list[ObservedLabelChange]:
    """Return the label changes that came after those counted, in order for each issue."""
    seen: Counter[str] = Counter()
    later = []
    for change in label_changes:
        seen[change.issue] += 1
        if seen[change.issue] > counts[change.issue]:
            later.append(change)
    return later


def count_notifications(environment: Environment) -> Counter[str]:
    """Return the number of mails that each user got."""
    return Counter(user for ui in environment.tracker_uis.values() for user, _ in ui.notifications())


def failure_reason(run: SimulatedRun) -> str:
    """Return the error messages of a run, joined."""
    result = run.result
    if result is None:
        return run.stop_reason or ""
    failed = [each.reason for each in result.pulled.failed]
    refused = [each.text for each in result.refusals]
    applied = [why for _, why in result.applied.failed] if result.applied else []
    unread = result.pulled.unread_anchors.values()
    return "; ".join([*failed, *refused, *applied, *result.unresolved_writes, *unread])
