"""Invariants of a simulation: pure checks of what was observed, whatever faults were injected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from mappings.labels import LabelScheme
from mappings.model import Workspace
from sync.simulation.scenarios import ROBOT
from sync.simulation.user_actions import ObservedLabelChange, VisibleIssue
from sync.store import JournalEntry

Invariant = Literal[
    "converges", "second run is empty", "one comment", "people first", "no flapping", "no partial roll-up",
    "journalled", "no bug", "lost decision", "invented decision", "wrong label",
]  # fmt: skip
IssueKey = tuple[str, str]
"""Tracker and issue key."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold, and where."""

    invariant: Invariant
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalState:
    """State that has to be equal at the end of a simulation and of its reference run."""

    issues: Mapping[IssueKey, VisibleIssue]
    pushed: frozenset[tuple[str, str, str]]
    """(tracker, issue key, label) of the labels that the store has as written by the program."""
    overrides: frozenset[tuple[str, str, str, str]]
    """(tracker, issue key, kind, label) of the recorded manual overrides."""
    comments: Mapping[str, str] = field(default_factory=dict)
    """Subject of a status comment -> its state in the store."""


def compare_final_states(reference: FinalState, actual: FinalState) -> Iterator[Violation]:
    """Yield every difference between the final state and that of the reference run."""
    for text in _differences(reference, actual):
        yield Violation("converges", text)


def _differences(reference: FinalState, actual: FinalState) -> Iterator[str]:
    for key in sorted(reference.issues.keys() | actual.issues.keys()):
        expected, found = reference.issues.get(key), actual.issues.get(key)
        name = ":".join(key)
        if expected is None or found is None:
            yield f"{name} exists only with or only without faults"
            continue
        if expected.labels != found.labels:
            wrong, right = _format_labels(found.labels), _format_labels(expected.labels)
            yield f"{name} has the labels {wrong}, without faults {right}"
        if expected.comments != found.comments:
            missing, extra = _extra_comments(expected, found), _extra_comments(found, expected)
            yield f"{name} has other comments: missing {missing}, additional {extra}"
    for name in ("pushed", "overrides"):
        found, expected = getattr(actual, name), getattr(reference, name)
        if found != expected:
            yield f"{name}: missing {sorted(expected - found)}, additional {sorted(found - expected)}"
    if reference.comments != actual.comments:
        yield f"comments: {dict(actual.comments)}, without faults {dict(reference.comments)}"


def check_single_comment(issues: Mapping[IssueKey, VisibleIssue]) -> Iterator[Violation]:
    """Check that no issue carries two status comments: an issue is the anchor of one subject at most."""
    for (tracker, key), issue in issues.items():
        count = sum(each.author == ROBOT for each in issue.comments)
        if count > 1:
            yield Violation("one comment", f"{tracker}:{key} has {count} status comments")


def check_people_first(
    label_changes: Iterable[ObservedLabelChange], scheme: LabelScheme
) -> Iterator[Violation]:
    """Check that the program changes only labels of its families, and never reverts what a person did."""
    last: dict[tuple[str, str], ObservedLabelChange] = {}
    for change in label_changes:
        before = last.get((change.issue, change.label))
        last[change.issue, change.label] = change
        if change.by != ROBOT:
            continue
        if scheme.family_of(change.label) is None:
            yield Violation("people first", f"{_describe(change)}, which is not a label of its families")
        elif before and before.by != ROBOT and before.added != change.added:
            yield Violation("people first", f"{_describe(change)} after a person did the opposite")


def check_user_comments(
    user_comments: Iterable[tuple[IssueKey, str]], issues: Mapping[IssueKey, VisibleIssue]
) -> Iterator[Violation]:
    """Check that the comments of users are still there, unchanged."""
    for key, text in user_comments:
        if all(each.body != text for each in issues[key].comments):
            yield Violation("people first", f"the comment of a user on {':'.join(key)} is deleted or changed")


def check_no_flapping(label_changes: Iterable[ObservedLabelChange], user_actions: int) -> Iterator[Violation]:
    """Check that each label changes once at most, and once more for each user action."""
    counted = Counter((each.issue, each.label) for each in label_changes if each.by == ROBOT)
    for (issue, label), count in counted.items():
        if count > 1 + user_actions:
            yield Violation(
                "no flapping",
                f"the program changed {label} on {issue} {count} times, with {user_actions} user actions",
            )


def check_no_flapping_in_run(label_changes: Iterable[ObservedLabelChange]) -> Iterator[Violation]:
    """Check that one run does not revert its own changes."""
    changes = sorted((t for t in label_changes if t.by == ROBOT), key=lambda each: (each.issue, each.label))
    for (issue, label), group in groupby(changes, key=lambda each: (each.issue, each.label)):
        if len(list(group)) > 1:
            yield Violation("no flapping", f"one run changed {label} on {issue} more than once")


def anchors_of_source(workspace: Workspace, sources: frozenset[str]) -> frozenset[IssueKey]:
    """Return the anchors of all capabilities that one of these sources feeds, and of their goals."""
    capabilities = {
        rule.assign
        for team in workspace.teams
        if sources & {source.name for source in team.sources}
        for rule in team.rules
    }
    anchors: set[IssueKey] = set()
    for increment in workspace.increments:
        for goal in increment.goals:
            affected = [each for each in goal.capabilities if each.id in capabilities]
            for anchor in (*(each.anchor for each in affected), goal.anchor if affected else None):
                if anchor:
                    anchors.add((anchor.tracker, anchor.key))
    return frozenset(anchors)


def check_no_partial_rollup(
    anchors: frozenset[IssueKey],
    before: Mapping[IssueKey, VisibleIssue],
    after: Mapping[IssueKey, VisibleIssue],
    sources: frozenset[str],
) -> Iterator[Violation]:
    """Check that the anchors fed by sources that could not be read stay untouched."""
    for key in sorted(anchors):
        if before.get(key) != after.get(key):
            yield Violation(
                "no partial roll-up",
                f"{':'.join(key)} was written although {', '.join(sorted(sources))} could not be read",
            )


def check_journalled(
    label_changes: Iterable[tuple[str, ObservedLabelChange]], rows: Iterable[JournalEntry], open_rows: int
) -> Iterator[Violation]:
    """Check that every label change of the program is journalled as done and no entry stays open."""
    done = {
        (row.ref.tracker, row.ref.key.lower(), str(row.payload["label"]).lower(), row.op == "add-label")
        for row in rows
        if row.op in ("add-label", "remove-label") and row.outcome == "done"
    }
    for tracker, each in label_changes:
        if each.by == ROBOT and (tracker, each.issue.lower(), each.label.lower(), each.added) not in done:
            yield Violation("journalled", f"{_describe(each)} and the journal does not record it")
    if open_rows:
        yield Violation("journalled", f"{open_rows} journal entries are open at the end")


def _describe(change: ObservedLabelChange) -> str:
    verb, preposition = ("added", "to") if change.added else ("removed", "from")
    return f"the program {verb} {change.label} {preposition} {change.issue}"


def _format_labels(labels: Iterable[str]) -> str:
    return "{" + ", ".join(sorted(labels)) + "}"


def _extra_comments(one: VisibleIssue, other: VisibleIssue) -> list[tuple[str, str]]:
    rest = Counter((each.author, each.body) for each in one.comments)
    rest.subtract(Counter((each.author, each.body) for each in other.comments))
    return sorted(key for key, count in rest.items() if count > 0)
