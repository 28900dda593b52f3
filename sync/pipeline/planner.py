"""The pure planner: observed inputs and recorded state -> assignments, roll-up and changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from connectors.model import IssueRef, KnownIssue
from mappings.labels import LabelScheme
from mappings.model import Anchor, Overrides, Workspace
from mappings.rules.matcher import Matcher
from sync.config.settings import Settings
from sync.diff.comment_diff import comments_to_remove, diff_comments
from sync.diff.desired_comments import StatusCommentBuilder
from sync.diff.desired_labels import DesiredStateInputs, desired_labels_for
from sync.diff.label_diff import diff_labels
from sync.diff.label_inputs import LabelDiffInputs
from sync.forecast.health.attach import attach_expectations
from sync.model.anchors import anchors_by_subject
from sync.model.changes import ChangeSet, CommentChange, CommentRemoval
from sync.model.health import Expectation
from sync.model.labels import DesiredLabels, Notice, RecordedOverrides
from sync.model.planning import Assessment, PlanningInputs, PlanningResult, PreviousPlanning, RecordedState
from sync.model.renames import renamed_capabilities, renamed_labels
from sync.model.rollup import Rollup
from sync.rollup.aggregate import RollupInputs, roll_up
from sync.rollup.baseline import feeding_sources


def plan_changes(
    settings: Settings,
    workspace: Workspace,
    observed: PlanningInputs,
    recorded: RecordedState,
    *,
    now: datetime,
    markup: Mapping[str, str],
    previous: PreviousPlanning | None = None,
) -> PlanningResult:
    """Plan everything. Time is an argument; nothing is read and nothing is written.

    Forecasts are those recorded last. ``previous`` limits planning to the affected issues; warnings and notices are
    then those of these issues only.
    """
    assessment = assess(workspace, observed, recorded, now=now, previous=previous)
    expected = recorded.expectations
    return derive_changes(
        settings, workspace, observed, recorded, assessment, expected, now=now, markup=markup
    )


def assess(
    workspace: Workspace,
    observed: PlanningInputs,
    recorded: RecordedState,
    *,
    now: datetime,
    previous: PreviousPlanning | None = None,
) -> Assessment:
    """Match the issues and roll them up."""
    scheme = workspace.labels
    renames = renamed_capabilities(workspace)
    overrides, conflicting_pins = matching_overrides(recorded.overrides, scheme, workspace, renames)
    to_plan = _issues_to_plan(observed, previous)
    anchors = observed.anchor_issues(workspace, recorded)
    matcher = Matcher(workspace, scheme, now, frozenset(anchors.values()))
    matched = matcher.match(to_plan.values(), overrides, observed.known.values())
    matched = previous.merge_matched(matched) if previous else matched
    uncertain = _unread_feeding_sources(workspace, observed, overrides, recorded.source_coverage)
    rollup = roll_up(
        RollupInputs(
            workspace=workspace,
            matched=matched,
            known=observed.known,
            baselines=recorded.baselines,
            released=_released_subjects(observed, workspace, scheme, anchors),
            uncertain=uncertain,
            evidence=observed.evidence,
            now=now,
        )
    )
    return Assessment(
        matched=matched,
        rollup=rollup,
        overrides=overrides,
        conflicting_pins=conflicting_pins,
        uncertain=uncertain,
        anchors=anchors,
        previous=previous,
    )


def derive_changes(
    settings: Settings,
    workspace: Workspace,
    observed: PlanningInputs,
    recorded: RecordedState,
    assessment: Assessment,
    expected: Mapping[str, Expectation],
    *,
    now: datetime,
    markup: Mapping[str, str],
) -> PlanningResult:
    """Derive the changes from an assessment. ``expected``: forecasts by subject."""
    previous = assessment.previous
    rollup = attach_expectations(assessment.rollup, expected)
    inputs = _desired_state_inputs(settings, workspace, observed, recorded, assessment, rollup, now)
    desired = desired_labels_for(inputs)
    case_sensitive = frozenset(tracker for tracker, kind in markup.items() if kind == "jira")
    labels = diff_labels(_label_diff_inputs(inputs, desired, observed, recorded, case_sensitive))
    labels = previous.merge_labels(labels, desired) if previous else labels
    builder = StatusCommentBuilder(inputs, settings, recorded, observed, assessment.overrides, markup)
    comments, removals, comment_notices = _diff_status_comments(builder, settings, observed, recorded, now)
    return PlanningResult(
        matched=assessment.matched,
        rollup=rollup,
        uncertain=assessment.uncertain,
        desired={**previous.planning.desired, **desired} if previous else desired,
        changes=ChangeSet(labels=labels.changes, comments=comments, removals=removals),
        suspicions=labels.suspicions,
        notices=(*labels.notices, *comment_notices, *assessment.conflicting_pins),
        overrides=assessment.overrides,
    )


def _diff_status_comments(
    builder: StatusCommentBuilder,
    settings: Settings,
    observed: PlanningInputs,
    recorded: RecordedState,
    now: datetime,
) -> tuple[tuple[CommentChange, ...], tuple[CommentRemoval, ...], tuple[Notice, ...]]:
    desired, pushed = builder.build_all(), recorded.status_comments
    reverted = recorded.overrides.reverted_comments
    changes, notices = diff_comments(
        desired,
        pushed,
        now=now,
        counts_every=settings.counts_every,
        drift=observed.comment_drift,
        reverted=reverted,
    )
    return changes, comments_to_remove(pushed, builder.placement(desired), reverted), notices


def _desired_state_inputs(
    settings: Settings,
    workspace: Workspace,
    observed: PlanningInputs,
    recorded: RecordedState,
    assessment: Assessment,
    rollup: Rollup,
    now: datetime,
) -> DesiredStateInputs:
    previous = assessment.previous
    return DesiredStateInputs(
        workspace=workspace,
        matched=assessment.matched,
        rollup=rollup,
        known=_issues_to_plan(observed, previous),
        anchors=observed.anchors,
        unread_sources=observed.unread_sources,
        uncertain=assessment.uncertain,
        orphans=observed.orphans,
        scheme=workspace.labels,
        may_push=settings.may_push,
        finished_increments=recorded.finished_increments,
        now=now,
        unread_anchors=frozenset(assessment.anchors.values())
        - {issue.ref for issue in observed.anchors.values()},
        archived=recorded.archived_anchors(workspace),
        contested_subjects=observed.contested_subjects,
        # Incremental planning needs a result for each affected issue.
        relevant=None if previous else {*recorded.pushed_labels, *recorded.overrides.refs},
    )


def _issues_to_plan(
    observed: PlanningInputs, previous: PreviousPlanning | None
) -> Mapping[IssueRef, KnownIssue]:
    return {ref: observed.known[ref] for ref in previous.affected} if previous else observed.known


def matching_overrides(
    recorded: RecordedOverrides, scheme: LabelScheme, workspace: Workspace, renames: Mapping[str, str]
) -> tuple[Overrides, tuple[Notice, ...]]:
    """Return pins and vetoes as capability ids.

    Two pins on one issue cancel out: the rules decide, and a notice names the pins.
    """

    def capabilities(labels: frozenset[str]) -> set[str]:
        named = {scheme.capability_of(label) for label in labels}
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
    return Overrides(pins=pins, vetoes={ref: ids for ref, ids in vetoes.items() if ids}), tuple(
        conflicting_pins
    )


def _unread_feeding_sources(
    workspace: Workspace,
    observed: PlanningInputs,
    overrides: Overrides,
    coverage: Mapping[str, frozenset[str]],
) -> dict[str, tuple[str, ...]]:
    """Return the unread sources of each capability that has any.

    ``coverage``: capability id -> sources of the last full read. A capability without a source may be fed by mapping
    files that were left out; then these are named.
    """
    if not observed.unread_sources and not observed.omitted_files:
        return {}
    feeding = feeding_sources(workspace, observed.known, overrides)
    return {
        capability: missing
        for capability, sources in feeding.items()
        if (
            missing := (
                *sorted((sources | coverage.get(capability, frozenset())) & observed.unread_sources),
                *(() if sources else observed.omitted_files),
            )
        )
    }


def _released_subjects(
    observed: PlanningInputs, workspace: Workspace, scheme: LabelScheme, issues: Mapping[str, IssueRef]
) -> frozenset[str]:
    """Return the subjects whose anchor has ``flag:released``. ``issues``: subject -> anchor.

    An anchor that was not read in this run keeps its stored labels: a failed read does not take a release back.
    """
    anchored = anchors_by_subject(workspace)
    missing = {
        (anchor.tracker, anchor.key.lower()) for anchor in anchored.values() if anchor not in observed.anchors
    }
    last = {
        place: item.issue
        for item in (observed.known.values() if missing else ())
        if (place := (item.issue.ref.tracker, item.issue.ref.key.lower())) in missing
    }

    def is_released(subject: str, anchor: Anchor) -> bool:
        issue = observed.anchors.get(anchor) or last.get((anchor.tracker, anchor.key.lower()))
        if issue is None and subject in issues and issues[subject] in observed.known:
            issue = observed.known[issues[subject]].issue
        return issue is not None and scheme.has_released_label(issue.labels)

    return frozenset(subject for subject, anchor in anchored.items() if is_released(subject, anchor))


def _label_diff_inputs(
    inputs: DesiredStateInputs,
    desired: Mapping[IssueRef, DesiredLabels],
    observed: PlanningInputs,
    recorded: RecordedState,
    case_sensitive_trackers: frozenset[str],
) -> LabelDiffInputs:
    known = {ref: inputs.known[ref] for ref in desired if ref in inputs.known}
    live = {ref: item.issue for ref, item in known.items()}
    live |= {issue.ref: issue for issue in inputs.anchors.values()}
    scheme = inputs.scheme
    current_ids = {each.id for increment in inputs.workspace.increments for each in increment.capabilities}
    capability_ids = current_ids | renamed_capabilities(inputs.workspace).keys()
    return LabelDiffInputs(
        desired=desired,
        live=live,
        pushed=recorded.pushed_labels,
        overrides=recorded.overrides,
        scheme=scheme,
        capability_ids=frozenset(capability_ids),
        unproven={
            ref: frozenset(label.lower() for label in scheme.managed(item.first_labels))
            for ref, item in known.items()
            if item.issue.created < recorded.store_created_at and item.first_labels
        },
        renames=renamed_labels(inputs.workspace),
        finished_increment_labels=frozenset(
            scheme.label("increment", each) for each in inputs.finished_increments
        ),
        unrecovered=observed.unrecovered,
        case_sensitive_trackers=case_sensitive_trackers,
    )
