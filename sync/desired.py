"""Which of our labels and which comment each issue should carry. Values in, values out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.model import Anchor, Assignment, Increment, Matched, Unplanned, Workspace
from sync.changes import Reason
from sync.rollup_model import CapabilityRollup, GoalRollup, Rollup


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """Our labels that one issue should carry, and how far we may go to get there."""

    ref: IssueRef
    container: str
    labels: Mapping[str, Reason] = field(default_factory=dict)
    read: bool = True
    """The issue was read whole in this run; otherwise nothing is concluded about it."""
    may_write: bool = True
    """Writing is switched on for its team, and its increment is not closed for good."""
    no_pure_removal: bool = False
    """A label may go only when another of its family comes: a source that feeds it was not read."""
    is_anchor: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A capability or goal that has an anchor, with what is said about it."""

    name: str
    """``capability:<id>`` or ``goal:<id>``."""
    anchor: Issue
    increment: Increment
    rollup: CapabilityRollup | GoalRollup
    uncertain: tuple[str, ...]
    may_push: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DesireInputs:
    workspace: Workspace
    matched: Matched
    rollup: Rollup
    known: Mapping[IssueRef, KnownIssue]
    anchors: Mapping[Anchor, Issue]
    """The anchors that could be read in this run."""
    unread: frozenset[str]
    """Names of the sources that were not read whole in this run."""
    uncertain: Mapping[str, tuple[str, ...]]
    """Capability id -> sources feeding it that were not read whole."""
    strays: frozenset[IssueRef] = frozenset()
    """Issues of no source that still carry our labels and were read directly."""
    scheme: LabelScheme
    may_push: Callable[[str], bool]
    finished: frozenset[str]
    """Increments that had their last write after closing."""
    now: datetime
    archived: frozenset[IssueRef] = frozenset()
    """Former anchors whose plan is not here any more: they keep what was said last."""


def desire_labels(inputs: DesireInputs) -> dict[IssueRef, Wish]:
    """A wish for every known issue and every anchor that was read; anchors get no issue labels."""
    anchors = {issue.ref for issue in inputs.anchors.values()}
    assigned = {assignment.ref: assignment for assignment in inputs.matched.assignments}
    unplanned = {item.ref: item for item in inputs.matched.unplanned}
    wishes = {
        ref: _issue_wish(inputs, item, assigned.get(ref), unplanned.get(ref))
        for ref, item in inputs.known.items()
        if ref not in anchors and not item.vanished
    }
    for issue in inputs.anchors.values():
        wishes[issue.ref] = _untouched(issue)
    for ref in inputs.archived & frozenset(wishes) - anchors:
        wishes[ref] = _untouched(inputs.known[ref].issue)
    for subject in subjects(inputs):
        wishes[subject.anchor.ref] = _anchor_wish(subject, inputs)
    return wishes


def _untouched(issue: Issue) -> Wish:
    return Wish(ref=issue.ref, container=issue.container, read=False, may_write=False, is_anchor=True)


def subjects(inputs: DesireInputs) -> Iterator[Subject]:
    """Every capability and goal whose anchor was read and whose increment is still written to."""
    for increment in inputs.workspace.increments:
        if increment.id in inputs.finished:
            continue
        for goal in increment.goals:
            teams = {capability.team for capability in goal.capabilities}
            if goal.anchor and goal.anchor in inputs.anchors:
                goal_rollup = _found(inputs.rollup.goal(goal.id))
                yield Subject(
                    name=f"goal:{goal.id}",
                    anchor=inputs.anchors[goal.anchor],
                    increment=increment,
                    rollup=goal_rollup,
                    uncertain=goal_rollup.uncertain,
                    # A goal's comment speaks for all its teams, so all of them must have switched writing on.
                    may_push=bool(teams) and all(inputs.may_push(team) for team in teams),
                )
            for capability in goal.capabilities:
                if capability.anchor and capability.anchor in inputs.anchors:
                    capability_rollup = _found(inputs.rollup.capability(capability.id))
                    yield Subject(
                        name=f"capability:{capability.id}",
                        anchor=inputs.anchors[capability.anchor],
                        increment=increment,
                        rollup=capability_rollup,
                        uncertain=capability_rollup.uncertain,
                        may_push=inputs.may_push(capability.team),
                    )


_T = TypeVar("_T")


def _found(rollup: _T | None) -> _T:
    """Every capability and goal of the plans is rolled up; a hole would be a bug."""
    if rollup is None:
        raise LookupError("the plan names something that was not rolled up")
    return rollup


