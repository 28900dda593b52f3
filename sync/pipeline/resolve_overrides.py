"""Resolution of suspected overrides: plan, check them on the tracker, and plan again until none is left."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from connectors.errors import ConnectorError
from connectors.model import IssueRef, LabelHistory
from sync.diff.guard import (
    MIN_ISSUES_OF_DELETED_LABEL,
    check_overrides,
    deleted_labels,
    label_scope,
    max_overrides,
)
from sync.forecast.health.assess import assess_health
from sync.model.health_assessment import HealthAssessment
from sync.model.labels import Notice, SuspectedOverride
from sync.model.limits import GuardLimits, Refusal
from sync.model.planning import PlanningInputs, PlanningResult
from sync.model.rollup import Rollup
from sync.model.run import RunOptions
from sync.pipeline.confirm_overrides import OverrideCheck, check_suspected_overrides, record_overrides
from sync.pipeline.instances import check_anchors
from sync.pipeline.known_histories import correct_pushed_labels
from sync.pipeline.label_evidence import LabelEvidence
from sync.pipeline.override_recovery import (
    RecoveredOverrides,
    issues_to_recover,
    record_earlier_writes,
    record_writes_in_histories,
)
from sync.pipeline.planner import planner_for
from sync.pull.state_recorder import StateRecorder
from sync.runtime.context import RunContext

MAX_ROUNDS: Final = 4
"""One override can reveal another one (a pin frees a label). What is left after these rounds waits for the next run."""


class OverrideResolution:
    """Planning result and checks, updated in each round."""

    planning: PlanningResult
    health: HealthAssessment

    def __init__(self, context: RunContext, observed: PlanningInputs, recorder: StateRecorder) -> None:
        self.observed = observed
        self.refusals: tuple[Refusal, ...] = ()
        self.checked_subjects: frozenset[str] = frozenset()
        """Subjects whose anchor was read and has no comment of ours."""
        self.unchecked: dict[IssueRef, str] = {}
        """Issue -> reason why its suspected overrides could not be checked."""
        self.evidence = LabelEvidence(context=context)
        self.recovery = RecoveredOverrides(evidence=self.evidence)
        """Overrides from before this store existed."""
        self.postponed: set[IssueRef] = set()
        """Issues whose suspected overrides a later run checks."""
        self._context, self._recorder, self._specs = context, recorder, context.settings.specs
        self._pushed_before = recorder.recorded.pushed_labels
        self._assessed: Rollup | None = None
        self._plan()

    def _plan(self, **observed: Any) -> None:
        """Plan with the recorded state, after the given changes of ``observed``.

        The health assessment is reused while the roll-up is the same.
        """
        self.observed = replace(self.observed, **observed)
        planner = planner_for(self._context, self.observed, self._recorder.recorded)
        assessment = planner.assess()
        if self._assessed != assessment.rollup:
            self.health = assess_health(self._context, assessment, self.observed.known)
            self._assessed = self.health.rollup
        self.planning = planner.derive_changes(assessment, self.health.expectations)

    def check_anchor_comments(self) -> None:
        """Check the anchors of new comments. A refusal stops the run."""
        new_comments = [change for change in self.planning.changes.comments if change.creates]
        found = check_anchors(self._context, new_comments, self._recorder)
        for tracker in found.adopted_trackers:
            record_earlier_writes(self._context, tracker)
        self.refusals, self.checked_subjects = found.refusals, frozenset(found.checked_subjects)
        if found.contested_subjects or found.adopted_trackers:
            self.unchecked |= found.contested_issues
            self._plan(contested_subjects=frozenset(found.contested_subjects))

    def forget_deleted_labels(self) -> None:
        """Forget pushed labels that were deleted everywhere, so that they are added again (``--restore-labels``)."""
        pushed = self._recorder.recorded.pushed_labels
        for suspicion in self._deleted_labels(self.planning.suspicions, pushed):
            self._recorder.forget_labels(suspicion.ref, frozenset({suspicion.label}), permanently=False)
        self._plan()

    def mark_unrecovered_issues(self) -> None:
        """Withhold labels from issues whose history must be read first: the store may be newer than our labels."""
        recorded = self._recorder.recorded
        if found := issues_to_recover(self._context, self.planning, self.observed, recorded):
            self._plan(unrecovered=self.observed.unrecovered | found)

    def check_suspicions(self, limits: GuardLimits, *, accept: bool) -> None:
        """Check suspected overrides by direct reads and plan again, until none is open or the guard refuses.

        With ``accept`` the guard refuses nothing.
        """
        stop_after = None if accept else max_overrides(self._pushed_before, limits)
        confirmed: list[SuspectedOverride] = []
        for _ in range(MAX_ROUNDS):
            suspicions = self._checkable_suspicions()
            if not suspicions:
                break
            now = [each for each in suspicions if each.kind != "before-store"]
            lost = self._deleted_labels(now, self._pushed_before)
            gone = [] if accept else self._confirm_deleted(lost)
            check = check_suspected_overrides(
                self._context,
                [each for each in now if each not in gone],
                stop_after=stop_after,
                evidence=self.evidence,
                accepted=lost if accept else (),
            )
            confirmed += [*gone, *check.confirmed]
            record_overrides(check.findings, self._recorder)
            if not accept and self._refuses(confirmed, gone, limits):
                break
            recovered = self._recover([each for each in suspicions if each.kind == "before-store"])
            anchors = {issue.ref for issue in self.observed.anchors.values()}
            self.unchecked |= check.unread
            self.unchecked |= dict.fromkeys(check.vanished & anchors, "it no longer exists")
            self.postponed |= check.postponed
            self._plan(unrecovered=self.observed.unrecovered - recovered, **self._fresh_issues(check))

    def _refuses(
        self, confirmed: Sequence[SuspectedOverride], gone: Iterable[SuspectedOverride], limits: GuardLimits
    ) -> bool:
        """Ask the guard. What it refuses is listed, but not saved."""
        self.refusals = check_overrides(
            confirmed, self._pushed_before, limits, self._fully_read(), self._specs
        )
        self._recorder.notices += [Notice(ref=each.ref, text=f"{each.label} is gone") for each in gone]
        return bool(self.refusals)

    def _deleted_labels(
        self, suspicions: Collection[SuspectedOverride], pushed: Mapping[IssueRef, frozenset[str]]
    ) -> list[SuspectedOverride]:
        return deleted_labels(suspicions, pushed, self._fully_read(), self._specs)

    def _confirm_deleted(self, lost: Iterable[SuspectedOverride]) -> list[SuspectedOverride]:
        """Return those of these suspicions whose label is really gone, by direct reads of a few issues each."""
        confirmed: list[SuspectedOverride] = []
        by_label = sorted(lost, key=lambda each: (label_scope(each.ref, self._specs), each.label, each.ref))
        for _, group in groupby(by_label, key=lambda each: (label_scope(each.ref, self._specs), each.label)):
            of_label = list(group)
            sample = of_label[:MIN_ISSUES_OF_DELETED_LABEL]
            if all(self._is_gone(each) for each in sample):
                confirmed += of_label
        return confirmed

    def _is_gone(self, suspicion: SuspectedOverride) -> bool:
        with suppress(ConnectorError):
            issue = self._context.read_issue(suspicion.ref)
            return suspicion.label not in {label.lower() for label in issue.labels}
        return False

    def _fully_read(self) -> list[IssueRef]:
        return [ref for ref, labels in self.planning.desired.items() if labels.fully_read]

    def _checkable_suspicions(self) -> list[SuspectedOverride]:
        """Return the suspected overrides that this run can check."""
        return [
            each
            for each in self.planning.suspicions
            if each.ref not in self.unchecked
            and each.ref not in self.postponed
            and not (each.kind == "before-store" and each.ref in self.recovery.postponed)
        ]

    def _recover(self, suspicions: Collection[SuspectedOverride]) -> frozenset[IssueRef]:
        """Read label histories for removals from before this store existed, and record them."""
        recovered = self.recovery.recover(self._context, suspicions)
        record_overrides(self.recovery.findings, self._recorder)
        self.unchecked |= self.recovery.unread
        for ref in sorted(recovered):
            self._recorder.mark_recovered(ref)
        return recovered

    def _fresh_issues(self, check: OverrideCheck) -> dict[str, Any]:
        """Return the known issues and anchors, with those that were read directly."""
        known, fresh = dict(self.observed.known), check.fresh_issues
        for ref in (*fresh, *check.vanished):
            item = self._context.store.known_issue(ref.tracker, ref.id)
            if item is not None:
                known[ref] = replace(item, sources=known[ref].sources) if ref in known else item
        anchors = {anchor: fresh.get(issue.ref, issue) for anchor, issue in self.observed.anchors.items()}
        return {"known": known, "anchors": anchors}


def resolve_overrides(
    context: RunContext,
    options: RunOptions,
    observed: PlanningInputs,
    recorder: StateRecorder,
    *,
    histories: Mapping[IssueRef, Mapping[str, LabelHistory]],
    checks_anchors: bool,
) -> OverrideResolution:
    """Plan, check suspected overrides by direct reads, and plan again until none is open.

    ``histories``: label histories that came with the pull. ``checks_anchors``: read the anchors that are going to get a
    first comment.
    """
    record_writes_in_histories(context, histories, recorder.recorded.store_created_at)
    removed_by_people = correct_pushed_labels(context, histories, observed, recorder)
    observed = replace(observed, unrecovered=observed.unrecovered | removed_by_people)
    resolution = OverrideResolution(context, observed, recorder)
    if checks_anchors:
        resolution.check_anchor_comments()
        if resolution.refusals:
            return resolution
    if options.restore_labels:
        resolution.forget_deleted_labels()
    if checks_anchors:
        resolution.mark_unrecovered_issues()
    resolution.check_suspicions(context.guard_limits(options), accept=options.accept_overrides)
    return resolution
