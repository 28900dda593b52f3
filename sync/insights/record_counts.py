"""Notes down in the store how issues count, for the day when somebody asks what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.model import IssueRef, KnownIssue
from sync.insights.change_causes import Place, Situation
from sync.insights.count_ledger import Ledger, note_down
from sync.model.attribution import Counted, PlanFacts
from sync.model.plan_facts import plan_facts
from sync.model.planning import Thought
from sync.runtime.context import Job


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """What is not kept yet."""

    at: datetime
    ledger: Ledger
    plan: PlanFacts
    plan_is_new: bool
    """The plans and mappings are others than those that were kept last."""


def keep_counted(
    job: Job, thought: Thought, known: Mapping[IssueRef, KnownIssue], at: datetime, read_at: datetime
) -> None:
    """Keep how issues count now. When nothing moved, only ``read_at`` is kept: when the run began to read."""
    pending = pending_turns(job, thought, known, at)
    plan = pending.plan if pending.plan_is_new else None
    job.store.keep_counted(read_at, pending.ledger.ended, pending.ledger.begun, plan)


def pending_turns(job: Job, thought: Thought, known: Mapping[IssueRef, KnownIssue], at: datetime) -> Pending:
    """How issues count now, against what was kept last."""
    store, workspace = job.store, job.workspace
    kept = store.plan_at()
    plan = plan_facts(workspace, at, job.run_id, kept)
    names = plan.names
    held: dict[Place, Counted] = {(row.ref, today(names, row.capability)): row for row in store.counted_now()}
    rules_changed = kept is not None and kept.digest != workspace.digest
    arriving = [
        issue.ref
        for capability in thought.rollup.capabilities
        for issue in capability.issues
        if (issue.ref, capability.id) not in held
    ]
    before = {
        ref: replace(row, capability=today(names, row.capability))
        for ref, row in store.counted_last(arriving).items()
    }
    situation = Situation(
        at=at,
        run_id=job.run_id,
        previous=store.kept_counted_at(),
        rules_changed=rules_changed,
        planned_before=frozenset(today(names, each) for each in kept.body["capabilities"])
        if kept
        else frozenset(),
        planned=frozenset(plan.body["capabilities"]),
        matched=thought.matched,
        known=known,
        overrides=thought.overrides,
        written=_written(job) if rules_changed else {},
        scheme=job.workspace.labels,
    )
    is_new = kept is None or (kept.digest, kept.body, kept.names) != (plan.digest, plan.body, plan.names)
    return Pending(
        at=at, ledger=note_down(held, before, thought.rollup, situation), plan=plan, plan_is_new=is_new
    )


def today(names: Mapping[str, str], capability: str) -> str:
    """The id by which a capability is called today."""
    return names.get(f"capability:{capability}", f"capability:{capability}").partition(":")[2]


def _written(job: Job) -> dict[IssueRef, datetime]:
    return {
        ref: max(each.at for each in labels.values()) for ref, labels in job.store.pushed_labels().items()
    }
