"""Resolution of suspected overrides: plan, check them on the tracker, and plan again until none is left."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final

from connectors.model import IssueRef
from sync.diff.guard import check_overrides, deleted_labels, max_overrides
from sync.forecast.health.assess import assess_health
from sync.model.health_assessment import HealthAssessment
from sync.model.labels import SuspectedOverride
from sync.model.limits import GuardLimits, Refusal
from sync.model.planning import PlanningInputs, PlanningResult, RecordedState
from sync.model.run import RunOptions
from sync.pipeline.confirm_overrides import OverrideCheck, check_suspected_overrides, record_overrides
from sync.pipeline.instances import check_anchors
from sync.pipeline.override_recovery import RecoveredOverrides, issues_to_recover, record_earlier_writes
from sync.pipeline.planner import assess, derive_changes
from sync.pull.state_recorder import StateRecorder
from sync.runtime.context import RunContext

MAX_ROUNDS: Final = 4
"""One override can reveal another one (a pin frees a label). What is left after these rounds waits for the next run."""


@dataclass(kw_only=True, slots=True)
class OverrideResolution:
    """Planning result and checks, updated in each round."""

    observed: PlanningInputs
    planning: PlanningResult
    health: HealthAssessment
    refusals: tuple[Refusal, ...] = ()
    checked_subjects: frozenset[str] = frozenset()
    """Subjects whose anchor was read and has no comment of ours."""
    unchecked: dict[IssueRef, str] = field(default_factory=dict)
    """Issue -> reason why its suspected overrides could not be checked."""
    recovery: RecoveredOverrides = field(default_factory=RecoveredOverrides)
    """Overrides from before this store existed."""

    def checkable_suspicions(self) -> list[SuspectedOverride]:
        """Return the suspected overrides that this run can check."""
        return [
            each
            for each in self.planning.suspicions
            if each.ref not in self.unchecked
            and not (each.kind == "before-store" and each.ref in self.recovery.postponed)
        ]

    def recover_overrides(
        self, context: RunContext, suspicions: Collection[SuspectedOverride], recorder: StateRecorder
    ) -> None:
        """Read label histories for removals from before this store existed, and record them."""
        recovered = self.recovery.recover(
            context, [each for each in suspicions if each.kind == "before-store"]
        )
        record_overrides(self.recovery.findings, recorder)
        self.unchecked |= self.recovery.unread
        for ref in sorted(recovered):
            recorder.mark_recovered(ref)
        self.observed = replace(self.observed, unrecovered=self.observed.unrecovered - recovered)

    def replan(self, context: RunContext, recorded: RecordedState) -> None:
        """Plan again with the current inputs and recorded state."""
        self.planning, self.health = _plan(context, self.observed, recorded, self.health)


def resolve_overrides(
    context: RunContext,
    options: RunOptions,
    observed: PlanningInputs,
    recorder: StateRecorder,
    limits: GuardLimits,
) -> OverrideResolution:
    """Plan, check suspected overrides by direct reads, and plan again until none is open."""
    before = recorder.recorded.pushed_labels
    planning, health = _plan(context, observed, recorder.recorded)
    resolution = OverrideResolution(observed=observed, planning=planning, health=health)
    if options.checks_anchors and not _check_anchor_comments(context, resolution, recorder):
        return resolution
    if options.restore_labels:
        _forget_deleted_labels(resolution.planning, recorder)
        resolution.replan(context, recorder.recorded)
    if options.checks_anchors:
        _mark_unrecovered_issues(context, resolution, recorder)
    fully_read = [ref for ref, labels in resolution.planning.desired.items() if labels.fully_read]
    stop_after = None if options.accept_overrides else max_overrides(before, limits)
    confirmed: list[SuspectedOverride] = []
    for _ in range(MAX_ROUNDS):
        suspicions = resolution.checkable_suspicions()
        if not suspicions:
            break
        now = [each for each in suspicions if each.kind != "before-store"]
        check = check_suspected_overrides(context, now, stop_after=stop_after)
        confirmed += check.confirmed
        if not options.accept_overrides:
            resolution.refusals = check_overrides(confirmed, before, limits, fully_read)
            if resolution.refusals:
                break
        record_overrides(check.findings, recorder)
        resolution.recover_overrides(context, suspicions, recorder)
        anchors = {issue.ref for issue in resolution.observed.anchors.values()}
        resolution.unchecked |= check.unread
        resolution.unchecked |= dict.fromkeys(check.vanished & anchors, "it no longer exists")
        resolution.observed = _with_fresh_issues(context, resolution.observed, check)
        resolution.replan(context, recorder.recorded)
    return resolution


def _check_anchor_comments(
    context: RunContext, resolution: OverrideResolution, recorder: StateRecorder
) -> bool:
    """Check the anchors of new comments. Return False if the run must stop."""
    new_comments = [change for change in resolution.planning.changes.comments if change.creates]
    found = check_anchors(context, new_comments, recorder)
    for tracker in found.adopted_trackers:
        record_earlier_writes(context, tracker)
    resolution.refusals, resolution.checked_subjects = found.refusals, frozenset(found.checked_subjects)
    if found.contested_subjects or found.adopted_trackers:
        resolution.observed = replace(
            resolution.observed, contested_subjects=frozenset(found.contested_subjects)
        )
        resolution.unchecked |= found.contested_issues
        resolution.replan(context, recorder.recorded)
    return not found.refusals


def _mark_unrecovered_issues(
    context: RunContext, resolution: OverrideResolution, recorder: StateRecorder
) -> None:
    """Withhold labels from issues whose history must be read first, because the store may be newer than our labels."""
    found = issues_to_recover(context, resolution.planning, resolution.observed, recorder.recorded)
    if found:
        resolution.observed = replace(resolution.observed, unrecovered=found)
        resolution.replan(context, recorder.recorded)


def _forget_deleted_labels(planning: PlanningResult, recorder: StateRecorder) -> None:
    """Forget pushed labels that were deleted everywhere, so that they are added again (``--restore-labels``)."""
    fully_read = [ref for ref, labels in planning.desired.items() if labels.fully_read]
    for suspicion in deleted_labels(planning.suspicions, recorder.recorded.pushed_labels, fully_read):
        recorder.forget_labels(suspicion.ref, frozenset({suspicion.label}), permanently=False)


def _plan(
    context: RunContext,
    observed: PlanningInputs,
    recorded: RecordedState,
    health_before: HealthAssessment | None = None,
) -> tuple[PlanningResult, HealthAssessment]:
    """Plan with a health assessment. ``health_before`` is reused while the roll-up is the same."""
    now, workspace = context.now(), context.workspace
    markup = {tracker: context.markup(tracker) for tracker in context.settings.trackers}
    assessment = assess(workspace, observed, recorded, now=now)
    is_unchanged = health_before is not None and health_before.rollup == assessment.rollup
    health = (
        health_before
        if health_before is not None and is_unchanged
        else assess_health(context, assessment, observed.known)
    )
    expected = health.expectations
    planning = derive_changes(
        context.settings, workspace, observed, recorded, assessment, expected, now=now, markup=markup
    )
    return planning, health


def _with_fresh_issues(context: RunContext, observed: PlanningInputs, check: OverrideCheck) -> PlanningInputs:
    """Replace listed issues by those that were read directly."""
    known = dict(observed.known)
    for ref in (*check.fresh_issues, *check.vanished):
        item = context.store.known_issue(ref.tracker, ref.id)
        if item is not None:
            known[ref] = replace(item, sources=known[ref].sources) if ref in known else item
    anchors = {anchor: check.fresh_issues.get(issue.ref, issue) for anchor, issue in observed.anchors.items()}
    return replace(observed, known=known, anchors=anchors)
