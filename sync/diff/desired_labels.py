"""Which of our labels and which comment each issue should carry. Values in, values out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.model import Anchor, Assignment, Increment, Matched, Unplanned, Workspace
from sync.model.changes import Reason
from sync.model.labels import Wish
from sync.model.rollup import CapabilityRollup, GoalRollup, Rollup


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
    team: str | None = None
    """Whose labels it gets: the capability's team; a goal has the organisation's."""


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
    unread_anchors: frozenset[IssueRef] = frozenset()
    """Anchors that could not be read in this run, as far as it is known which issues they are."""
    archived: frozenset[IssueRef] = frozenset()
    """Former anchors whose plan is not here any more: they keep what was said last."""
    contested: frozenset[str] = frozenset()
    """Subjects whose anchor another installation keeps."""
    concerned: Collection[IssueRef] | None = None
    """Issues that carried labels of ours or that people decided on. Of the others, those get no wish that have no
    label of ours and should have none: most issues of most trackers. None: every issue gets one."""


def desire_labels(inputs: DesireInputs) -> dict[IssueRef, Wish]:
    """A wish for every known issue and every anchor that was read; anchors get no issue labels."""
    anchors = {issue.ref for issue in inputs.anchors.values()}
    wishing = _Wishing(inputs)
    outcomes: dict[IssueRef, Assignment | Unplanned] = {each.ref: each for each in inputs.matched.unplanned}
    outcomes.update((each.ref, each) for each in inputs.matched.assignments)
    wishes = {
        ref: wishing.wish(item, outcomes.get(ref))
        for ref, item in inputs.known.items()
        if not item.vanished and (ref in outcomes or wishing.concerns_us(item))
    }
    for issue in inputs.anchors.values():
        wishes[issue.ref] = _untouched(issue)
    for ref in ((inputs.archived | inputs.unread_anchors) - anchors) & wishes.keys():
        wishes[ref] = _untouched(inputs.known[ref].issue)
    for subject in subjects(inputs):
        wishes[subject.anchor.ref] = _anchor_wish(subject, inputs)
    return wishes


def _untouched(issue: Issue) -> Wish:
    return Wish(ref=issue.ref, container=issue.container, read=False, may_write=False, is_anchor=True)


def subjects(inputs: DesireInputs) -> Iterator[Subject]:
    """Every capability and goal whose anchor was read, is ours, and whose increment is still written to."""
    return (each for each in _anchored(inputs) if each.name not in inputs.contested)


def _anchored(inputs: DesireInputs) -> Iterator[Subject]:
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
                        team=capability.team,
                    )


_T = TypeVar("_T")


def _found(rollup: _T | None) -> _T:
    """Every capability and goal of the plans is rolled up; a hole would be a bug."""
    if rollup is None:
        raise LookupError("the plan names something that was not rolled up")
    return rollup


class _Wishing:
    """What issues should carry. Whatever is the same for many of them is worked out once."""

    def __init__(self, inputs: DesireInputs) -> None:
        self._inputs = inputs
        workspace, scheme = inputs.workspace, inputs.scheme
        self._places = {
            each.id: (increment, each)
            for increment in workspace.increments
            for each in increment.capabilities
        }
        self._by_assignment: dict[tuple[str, str, str | None, str], dict[str, Reason]] = {}
        self._teams_by_sources: dict[frozenset[str], set[str]] = {}
        self._has_ours: dict[frozenset[str], bool] = {}
        self._asking = {team.team for team in workspace.teams if team.label_unplanned}
        past = [increment for increment in workspace.increments if increment.phase(inputs.now) == "closed"]
        self._past = {scheme.label("increment", increment.id) for increment in past} | {
            scheme.label("capability", each.id) for increment in past for each in increment.capabilities
        }

    def wish(self, item: KnownIssue, outcome: Assignment | Unplanned | None) -> Wish:
        inputs, issue = self._inputs, item.issue
        assignment, unplanned = (outcome, None) if isinstance(outcome, Assignment) else (None, outcome)
        stray = bool(inputs.strays) and issue.ref in inputs.strays
        teams = self._owners(issue) if stray else self._teams(item, assignment)
        return Wish(
            ref=issue.ref,
            container=issue.container,
            labels=self._assigned(assignment) if assignment else self._left_over(issue, unplanned),
            read=stray or not item.sources <= inputs.unread,
            may_write=any(map(inputs.may_push, teams)) and not self._is_finished(assignment),
            no_pure_removal=bool(inputs.uncertain) and self._was_in_uncertain(issue),
            team=assignment.team if assignment else self._asking_first(unplanned),
        )

    def concerns_us(self, item: KnownIssue) -> bool:
        """Whether an issue without any outcome has to be looked at all the same."""
        inputs, issue = self._inputs, item.issue
        if inputs.concerned is None or issue.ref in inputs.concerned or issue.ref in inputs.strays:
            return True
        if issue.labels not in self._has_ours:
            self._has_ours[issue.labels] = any(map(inputs.scheme.family, issue.labels))
        return self._has_ours[issue.labels]

    def _teams(self, item: KnownIssue, assignment: Assignment | None) -> set[str]:
        """The team that has the issue; without one, the teams that have its source."""
        if assignment:
            return {assignment.team}
        if item.sources not in self._teams_by_sources:
            self._teams_by_sources[item.sources] = {
                team.team
                for team in self._inputs.workspace.teams
                if any(source.name in item.sources for source in team.sources)
            }
        return self._teams_by_sources[item.sources]

    def _owners(self, issue: Issue) -> set[str]:
        """The teams of the capabilities whose labels an issue carries; any team for one that was an anchor."""
        named = {self._inputs.scheme.capability_of(label) for label in issue.labels}
        teams = {self._places[name][1].team for name in named if name in self._places}
        return teams or {team.team for team in self._inputs.workspace.teams}

    def _is_finished(self, assignment: Assignment | None) -> bool:
        if assignment is None or assignment.capability not in self._places:
            return False
        return self._places[assignment.capability][0].id in self._inputs.finished

    def _was_in_uncertain(self, issue: Issue) -> bool:
        named = {self._inputs.scheme.capability_of(label) for label in issue.labels}
        return any(capability in self._inputs.uncertain for capability in named if capability)

    def _assigned(self, assignment: Assignment) -> dict[str, Reason]:
        key = assignment.capability, assignment.team, assignment.rule, assignment.by
        if key not in self._by_assignment:
            self._by_assignment[key] = self._labels_of(assignment)
        return self._by_assignment[key]

    def _labels_of(self, assignment: Assignment) -> dict[str, Reason]:
        if assignment.capability not in self._places:
            return {}
        increment, capability = self._places[assignment.capability]
        text = (
            f"rule {assignment.rule} of team {assignment.team} assigns it to {capability.id}"
            if assignment.by == "rule"
            else f"a person pinned it to {capability.id}"
        )
        reason = Reason(text=text, rule=assignment.rule)
        return {
            self._inputs.scheme.label("increment", increment.id, assignment.team): reason,
            self._inputs.scheme.label("capability", capability.id, assignment.team): reason,
        }

    def _left_over(self, issue: Issue, unplanned: Unplanned | None) -> dict[str, Reason]:
        labels: dict[str, Reason] = {}
        if team := self._asking_first(unplanned):
            reason = Reason(text="no rule assigns it (unplanned work)")
            labels[self._inputs.scheme.label("unplanned", team=team)] = reason
        return labels | self._of_past_increments(issue)

    def _asking_first(self, unplanned: Unplanned | None) -> str | None:
        """Of the teams that have an unplanned issue and want it labelled, the first by name."""
        return min(self._asking.intersection(unplanned.teams), default=None) if unplanned else None

    def _of_past_increments(self, issue: Issue) -> dict[str, Reason]:
        """What was done in an increment that is closed keeps its labels, also when rules have moved on since."""
        if issue.category != "done" or not self._past:
            return {}
        reason, scheme = Reason(text="it was done in an increment that is closed"), self._inputs.scheme
        kept = {scheme.modern(label) for label in issue.labels if scheme.canonical(label) in self._past}
        return dict.fromkeys(sorted(kept), reason)


def _anchor_wish(subject: Subject, inputs: DesireInputs) -> Wish:
    rollup = subject.rollup
    said: dict[tuple[str, str], str] = {
        ("state", rollup.state): f"{subject.name} is {rollup.state} by its issues"
    }
    if rollup.health:
        said["health", rollup.health] = f"forecast of {subject.name}"
    if rollup.blocked:
        said["flag", "blocked"] = "all started work is blocked"
    if isinstance(rollup, CapabilityRollup) and rollup.scope.flag:
        said["flag", "scope-growth"] = "scope grew beyond a quarter of the baseline"
    return Wish(
        ref=subject.anchor.ref,
        container=subject.anchor.container,
        labels={
            inputs.scheme.label(family, value, subject.team): Reason(text=text)
            for (family, value), text in said.items()
        },
        read=not subject.uncertain,
        may_write=subject.may_push,
        is_anchor=True,
        team=subject.team,
    )
