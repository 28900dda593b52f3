"""Desired labels of issues and anchors. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.model import Assignment, Increment, Unplanned, Workspace
from sync.model.anchors import planned_subjects
from sync.model.changes import Reason
from sync.model.labels import DesiredLabels
from sync.model.planning import Assessment, PlanningInputs, RecordedState
from sync.model.rollup import CapabilityRollup, GoalRollup, Rollup


@dataclass(frozen=True, kw_only=True, slots=True)
class AnchoredSubject:
    """A capability or goal with an anchor that was read."""

    name: str
    """``capability:<id>`` or ``goal:<id>``."""
    anchor: Issue
    increment: Increment
    rollup: CapabilityRollup | GoalRollup
    may_push: bool
    team: str | None
    """Team that sets prefix and color, see ``PlannedSubject.capability_team``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DesiredStateInputs:
    """Everything that desired labels and comments depend on."""

    workspace: Workspace
    may_push: Callable[[str], bool]
    now: datetime
    observed: PlanningInputs
    recorded: RecordedState
    assessment: Assessment
    rollup: Rollup
    """Roll-up with health."""
    known: Mapping[IssueRef, KnownIssue]
    """Issues to plan."""
    is_incremental: bool = False
    """Every issue in ``known`` gets an entry.

    Otherwise issues get none if they neither have nor need a managed label, which are most issues of a tracker."""


def desired_labels_for(inputs: DesiredStateInputs) -> dict[IssueRef, DesiredLabels]:
    """Return the desired labels of every relevant issue and every anchor that was read.

    An anchor gets state labels only, never those of an issue.
    """
    builder, matched = _DesiredLabelsBuilder(inputs), inputs.assessment.matched
    results: dict[IssueRef, Assignment | Unplanned] = {each.ref: each for each in matched.unplanned}
    results.update((each.ref, each) for each in matched.assignments)
    desired = {
        ref: builder.build(item, results.get(ref))
        for ref, item in inputs.known.items()
        if not item.vanished and (ref in results or builder.is_relevant(item))
    }
    anchors = {issue.ref: issue for issue in inputs.observed.anchors.values()}
    planned_anchors = frozenset(inputs.assessment.anchors.values())
    archived = inputs.recorded.archived_anchors(inputs.workspace)
    desired |= {ref: _leave_untouched(issue) for ref, issue in anchors.items()}
    for ref in ((archived | planned_anchors) - anchors.keys()) & desired.keys():
        desired[ref] = _leave_untouched(inputs.known[ref].issue)
    for subject in anchored_subjects(inputs):
        desired[subject.anchor.ref] = _desired_anchor_labels(subject, inputs)
    return desired


def _leave_untouched(issue: Issue) -> DesiredLabels:
    return DesiredLabels(
        ref=issue.ref, container=issue.container, fully_read=False, may_write=False, is_anchor=True
    )


def anchored_subjects(inputs: DesiredStateInputs) -> Iterator[AnchoredSubject]:
    """Return each capability and goal whose anchor was read, is ours and still gets writes.

    Raise LookupError if the plan names something that was not rolled up.
    """
    for planned in planned_subjects(inputs.workspace):
        anchor = inputs.observed.anchors.get(planned.anchor) if planned.anchor else None
        if (
            anchor is None
            or planned.increment.id in inputs.recorded.finished_increments
            or planned.name in inputs.observed.contested_subjects
        ):
            continue
        rollup = inputs.rollup.subject(planned.name)
        if rollup is None:
            raise LookupError("the plan names something that was not rolled up")
        yield AnchoredSubject(
            name=planned.name,
            anchor=anchor,
            increment=planned.increment,
            rollup=rollup,
            # A goal's comment speaks for all its teams, so all of them must have switched writing on.
            may_push=bool(planned.teams) and all(map(inputs.may_push, planned.teams)),
            team=planned.capability_team,
        )


