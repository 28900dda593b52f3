"""Record in the store how issues count, so that later queries can tell what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.model import IssueRef, KnownIssue
from sync.insights.change_causes import AttributionContext, CountKey
from sync.insights.count_ledger import CountChanges, diff_counts
from sync.model.attribution import CountRecord, PlanFacts, current_id
from sync.model.plan_facts import plan_facts
from sync.model.planning import PlanningResult
from sync.runtime.context import RunContext


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingCounts:
    """Changes that are not recorded yet."""

    changes: CountChanges
    plan: PlanFacts
    plan_is_new: bool
    """The plans and mappings differ from those that were recorded last."""


def save_counts(
    context: RunContext,
    planning: PlanningResult,
    known: Mapping[IssueRef, KnownIssue],
    at: datetime,
    read_at: datetime,
) -> None:
    """Record how issues count now. Without a change only ``read_at`` is recorded, the time at which reading began."""
    pending = pending_counts(context, planning, known, at)
    plan = pending.plan if pending.plan_is_new else None
    context.store.save_count_records(read_at, pending.changes.ended, pending.changes.started, plan)


def pending_counts(
    context: RunContext, planning: PlanningResult, known: Mapping[IssueRef, KnownIssue], at: datetime
) -> PendingCounts:
    """Compare how issues count now with what was recorded last."""
    recorded = context.store.plan_at()
    plan = plan_facts(context.workspace, at, context.run_id, recorded)
    names = plan.names
    current: dict[CountKey, CountRecord] = {
        (row.ref, current_id(names, "capability", row.capability)): row
        for row in context.store.current_count_records()
    }
    new_refs = [
        issue.ref
        for capability in planning.rollup.capabilities
        for issue in capability.issues
        if (issue.ref, capability.id) not in current
    ]
    last_ended = {
        ref: replace(row, capability=current_id(names, "capability", row.capability))
        for ref, row in context.store.last_ended_count_records(new_refs).items()
    }
    attribution = _attribution_context(context, planning, known, recorded, plan)
    return PendingCounts(
        changes=diff_counts(current, last_ended, planning.rollup, attribution),
        plan=plan,
        plan_is_new=recorded is None or plan != replace(recorded, at=plan.at, run_id=plan.run_id),
    )


def _attribution_context(
    context: RunContext,
    planning: PlanningResult,
    known: Mapping[IssueRef, KnownIssue],
    recorded: PlanFacts | None,
    plan: PlanFacts,
) -> AttributionContext:
    rules_changed = recorded is not None and recorded.digest != context.workspace.digest
    planned_before = recorded.body["capabilities"] if recorded else ()
    return AttributionContext(
        at=plan.at,
        run_id=context.run_id,
        previous=context.store.count_records_saved_at(),
        rules_changed=rules_changed,
        planned_before=frozenset(current_id(plan.names, "capability", each) for each in planned_before),
        planned=frozenset(plan.body["capabilities"]),
        matched=planning.matched,
        known=known,
        overrides=planning.overrides,
        labels_written_at=_last_label_writes(context) if rules_changed else {},
        scheme=context.workspace.labels,
    )


def _last_label_writes(context: RunContext) -> dict[IssueRef, datetime]:
    return {
        ref: max(each.at for each in labels.values()) for ref, labels in context.store.pushed_labels().items()
    }
