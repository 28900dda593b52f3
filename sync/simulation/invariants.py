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
from sync.simulation.user_actions import Face, Toggle
from sync.store import JournalRow

Rule = Literal[
    "converges", "second run is empty", "one comment", "people first", "no flapping", "no partial roll-up",
    "journalled", "no bug",
]  # fmt: skip
Key = tuple[str, str]
"""Tracker and issue key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A rule that did not hold."""

    rule: Rule
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """Where a world stands when everything has calmed down, as far as it is to be the same in the twin."""

    faces: Mapping[Key, Face]
    pushed: frozenset[tuple[str, str, str]]
    """(tracker, issue key, label) that we hold for ours."""
    decided: frozenset[tuple[str, str, str, str]]
    """(tracker, issue key, kind, label) of people's decisions."""
    comments: Mapping[str, str] = field(default_factory=dict)
    """Subject -> what we hold for the state of its comment."""


def differences(twin: End, end: End) -> Iterator[Broken]:
    """Everything in which the end differs from that of the twin."""
    for key in sorted(twin.faces.keys() | end.faces.keys()):
        wanted, found = twin.faces.get(key), end.faces.get(key)
        name = ":".join(key)
        if wanted is None or found is None:
            yield Broken(rule="converges", text=f"{name} is there in one world only")
            continue
        if wanted.labels != found.labels:
            yield Broken(
                rule="converges",
                text=f"{name} has the labels {_listed(found.labels)}, its twin {_listed(wanted.labels)}",
            )
        if wanted.comments != found.comments:
            missing, extra = _odd(wanted, found), _odd(found, wanted)
            yield Broken(
                rule="converges", text=f"{name} has other comments: lacks {missing}, has besides {extra}"
            )
    for what in ("pushed", "decided"):
        here, there = getattr(end, what), getattr(twin, what)
        if here != there:
            yield Broken(
                rule="converges",
                text=f"{what}: lacks {sorted(there - here)}, has besides {sorted(here - there)}",
            )
    if twin.comments != end.comments:
        yield Broken(rule="converges", text=f"comments: {dict(end.comments)}, its twin {dict(twin.comments)}")


def one_comment(faces: Mapping[Key, Face]) -> Iterator[Broken]:
    """An issue stands for one thing at most, so that one comment of ours is enough."""
    for (tracker, key), face in faces.items():
        count = sum(each.author == ROBOT for each in face.comments)
        if count > 1:
            yield Broken(rule="one comment", text=f"{tracker}:{key} has {count} comments of ours")


def people_first(
    toggles: Iterable[Toggle], scheme: LabelScheme, *, ours_before: frozenset[str] = frozenset()
) -> Iterator[Broken]:
    """We change labels of our families alone, and never one about which a person had the last word."""
    last: dict[tuple[str, str], Toggle] = {}
    for toggle in toggles:
        before = last.get((toggle.issue, toggle.label))
        last[toggle.issue, toggle.label] = toggle
        if toggle.by != ROBOT or toggle.issue in ours_before:
            continue
        did = "put" if toggle.put else "took off"
        if scheme.family(toggle.label) is None:
            yield Broken(rule="people first", text=f"we {did} {toggle.label} on {toggle.issue}")
        elif before and before.by != ROBOT and before.put != toggle.put:
            yield Broken(
                rule="people first",
                text=f"we {did} {toggle.label} on {toggle.issue} after a person did the opposite",
            )


def still_said(said: Iterable[tuple[Key, str]], faces: Mapping[Key, Face]) -> Iterator[Broken]:
    """What people wrote is there."""
    for key, text in said:
        if all(each.body != text for each in faces[key].comments):
            yield Broken(
                rule="people first", text=f"a person's comment on {':'.join(key)} is gone or changed"
            )


def no_flapping(toggles: Iterable[Toggle], edits: int) -> Iterator[Broken]:
    """Each thing that people did may turn a label once, besides the first time."""
    counted = Counter((each.issue, each.label) for each in toggles if each.by == ROBOT)
    for (issue, label), count in counted.items():
        if count > 1 + edits:
            yield Broken(
                rule="no flapping",
                text=f"{label} was put on {issue} and taken off {count} times by us, and people did {edits} things",
            )


def no_flapping_within(toggles: Iterable[Toggle]) -> Iterator[Broken]:
    """One run does not take back what it did."""
    ours = sorted((t for t in toggles if t.by == ROBOT), key=lambda each: (each.issue, each.label))
    for (issue, label), group in groupby(ours, key=lambda each: (each.issue, each.label)):
        if len(list(group)) > 1:
            yield Broken(rule="no flapping", text=f"one run turned {label} on {issue} more than once")


def fed_anchors(workspace: Workspace, sources: frozenset[str]) -> frozenset[Key]:
    """The anchors of everything that one of these sources feeds."""
    fed = {
        rule.assign
        for team in workspace.teams
        if sources & {source.name for source in team.sources}
        for rule in team.rules
    }
    anchors: set[Key] = set()
    for increment in workspace.increments:
        for goal in increment.goals:
            concerned = [each for each in goal.capabilities if each.id in fed]
            for anchor in (*(each.anchor for each in concerned), goal.anchor if concerned else None):
                if anchor:
                    anchors.add((anchor.tracker, anchor.key))
    return frozenset(anchors)


def no_partial_rollup(
    fed: frozenset[Key], before: Mapping[Key, Face], after: Mapping[Key, Face], sources: frozenset[str]
) -> Iterator[Broken]:
    """Nothing is written on the anchors of what an unread source feeds."""
    for key in sorted(fed):
        if before.get(key) != after.get(key):
            yield Broken(
                rule="no partial roll-up",
                text=f"{':'.join(key)} was written although {', '.join(sorted(sources))} could not be read",
            )


def journalled(
    toggles: Iterable[tuple[str, Toggle]], rows: Iterable[JournalRow], open_rows: int
) -> Iterator[Broken]:
    """Every label that we turned is in the journal as done, and nothing is left of which nobody knows."""
    done = {
        (row.ref.tracker, row.ref.key.lower(), str(row.payload["label"]).lower(), row.op == "add-label")
        for row in rows
        if row.op in ("add-label", "remove-label") and row.outcome == "done"
    }
    for tracker, each in toggles:
        if each.by == ROBOT and (tracker, each.issue.lower(), each.label.lower(), each.put) not in done:
            did = "put" if each.put else "took off"
            yield Broken(
                rule="journalled",
                text=f"we {did} {each.label} on {each.issue} and the journal does not say so",
            )
    if open_rows:
        yield Broken(rule="journalled", text=f"{open_rows} entries of the journal are open at the end")


def _listed(labels: Iterable[str]) -> str:
    return "{" + ", ".join(sorted(labels)) + "}"


def _odd(one: Face, other: Face) -> list[tuple[str, str]]:
    rest = Counter((each.author, each.body) for each in one.comments)
    rest.subtract(Counter((each.author, each.body) for each in other.comments))
    return sorted(key for key, count in rest.items() if count > 0)
