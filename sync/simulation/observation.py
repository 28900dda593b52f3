"""How a rehearsal looks at a stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sync.simulation.environment import Environment, SimulatedRun
from sync.simulation.invariants import FinalState, IssueKey
from sync.simulation.user_actions import LabelChange, VisibleIssue

LabelChangeCounts = Mapping[str, Counter[str]]
"""Tracker -> issue -> how often one of its labels was put or taken off so far."""


def final_state(environment: Environment) -> FinalState:
    """Where a stage stands."""
    store = environment.store
    return FinalState(
        issues=visible_issues(environment),
        pushed=frozenset(
            (ref.tracker, ref.key, label) for ref, labels in store.pushed_labels().items() for label in labels
        ),
        decided=frozenset((row.ref.tracker, row.ref.key, row.kind, row.label) for row in store.overrides()),
        comments={name: each.state for name, each in store.pushed_comments().items()},
    )


def visible_issues(environment: Environment) -> dict[IssueKey, VisibleIssue]:
    """Every issue as people see it."""
    return {
        (name, key): site.visible_issue(key)
        for name, site in environment.tracker_uis.items()
        for key in site.issue_keys()
    }


def count_label_changes(environment: Environment) -> LabelChangeCounts:
    """What to count from, for ``changes_after``."""
    return {
        name: Counter(each.issue for each in site.label_changes())
        for name, site in environment.tracker_uis.items()
    }


def changes_after(label_changes: Iterable[LabelChange], counts: Counter[str]) -> list[LabelChange]:
    """The changes of labels that came after the marks, in the order of each issue."""
    seen: Counter[str] = Counter()
    late = []
    for toggle in label_changes:
        seen[toggle.issue] += 1
        if seen[toggle.issue] > counts[toggle.issue]:
            late.append(toggle)
    return late


def count_notifications(environment: Environment) -> int:
    """How many mails people got."""
    return sum(len(site.notifications()) for site in environment.tracker_uis.values())


def failure_reason(run: SimulatedRun) -> str:
    """What a run that did not go well said."""
    outcome = run.result
    if outcome is None:
        return run.stop_reason or ""
    failed = [each.reason for each in outcome.pulled.failed]
    refused = [each.text for each in outcome.refusals]
    applied = [why for _, why in outcome.applied.failed] if outcome.applied else []
    unread = outcome.pulled.unread_anchors.values()
    return "; ".join([*failed, *refused, *applied, *outcome.unresolved_writes, *unread])