def _issue_wish(
    inputs: DesireInputs, item: KnownIssue, assignment: Assignment | None, unplanned: Unplanned | None
) -> Wish:
    labels = (
        _assigned_labels(inputs, assignment)
        if assignment
        else _unplanned_labels(inputs, unplanned) | _labels_of_past_increments(inputs, item.issue)
    )
    stray = item.issue.ref in inputs.strays
    teams = _owners(inputs, item.issue) if stray else _teams(inputs.workspace, item, assignment)
    return Wish(
        ref=item.issue.ref,
        container=item.issue.container,
        labels=labels,
        read=stray or bool(item.sources - inputs.unread),
        may_write=any(inputs.may_push(team) for team in teams) and not _is_finished(inputs, assignment),
        no_pure_removal=_was_in_uncertain(inputs, item.issue),
    )


def _teams(workspace: Workspace, item: KnownIssue, assignment: Assignment | None) -> set[str]:
    """The team that has the issue; without one, the teams that have its source."""
    if assignment:
        return {assignment.team}
    return {team.team for team in workspace.teams if {s.name for s in team.sources} & item.sources}


def _owners(inputs: DesireInputs, issue: Issue) -> set[str]:
    """The teams of the capabilities whose labels an issue carries; any team for one that was an anchor."""
    named = {inputs.scheme.capability_of(label) for label in issue.labels}
    found = [inputs.workspace.capability(name) for name in named if name]
    teams = {each[2].team for each in found if each}
    return teams or {team.team for team in inputs.workspace.teams}


def _is_finished(inputs: DesireInputs, assignment: Assignment | None) -> bool:
    if assignment is None:
        return False
    found = inputs.workspace.capability(assignment.capability)
    return found is not None and found[0].id in inputs.finished


def _was_in_uncertain(inputs: DesireInputs, issue: Issue) -> bool:
    named = {inputs.scheme.capability_of(label) for label in issue.labels}
    return any(capability in inputs.uncertain for capability in named if capability)


def _assigned_labels(inputs: DesireInputs, assignment: Assignment) -> dict[str, Reason]:
    found = inputs.workspace.capability(assignment.capability)
    if found is None:
        return {}
    increment, _, capability = found
    text = (
        f"rule {assignment.rule} of team {assignment.team} assigns it to {capability.id}"
        if assignment.by == "rule"
        else f"a person pinned it to {capability.id}"
    )
    reason = Reason(text=text, rule=assignment.rule)
    return {
        inputs.scheme.label("increment", increment.id): reason,
        inputs.scheme.label("capability", capability.id): reason,
    }


def _unplanned_labels(inputs: DesireInputs, unplanned: Unplanned | None) -> dict[str, Reason]:
    if unplanned is None:
        return {}
    asking = {team.team for team in inputs.workspace.teams if team.label_unplanned}
    if not asking & set(unplanned.teams):
        return {}
    return {inputs.scheme.label("unplanned"): Reason(text="no rule assigns it (unplanned work)")}


def _labels_of_past_increments(inputs: DesireInputs, issue: Issue) -> dict[str, Reason]:
    """What was done in an increment that is closed keeps its labels, also when rules have moved on since."""
    if issue.category != "done":
        return {}
    reason = Reason(text="it was done in an increment that is closed")
    past = [increment for increment in inputs.workspace.increments if increment.phase(inputs.now) == "closed"]
    kept = {inputs.scheme.label("increment", increment.id) for increment in past} | {
        inputs.scheme.label("capability", capability.id)
        for increment in past
        for capability in increment.capabilities
    }
    return dict.fromkeys(sorted(kept & {label.lower() for label in issue.labels}), reason)


def _anchor_wish(subject: Subject, inputs: DesireInputs) -> Wish:
    rollup, scheme = subject.rollup, inputs.scheme
    labels = {
        scheme.label("state", rollup.state): Reason(text=f"{subject.name} is {rollup.state} by its issues")
    }
    if rollup.health:
        labels[scheme.label("health", rollup.health)] = Reason(text=f"forecast of {subject.name}")
    if rollup.blocked:
        labels[scheme.label("flag", "blocked")] = Reason(text="all started work is blocked")
    if isinstance(rollup, CapabilityRollup) and rollup.scope.flag:
        labels[scheme.label("flag", "scope-growth")] = Reason(
            text="scope grew beyond a quarter of the baseline"
        )
    return Wish(
        ref=subject.anchor.ref,
        container=subject.anchor.container,
        labels=labels,
        read=not subject.uncertain,
        may_write=subject.may_push,
        is_anchor=True,
    )
