"""The pure planner: observed inputs and recorded state -> assignments, roll-up and changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.model import IssueRef, KnownIssue
from connectors.spec import ConnectorSpec
from mappings.model import Anchor, Overrides, Workspace
from mappings.rules.matcher import Matcher
from sync.config.settings import Settings
from sync.diff.comment_diff import comments_to_remove, diff_comments
from sync.diff.desired_comments import StatusCommentBuilder
from sync.diff.desired_labels import DesiredStateInputs, desired_labels_for
from sync.diff.label_diff import diff_labels
from sync.diff.label_inputs import LabelDiffInputs
from sync.forecast.health.attach import attach_expectations
from sync.model.anchors import anchors_by_subject, issues_by_place
from sync.model.changes import ChangeSet
from sync.model.health import Expectation
from sync.model.labels import DesiredLabels, Notice, RecordedOverrides
from sync.model.planning import Assessment, PlanningInputs, PlanningResult, PreviousPlanning, RecordedState
from sync.model.renames import renamed_capabilities, renamed_labels
from sync.rollup.aggregate import RollupInputs, roll_up
from sync.rollup.baseline import feeding_sources
from sync.runtime.context import RunContext


@dataclass(frozen=True, kw_only=True, slots=True)
class Planner:
    """Plans everything. Time is a value; nothing is read and nothing is written."""

    settings: Settings
    workspace: Workspace
    observed: PlanningInputs
    recorded: RecordedState
    now: datetime
    specs: Mapping[str, ConnectorSpec]
    """Tracker -> specification of its connector."""
    previous: PreviousPlanning | None = None
    """Limits planning to the affected issues; warnings and notices are then those of these issues only."""

    def plan(self) -> PlanningResult:
        """Plan with the forecasts that were recorded last."""
        return self.derive_changes(self.assess(), self.recorded.expectations)

    def assess(self) -> Assessment:
        """Match the issues and roll them up."""
        workspace, observed, recorded = self.workspace, self.observed, self.recorded
        overrides, conflicting_pins = matching_overrides(recorded.overrides, workspace)
        anchors = observed.anchor_issues(workspace, recorded)
        matcher = Matcher(
            workspace, workspace.labels, self.now, frozenset(anchors.values()), observed.closing_times
        )
        matched = matcher.match(self._issues_to_plan().values(), overrides, observed.known.values())
        matched = self.previous.merge_matched(matched) if self.previous else matched
        uncertain = self._unread_feeding_sources(overrides)
        rollup = roll_up(
            RollupInputs(
                workspace=workspace,
                matched=matched,
                known=observed.known,
                baselines=recorded.baselines,
                released=self._released_subjects(anchors),
                uncertain=uncertain,
                evidence=observed.evidence,
                now=self.now,
            )
        )
        return Assessment(
            matched=matched,
            rollup=rollup,
            overrides=overrides,
            conflicting_pins=conflicting_pins,
            uncertain=uncertain,
            anchors=anchors,
        )

    def derive_changes(self, assessment: Assessment, expected: Mapping[str, Expectation]) -> PlanningResult:
        """Derive the changes from an assessment. ``expected``: forecasts by subject."""
        previous, pushed = self.previous, self.recorded.status_comments
        inputs = DesiredStateInputs(
            workspace=self.workspace,
            may_push=self.settings.may_push,
            now=self.now,
            observed=self.observed,
            recorded=self.recorded,
            assessment=assessment,
            rollup=attach_expectations(assessment.rollup, expected),
            known=self._issues_to_plan(),
            is_incremental=previous is not None,
        )
        desired = desired_labels_for(inputs)
        labels = diff_labels(self._label_diff_inputs(inputs.known, desired))
        labels = previous.merge_labels(labels, desired) if previous else labels
        markup = {tracker: spec.markup for tracker, spec in self.specs.items()}
        builder = StatusCommentBuilder(inputs, self.settings, markup)
        desired_comments, reverted = builder.build_all(), self.recorded.overrides.reverted_comments
        comments, comment_notices = diff_comments(
            desired_comments,
            pushed,
            now=self.now,
            counts_every=self.settings.counts_every,
            drift=self.observed.comment_drift,
            reverted=reverted,
        )
        removals = comments_to_remove(pushed, builder.placement(desired_comments), reverted)
        return PlanningResult(
            matched=assessment.matched,
            rollup=inputs.rollup,
            uncertain=assessment.uncertain,
            desired={**previous.planning.desired, **desired} if previous else desired,
            changes=self._possible_changes(
                ChangeSet(
                    labels=labels.changes,
                    comments=comments,
                    removals=(*removals, *self.observed.duplicate_comments),
                )
            ),
            suspicions=labels.suspicions,
            notices=(*labels.notices, *comment_notices, *assessment.conflicting_pins),
            overrides=assessment.overrides,
        )

    def _possible_changes(self, changes: ChangeSet) -> ChangeSet:
        """Leave out changes on trackers that the settings no longer have: nobody can write there."""
        return ChangeSet(
            labels=tuple(each for each in changes.labels if each.ref.tracker in self.specs),
            comments=tuple(each for each in changes.comments if each.ref.tracker in self.specs),
            removals=tuple(each for each in changes.removals if each.ref.tracker in self.specs),
        )

    def _issues_to_plan(self) -> Mapping[IssueRef, KnownIssue]:
        known = self.observed.known
        return {ref: known[ref] for ref in self.previous.affected} if self.previous else known

    def _unread_feeding_sources(self, overrides: Overrides) -> dict[str, tuple[str, ...]]:
        """Return the unread sources of each capability that has any.

        The sources of the last full read count as well. A capability without a source may be fed by mapping files that
        were left out; then these are named.
        """
        observed, coverage = self.observed, self.recorded.source_coverage
        if not observed.unread_sources and not observed.omitted_files:
            return {}
        uncertain = {}
        for capability, sources in feeding_sources(self.workspace, observed.known, overrides).items():
            covered = sources | coverage.get(capability, frozenset())
            omitted = () if sources else observed.omitted_files
            if unread := (*sorted(covered & observed.unread_sources), *omitted):
                uncertain[capability] = unread
        return uncertain

    def _released_subjects(self, issues: Mapping[str, IssueRef]) -> frozenset[str]:
        """Return the subjects whose anchor has ``flag:released``. ``issues``: subject -> anchor.

        An anchor that was not read in this run keeps its stored labels: a failed read does not take a release back.
        """
        observed, anchored = self.observed, anchors_by_subject(self.workspace)
        is_missing = any(anchor not in observed.anchors for anchor in anchored.values())
        last = issues_by_place(observed.known.values() if is_missing else ())

        def is_released(subject: str, anchor: Anchor) -> bool:
            issue = observed.anchors.get(anchor)
            if issue is None and anchor.place in last:
                issue = last[anchor.place].issue
            if issue is None and subject in issues and issues[subject] in observed.known:
                issue = observed.known[issues[subject]].issue
            return issue is not None and self.workspace.labels.has_released_label(issue.labels)

        return frozenset(subject for subject, anchor in anchored.items() if is_released(subject, anchor))

    def _label_diff_inputs(
        self, to_plan: Mapping[IssueRef, KnownIssue], desired: Mapping[IssueRef, DesiredLabels]
    ) -> LabelDiffInputs:
        workspace, recorded = self.workspace, self.recorded
        known = {ref: to_plan[ref] for ref in desired if ref in to_plan}
        live = {ref: item.issue for ref, item in known.items()}
        live |= {issue.ref: issue for issue in self.observed.anchors.values()}
        scheme = workspace.labels
        current_ids = {each.id for increment in workspace.increments for each in increment.capabilities}
        return LabelDiffInputs(
            desired=desired,
            live=live,
            pushed=recorded.pushed_labels,
            overrides=recorded.overrides,
            scheme=scheme,
            capability_ids=frozenset(current_ids | renamed_capabilities(workspace).keys()),
            unproven={
                ref: frozenset(label.lower() for label in scheme.managed(item.first_labels))
                for ref, item in known.items()
                if item.issue.created < recorded.store_created_at and item.first_labels
            },
            renames=renamed_labels(workspace),
            finished_increment_labels=frozenset(
                scheme.label("increment", each) for each in recorded.finished_increments
            ),
            unrecovered=self.observed.unrecovered,
            case_sensitive_trackers=frozenset(
                tracker for tracker, spec in self.specs.items() if spec.traits.labels_case_exact
            ),
        )


def planner_for(
    context: RunContext,
    observed: PlanningInputs,
    recorded: RecordedState,
    previous: PreviousPlanning | None = None,
) -> Planner:
    """Return a planner for the settings, the workspace and the current time of a run."""
    return Planner(
        settings=context.settings,
        workspace=context.workspace,
        observed=observed,
        recorded=recorded,
        now=context.now(),
        specs=context.settings.specs,
        previous=previous,
    )


def matching_overrides(
    recorded: RecordedOverrides, workspace: Workspace
) -> tuple[Overrides, tuple[Notice, ...]]:
    """Return pins and vetoes as capability ids.

    Two pins on one issue cancel out: the rules decide, and a notice names the pins.
    """

    renames = renamed_capabilities(workspace)

    def capabilities(labels: frozenset[str]) -> set[str]:
        named = {workspace.labels.capability_of(label) for label in labels}
        current = {renames.get(name, name) for name in named if name}
        return {name for name in current if workspace.capability(name)}

    pins: dict[IssueRef, str] = {}
    conflicting_pins: list[Notice] = []
    for ref, labels in recorded.pins.items():
        found = capabilities(labels)
        if len(found) == 1:
            pins[ref] = found.pop()
        elif found:
            names = ", ".join(sorted(found))
            conflicting_pins.append(
                Notice(ref=ref, text=f"is pinned to several capabilities ({names}), so the rules decide")
            )
    vetoes = {ref: frozenset(capabilities(labels)) for ref, labels in recorded.vetoes.items()}
    overrides = Overrides(pins=pins, vetoes={ref: ids for ref, ids in vetoes.items() if ids})
    return overrides, tuple(conflicting_pins)