class _DesiredLabelsBuilder:
    """Builds the desired labels of issues. Values that many issues share are computed once."""

    def __init__(self, inputs: DesiredStateInputs) -> None:
        self._inputs = inputs
        workspace = inputs.workspace
        self._scheme = scheme = workspace.labels
        self._capabilities = {
            each.id: (increment, each)
            for increment in workspace.increments
            for each in increment.capabilities
        }
        self._assignment_labels = cache(self._labels_by_assignment)
        self._teams_of_sources = cache(self._teams_by_sources)
        self._has_managed = cache(lambda labels: any(map(scheme.family_of, labels)))
        recorded = inputs.recorded
        self._relevant = {*recorded.pushed_labels, *recorded.overrides.refs}
        """Issues that carried managed labels or have overrides."""
        self._labeling_teams = {team.team for team in workspace.teams if team.label_unplanned}
        past = [increment for increment in workspace.increments if increment.phase(inputs.now) == "closed"]
        self._past_labels = {scheme.label("increment", increment.id) for increment in past} | {
            scheme.label("capability", each.id) for increment in past for each in increment.capabilities
        }

    def build(self, item: KnownIssue, result: Assignment | Unplanned | None) -> DesiredLabels:
        """Return the desired labels of an issue and the limits on writing them."""
        inputs, issue, finished = self._inputs, item.issue, False
        team: str | None
        if isinstance(result, Assignment):
            team, teams = result.team, {result.team}
            finished = self._is_in_finished_increment(result.capability)
            labels = self._assignment_labels(result.capability, team, result.rule, result.by)
        else:
            team, teams = self._labeling_team(result), self._teams_of_sources(item.sources)
            labels = self._unassigned_labels(issue, team)
        is_orphan = bool(inputs.observed.orphans) and issue.ref in inputs.observed.orphans
        if is_orphan:
            teams = self._teams_of_labels(issue)
        return DesiredLabels(
            ref=issue.ref,
            container=issue.container,
            labels=labels,
            fully_read=is_orphan or not self._is_unread(item),
            may_write=any(map(inputs.may_push, teams)) and not finished,
            no_pure_removal=bool(inputs.assessment.uncertain) and self._has_uncertain_capability(issue),
            team=team,
        )

    def is_relevant(self, item: KnownIssue) -> bool:
        """Return True if an issue without an assignment may still need label changes."""
        inputs, ref = self._inputs, item.issue.ref
        if inputs.is_incremental or ref in self._relevant or ref in inputs.observed.orphans:
            return True
        return self._has_managed(item.issue.labels)

    def _is_unread(self, item: KnownIssue) -> bool:
        observed = self._inputs.observed
        return item.issue.ref in observed.unreadable or item.sources <= observed.unread_sources

    def _teams_by_sources(self, sources: frozenset[str]) -> set[str]:
        teams = self._inputs.workspace.teams
        return {team.team for team in teams if any(source.name in sources for source in team.sources)}

    def _teams_of_labels(self, issue: Issue) -> set[str]:
        """Return the teams of the capabilities that the labels name.

        All teams if the labels name none, as on a former anchor.
        """
        named = {self._scheme.capability_of(label) for label in issue.labels}
        teams = {self._capabilities[name][1].team for name in named if name in self._capabilities}
        return teams or {team.team for team in self._inputs.workspace.teams}

    def _is_in_finished_increment(self, capability: str) -> bool:
        finished = self._inputs.recorded.finished_increments
        return capability in self._capabilities and self._capabilities[capability][0].id in finished

    def _has_uncertain_capability(self, issue: Issue) -> bool:
        named = {self._scheme.capability_of(label) for label in issue.labels}
        return any(capability in self._inputs.assessment.uncertain for capability in named if capability)

    def _labels_by_assignment(
        self, capability_id: str, team: str, rule: str | None, by: str
    ) -> dict[str, Reason]:
        if capability_id not in self._capabilities:
            return {}
        increment = self._capabilities[capability_id][0]
        by_rule = f"rule {rule} of team {team} assigns it to {capability_id}"
        text = by_rule if by == "rule" else f"a person pinned it to {capability_id}"
        reason = Reason(text=text, rule=rule)
        return {
            self._scheme.label("increment", increment.id, team): reason,
            self._scheme.label("capability", capability_id, team): reason,
        }

    def _unassigned_labels(self, issue: Issue, team: str | None) -> dict[str, Reason]:
        labels: dict[str, Reason] = {}
        if team:
            reason = Reason(text="no rule assigns it (unplanned work)")
            labels[self._scheme.label("unplanned", team=team)] = reason
        return labels | self._past_increment_labels(issue)

    def _labeling_team(self, unplanned: Unplanned | None) -> str | None:
        """Return the first team by name that has the unplanned issue and sets ``label_unplanned``."""
        return min(self._labeling_teams.intersection(unplanned.teams), default=None) if unplanned else None

    def _past_increment_labels(self, issue: Issue) -> dict[str, Reason]:
        """Return the labels of closed increments on a done issue. They stay, even if rules have changed since."""
        if issue.category != "done" or not self._past_labels:
            return {}
        reason, scheme = Reason(text="done in an increment that is closed"), self._scheme
        remaining = {
            scheme.with_current_prefix(label)
            for label in issue.labels
            if scheme.canonical_name(label) in self._past_labels
        }
        return dict.fromkeys(sorted(remaining), reason)


def _desired_anchor_labels(subject: AnchoredSubject, inputs: DesiredStateInputs) -> DesiredLabels:
    rollup = subject.rollup
    facts: dict[tuple[str, str], str] = {
        ("state", rollup.state): f"{subject.name} is {rollup.state} by its issues"
    }
    if rollup.health:
        facts["health", rollup.health] = f"forecast of {subject.name}"
    if rollup.blocked:
        facts["flag", "blocked"] = "all started work is blocked"
    if isinstance(rollup, CapabilityRollup) and rollup.scope.exceeds_threshold:
        facts["flag", "scope-growth"] = "scope grew beyond a quarter of the baseline"
    return DesiredLabels(
        ref=subject.anchor.ref,
        container=subject.anchor.container,
        labels={
            inputs.workspace.labels.label(family, value, subject.team): Reason(text=text)
            for (family, value), text in facts.items()
        },
        fully_read=not rollup.uncertain,
        may_write=subject.may_push,
        is_anchor=True,
        team=subject.team,
    )
