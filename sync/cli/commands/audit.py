"""``audit``: what looks better than it is, with evidence, from the store alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

from connectors.model import IssueRef, KnownIssue
from sync.config.escape import escape_terminal
from sync.forecast.load_history import load_issue_flows, owning_teams
from sync.insights.audit import AuditFinding, AuditInputs, find_audit_findings, sort_by_severity
from sync.insights.change_queries import NoRecordedData, changes_until_now
from sync.model.attribution import Difference
from sync.model.flow import IssueFlow
from sync.model.planning import PlanningResult, RecordedState
from sync.model.rollup import IncrementRollup
from sync.pipeline.offline import plan_offline
from sync.pull.current_sources import load_current_issues
from sync.pull.recorded import load_recorded_state
from sync.runtime.context import RunContext
from sync.runtime.invocation import Invocation, pluralize, print_error, print_json, print_line
from sync.runtime.session import pulled_context

_MAX_EVIDENCE = 12
"""Pieces of evidence that a person sees of one finding; ``--json`` has all."""


def show_audit(invocation: Invocation, increment: str | None, quiet_days: int, *, strict: bool) -> int:
    """Findings are no errors: 0, or with ``strict`` 1 when there are any."""
    with pulled_context(invocation, require_all_files=False) as job:
        found = sort_by_severity(audit_findings(job, increment, timedelta(days=quiet_days)))
        kept = job.store.plan_history()
        if invocation.as_json:
            print_json(
                {
                    "version": 1,
                    "at": job.now(),
                    "known_since": kept[0].at if kept else None,
                    "findings": [_json(each) for each in found],
                }
            )
        else:
            for finding in found:
                _say(finding)
            print_line(pluralize(len(found), "finding"))
        if not kept:
            print_error(
                "no run has noted down yet how issues count; changes of rules and plans show from the next on"
            )
        else:
            print_error(f"changes of rules and plans are known since {kept[0].at:%Y-%m-%d %H:%M} UTC")
        return 1 if strict and found else 0


def audit_findings(
    context: RunContext, increment: str | None, quiet_after: timedelta
) -> tuple[AuditFinding, ...]:
    """Of the increments in course, or of the one that was asked for. LookupError for an unknown one."""
    known = load_current_issues(context.store, context.workspace)
    remembered = load_recorded_state(context)
    thought = plan_offline(context, known, remembered)
    flow = load_issue_flows(context.store, context.workspace, thought.matched, known=known)
    return audit_findings_from(context, increment, quiet_after, known, remembered, thought, flow)


def audit_findings_from(
    context: RunContext,
    increment: str | None,
    quiet_after: timedelta,
    known: dict[IssueRef, KnownIssue],
    recorded: RecordedState,
    planned: PlanningResult,
    flow: Mapping[IssueRef, IssueFlow],
) -> tuple[AuditFinding, ...]:
    """The same, of what the caller has read already."""
    chosen = _selected_increments(planned, increment)
    return find_audit_findings(
        AuditInputs(
            increments=chosen,
            since_commitment=_changes_since_commitment(context, chosen, planned, recorded, known),
            history=tuple(context.store.plan_history()),
            flow=flow,
            teams=owning_teams(known, context.workspace, planned.matched),
            starts={each.id: each.starts_at for each in context.workspace.increments},
            quiet_after=quiet_after,
            now=context.now(),
        )
    )


def _selected_increments(planned: PlanningResult, increment: str | None) -> tuple[IncrementRollup, ...]:
    found = planned.rollup.increments
    if increment is None:
        return tuple(each for each in found if each.phase in ("active", "grace"))
    if increment not in {each.id for each in found}:
        known = ", ".join(each.id for each in found) or "none"
        raise LookupError(f"there is no increment {increment!r}; the plans have {known}")
    return tuple(each for each in found if each.id == increment)


def _changes_since_commitment(
    context: RunContext,
    increments: tuple[IncrementRollup, ...],
    planned: PlanningResult,
    recorded: RecordedState,
    known: dict[IssueRef, KnownIssue],
) -> dict[str, Difference]:
    """Capabilities are committed together as a rule, so that there are few moments to compare with."""
    capabilities = {
        each.id for increment in increments for goal in increment.goals for each in goal.capabilities
    }
    moments = {recorded.baselines[each].at for each in capabilities if each in recorded.baselines}
    found: dict[str, Difference] = {}
    for moment in sorted(moments):
        try:
            changes = changes_until_now(context, moment, planned, known)
        except NoRecordedData:
            return {}
        by_subject = {each.subject: each for each in changes.differences}
        for each in capabilities & recorded.baselines.keys():
            if recorded.baselines[each].at == moment and f"capability:{each}" in by_subject:
                found[each] = by_subject[f"capability:{each}"]
    return found


def _json(finding: AuditFinding) -> dict[str, object]:
    evidence = [{**asdict(each), "ref": str(each.ref) if each.ref else None} for each in finding.evidence]
    return {**asdict(finding), "evidence": evidence}


def _say(finding: AuditFinding) -> None:
    print_line(escape_terminal(f"{finding.kind}: {finding.title}: {finding.text}"))
    for each in finding.evidence[:_MAX_EVIDENCE]:
        when = f"{each.at:%Y-%m-%d %H:%M}" if each.at else " " * 16
        what = f"{each.ref.key}: {each.text}" if each.ref else each.text
        run = f" (run {each.run_id})" if each.run_id else ""
        print_line(f"    {when}  {escape_terminal(what)}{run}")
    if len(finding.evidence) > _MAX_EVIDENCE:
        print_line(f"    and {len(finding.evidence) - _MAX_EVIDENCE} more (--json shows all)")
    print_line()
