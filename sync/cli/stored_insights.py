"""Insights that follow from the store alone; commands and the report share them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from mappings.model import Increment
from sync.cli.store_view import StoreView
from sync.insights.audit import AuditFinding, AuditInputs, find_audit_findings
from sync.insights.change_queries import NoRecordedData, changes_until_now
from sync.insights.predictability import Predictability, assess_predictability
from sync.insights.unplanned import AdHocShare, ad_hoc_share
from sync.model.attribution import Difference, PlanFacts
from sync.model.rollup import IncrementRollup
from sync.pipeline.offline import plan_offline


def audit_findings(
    view: StoreView, increments: Sequence[IncrementRollup], idle_after: timedelta
) -> tuple[AuditFinding, ...]:
    """Find what looks better than it is. ``idle_after``: time without movement after which a goal is a finding."""
    context = view.context
    return find_audit_findings(
        AuditInputs(
            increments=tuple(increments),
            since_commitment=_changes_since_commitment(view, increments),
            history=tuple(context.store.plan_history()),
            flow=view.flows,
            teams=view.owners,
            starts={each.id: each.starts_at for each in context.workspace.increments},
            quiet_after=idle_after,
            now=context.now(),
        )
    )


def _changes_since_commitment(
    view: StoreView, increments: Sequence[IncrementRollup]
) -> dict[str, Difference]:
    """Capability id -> what changed since it was committed.

    Capabilities are usually committed together, so that there are few moments to compare with.
    """
    baselines = view.recorded.baselines
    capabilities = {
        each.id for increment in increments for goal in increment.goals for each in goal.capabilities
    } & baselines.keys()
    found: dict[str, Difference] = {}
    for moment in sorted({baselines[each].at for each in capabilities}):
        try:
            changes = changes_until_now(view.context, moment, view.planning, view.known)
        except NoRecordedData:
            return {}
        by_subject = {each.subject: each for each in changes.differences}
        for each in capabilities:
            if baselines[each].at == moment and f"capability:{each}" in by_subject:
                found[each] = by_subject[f"capability:{each}"]
    return found


def started_increments(view: StoreView) -> list[Increment]:
    """Return the increments that have started, oldest first."""
    now = view.context.now()
    started = [each for each in view.context.workspace.increments if each.phase(now) != "not-started"]
    return sorted(started, key=lambda each: each.start)


def increment_predictability(view: StoreView, increment: Increment) -> Predictability:
    """Compare what an increment promised with the current roll-up."""
    context = view.context
    ended = min(context.now(), increment.ends_at)
    at_end = plan_offline(replace(context, now=lambda: ended), view.known, view.recorded).rollup
    teams = [each.team for each in context.workspace.teams]

    def share(*names: str) -> AdHocShare:
        return ad_hoc_share(at_end, view.known, names, since=increment.starts_at, until=ended)

    return assess_predictability(
        increment,
        next(each for each in view.rollup.increments if each.id == increment.id),
        _committed_plan(context.store.plan_history(), increment),
        {each.continues: each.id for each in view.rollup.capabilities if each.continues},
        share(*teams),
        {team: share(team) for team in teams},
    )


def _committed_plan(history: Sequence[PlanFacts], increment: Increment) -> PlanFacts | None:
    """Return the plan at the start of an increment; else the first one recorded before its end."""
    recorded = [
        each for each in history if increment.id in each.body["increments"] and each.at < increment.ends_at
    ]
    at_start = [each for each in recorded if each.at <= increment.starts_at]
    return at_start[-1] if at_start else next(iter(recorded), None)
