"""Notes down in the store how issues count, for the day when somebody asks what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.model import IssueRef, KnownIssue
from sync.insights.change_causes import AttributionContext, CountKey
from sync.insights.count_ledger import CountChanges, diff_counts
from sync.model.attribution import CountRecord, PlanFacts
from sync.model.plan_facts import plan_facts
from sync.model.planning import PlanningResult
from sync.runtime.context import RunContext


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingCounts:
    """What is not kept yet."""

    at: datetime
    changes: CountChanges
    plan: PlanFacts
    plan_is_new: bool
    """The plans and mappings are others than those that were kept last."""


def save_counts(
    job: RunContext,
    thought: PlanningResult,
    known: Mapping[IssueRef, KnownIssue],
    at: datetime,
    read_at: datetime,
) -> None:
    """Keep how issues count now. When nothing moved, only ``read_at`` is kept: when the run began to read."""
    pending = pending_counts(job, thought, known, at)
    plan = pending.plan if pending.plan_is_new else None
    job.store.save_count_records(read_at, pending.changes.ended, pending.changes.started, plan)


def pending_counts(
    job: RunContext, thought: PlanningResult, known: Mapping[IssueRef, KnownIssue], at: datetime
) -> PendingCounts:
    """How issues count now, against what was kept last."""
    store, workspace = job.store, job.workspace
    kept = store.plan_at()
    plan = plan_facts(workspace, at, job.run_id, kept)
    names = plan.names
    held: dict[CountKey, CountRecord] = {
        (row.ref, current_capability_id(names, row.capability)): row for row in store.current_count_records()
    }
    rules_changed = kept is not None and kept.digest != workspace.digest
    arriving = [
        issue.ref
        for capability in thought.rollup.capabilities
        for issue in capability.issues
        if (issue.ref, capability.id) not in held
    ]
    before = {
        ref: replace(row, capability=current_capability_id(names, row.capability))
        for ref, row in store.last_ended_count_records(arriving).items()
    }
    situation = AttributionContext(
        at=at,
        run_id=job.run_id,
        previous=store.count_records_saved_at(),
        rules_changed=rules_changed,
        planned_before=frozenset(current_capability_id(names, each) for each in kept.body["capabilities"])
        if kept
        else frozenset(),
        planned=frozenset(plan.body["capabilities"]),
        matched=thought.matched,
        known=known,
        overrides=thought.overrides,
        labels_written_at=_last_label_writes(job) if rules_changed else {},
        scheme=job.workspace.labels,
    )
    is_new = kept is None or (kept.digest, kept.body, kept.names) != (plan.digest, plan.body, plan.names)
    return PendingCounts(
        at=at, changes=diff_counts(held, before, thought.rollup, situation), plan=plan, plan_is_new=is_new
    )


def current_capability_id(names: Mapping[str, str], capability: str) -> str:
    """The id by which a capability is called today."""
    return names.get(f"capability:{capability}", f"capability:{capability}").partition(":")[2]


def _last_label_writes(job: RunContext) -> dict[IssueRef, datetime]:
    return {
        ref: max(each.at for each in labels.values()) for ref, labels in job.store.pushed_labels().items()
    }
