"""What has to hold, whatever went wrong: pure comparisons of what a rehearsal saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from mappings.labels import LabelScheme
from mappings.model import Workspace
from sync.simulation.scenarios import ROBOT
from sync.simulation.user_actions import LabelChange, VisibleIssue
from sync.store import JournalEntry

Invariant = Literal[
    "converges", "second run is empty", "one comment", "people first", "no flapping", "no partial roll-up",
    "journalled", "no bug",
]  # fmt: skip
IssueKey = tuple[str, str]
"""Tracker and issue key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """A rule that did not hold."""

    invariant: Invariant
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FinalState:
    """Where a world stands when everything has calmed down, as far as it is to be the same in the twin."""

    issues: Mapping[IssueKey, VisibleIssue]
    pushed: frozenset[tuple[str, str, str]]
    """(tracker, issue key, label) that we hold for ours."""
    decided: frozenset[tuple[str, str, str, str]]
    """(tracker, issue key, kind, label) of people's decisions."""
    comments: Mapping[str, str] = field(default_factory=dict)
    """Subject -> what we hold for the state of its comment."""


def compare_final_states(reference: FinalState, actual: FinalState) -> Iterator[Violation]:
    """Everything in which the end differs from that of the twin."""
    for key in sorted(reference.issues.keys() | actual.issues.keys()):
        wanted, found = reference.issues.get(key), actual.issues.get(key)
        name = ":".join(key)
        if wanted is None or found is None:
            yield Violation(invariant="converges", text=f"{name} is there in one world only")
            continue
        if wanted.labels != found.labels:
            yield Violation(
                invariant="converges",
                text=f"{name} has the labels {_format_labels(found.labels)}, its twin {_format_labels(wanted.labels)}",
            )
        if wanted.comments != found.comments:
            missing, extra = _extra_comments(wanted, found), _extra_comments(found, wanted)
            yield Violation(
                invariant="converges", text=f"{name} has other comments: lacks {missing}, has besides {extra}"
            )
    for what in ("pushed", "decided"):
        here, there = getattr(actual, what), getattr(reference, what)
        if here != there:
            yield Violation(
                invariant="converges",
                text=f"{what}: lacks {sorted(there - here)}, has besides {sorted(here - there)}",
            )
    if reference.comments != actual.comments:
        yield Violation(
            invariant="converges",
            text=f"comments: {dict(actual.comments)}, its twin {dict(reference.comments)}",
        )


def check_single_comment(issues: Mapping[IssueKey, VisibleIssue]) -> Iterator[Violation]:
    """An issue stands for one thing at most, so that one comment of ours is enough."""
    for (tracker, key), face in issues.items():
        count = sum(each.author == ROBOT for each in face.comments)
        if count > 1:
            yield Violation(invariant="one comment", text=f"{tracker}:{key} has {count} comments of ours")


def check_people_first(
    label_changes: Iterable[LabelChange],
    scheme: LabelScheme,
    *,
    previously_ours: frozenset[str] = frozenset(),
) -> Iterator[Violation]:
    """We change labels of our families alone, and never one about which a person had the last word."""
    last: dict[tuple[str, str], LabelChange] = {}
    for toggle in label_changes:
        before = last.get((toggle.issue, toggle.label))
        last[toggle.issue, toggle.label] = toggle
        if toggle.by != ROBOT or toggle.issue in previously_ours:
            continue
        did = "put" if toggle.added else "took off"
        if scheme.family_of(toggle.label) is None:
            yield Violation(invariant="people first", text=f"we {did} {toggle.label} on {toggle.issue}")
        elif before and before.by != ROBOT and before.added != toggle.added:
            yield Violation(
                invariant="people first",
                text=f"we {did} {toggle.label} on {toggle.issue} after a person did the opposite",
            )


def check_user_comments(
    user_comments: Iterable[tuple[IssueKey, str]], issues: Mapping[IssueKey, VisibleIssue]
) -> Iterator[Violation]:
    """What people wrote is there."""
    for key, text in user_comments:
        if all(each.body != text for each in issues[key].comments):
            yield Violation(
                invariant="people first", text=f"a person's comment on {':'.join(key)} is gone or changed"
            )


def check_no_flapping(label_changes: Iterable[LabelChange], edits: int) -> Iterator[Violation]:
    """Each thing that people did may turn a label once, besides the first time."""
    counted = Counter((each.issue, each.label) for each in label_changes if each.by == ROBOT)
    for (issue, label), count in counted.items():
        if count > 1 + edits:
            yield Violation(
                invariant="no flapping",
                text=f"{label} was put on {issue} and taken off {count} times by us, and people did {edits} things",
            )


def check_no_flapping_in_run(label_changes: Iterable[LabelChange]) -> Iterator[Violation]:
    """One run does not take back what it did."""
    ours = sorted((t for t in label_changes if t.by == ROBOT), key=lambda each: (each.issue, each.label))
    for (issue, label), group in groupby(ours, key=lambda each: (each.issue, each.label)):
        if len(list(group)) > 1:
            yield Violation(invariant="no flapping", text=f"one run turned {label} on {issue} more than once")


def anchors_fed_by(workspace: Workspace, sources: frozenset[str]) -> frozenset[IssueKey]:
    """The anchors of everything that one of these sources feeds."""
    fed = {
        rule.assign
        for team in workspace.teams
        if sources & {source.name for source in team.sources}
        for rule in team.rules
    }
    anchors: set[IssueKey] = set()
    for increment in workspace.increments:
        for goal in increment.goals:
            concerned = [each for each in goal.capabilities if each.id in fed]
            for anchor in (*(each.anchor for each in concerned), goal.anchor if concerned else None):
                if anchor:
                    anchors.add((anchor.tracker, anchor.key))
    return frozenset(anchors)


def check_no_partial_rollup(
    anchors: frozenset[IssueKey],
    before: Mapping[IssueKey, VisibleIssue],
    after: Mapping[IssueKey, VisibleIssue],
    sources: frozenset[str],
) -> Iterator[Violation]:
    """Nothing is written on the anchors of what an unread source feeds."""
    for key in sorted(anchors):
        if before.get(key) != after.get(key):
            yield Violation(
                invariant="no partial roll-up",
                text=f"{':'.join(key)} was written although {', '.join(sorted(sources))} could not be read",
            )


def check_journalled(
    label_changes: Iterable[tuple[str, LabelChange]], rows: Iterable[JournalEntry], open_rows: int
) -> Iterator[Violation]:
    """Every label that we turned is in the journal as done, and nothing is left of which nobody knows."""
    done = {
        (row.ref.tracker, row.ref.key.lower(), str(row.payload["label"]).lower(), row.op == "add-label")
        for row in rows
        if row.op in ("add-label", "remove-label") and row.outcome == "done"
    }
    for tracker, each in label_changes:
        if each.by == ROBOT and (tracker, each.issue.lower(), each.label.lower(), each.added) not in done:
            did = "put" if each.added else "took off"
            yield Violation(
                invariant="journalled",
                text=f"we {did} {each.label} on {each.issue} and the journal does not say so",
            )
    if open_rows:
        yield Violation(
            invariant="journalled", text=f"{open_rows} entries of the journal are open at the end"
        )


def _format_labels(labels: Iterable[str]) -> str:
    return "{" + ", ".join(sorted(labels)) + "}"


def _extra_comments(one: VisibleIssue, other: VisibleIssue) -> list[tuple[str, str]]:
    rest = Counter((each.author, each.body) for each in one.comments)
    rest.subtract(Counter((each.author, each.body) for each in other.comments))
    return sorted(key for key, count in rest.items() if count > 0)
