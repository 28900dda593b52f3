"""``audit``: what looks better than it is, with evidence, from the store alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta

from connectors.model import IssueRef, KnownIssue
from sync.config.escape import neutral_terminal
from sync.forecast.load_history import load_flow, team_of
from sync.insights.audit import AuditInputs, Finding, audit, worst_first
from sync.insights.change_queries import NothingKept, changes_until_now
from sync.model.attribution import Difference
from sync.model.flow import FlowIssue
from sync.model.planning import Remembered, Thought
from sync.model.rollup import IncrementRollup
from sync.pipeline.offline import think_offline
from sync.pull.current_sources import known_today
from sync.pull.recorded import remember
from sync.runtime.context import Job
from sync.runtime.invocation import Ways, complain, counted, say, say_json
from sync.runtime.session import with_snapshot

_SHOWN = 12
"""Pieces of evidence that a person sees of one finding; ``--json`` has all."""


def show_audit(ways: Ways, increment: str | None, quiet_days: int, *, strict: bool) -> int:
    """Findings are no errors: 0, or with ``strict`` 1 when there are any."""
    with with_snapshot(ways, waits_for_all=False) as job:
        found = worst_first(findings_of(job, increment, timedelta(days=quiet_days)))
        kept = job.store.plan_history()
        if ways.as_json:
            say_json(
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
            say(counted(len(found), "finding"))
        if not kept:
            complain(
                "no run has noted down yet how issues count; changes of rules and plans show from the next on"
            )
        else:
            complain(f"changes of rules and plans are known since {kept[0].at:%Y-%m-%d %H:%M} UTC")
        return 1 if strict and found else 0


def findings_of(job: Job, increment: str | None, quiet_after: timedelta) -> tuple[Finding, ...]:
    """Of the increments in course, or of the one that was asked for. LookupError for an unknown one."""
    known = known_today(job.store, job.workspace)
    remembered = remember(job)
    thought = think_offline(job, known, remembered)
    flow = load_flow(job.store, job.workspace, thought.matched, known=known)
    return findings_in(job, increment, quiet_after, known, remembered, thought, flow)


def findings_in(
    job: Job,
    increment: str | None,
    quiet_after: timedelta,
    known: dict[IssueRef, KnownIssue],
    remembered: Remembered,
    thought: Thought,
    flow: Mapping[IssueRef, FlowIssue],
) -> tuple[Finding, ...]:
    """The same, of what the caller has read already."""
    chosen = _chosen(thought, increment)
    return audit(
        AuditInputs(
            increments=chosen,
            since_commitment=_since_commitment(job, chosen, thought, remembered, known),
            history=tuple(job.store.plan_history()),
            flow=flow,
            teams=team_of(known, job.workspace, thought.matched),
            starts={each.id: each.starts_at for each in job.workspace.increments},
            quiet_after=quiet_after,
            now=job.now(),
        )
    )


def _chosen(thought: Thought, increment: str | None) -> tuple[IncrementRollup, ...]:
    found = thought.rollup.increments
    if increment is None:
        return tuple(each for each in found if each.phase in ("active", "grace"))
    if increment not in {each.id for each in found}:
        known = ", ".join(each.id for each in found) or "none"
        raise LookupError(f"there is no increment {increment!r}; the plans have {known}")
    return tuple(each for each in found if each.id == increment)


def _since_commitment(
    job: Job,
    increments: tuple[IncrementRollup, ...],
    thought: Thought,
    remembered: Remembered,
    known: dict[IssueRef, KnownIssue],
) -> dict[str, Difference]:
    """Capabilities are committed together as a rule, so that there are few moments to compare with."""
    capabilities = {
        each.id for increment in increments for goal in increment.goals for each in goal.capabilities
    }
    moments = {remembered.baselines[each].at for each in capabilities if each in remembered.baselines}
    found: dict[str, Difference] = {}
    for moment in sorted(moments):
        try:
            changes = changes_until_now(job, moment, thought, known)
        except NothingKept:
            return {}
        by_subject = {each.subject: each for each in changes.differences}
        for each in capabilities & remembered.baselines.keys():
            if remembered.baselines[each].at == moment and f"capability:{each}" in by_subject:
                found[each] = by_subject[f"capability:{each}"]
    return found


def _json(finding: Finding) -> dict[str, object]:
    evidence = [{**asdict(each), "ref": str(each.ref) if each.ref else None} for each in finding.evidence]
    return {**asdict(finding), "evidence": evidence}


def _say(finding: Finding) -> None:
    say(neutral_terminal(f"{finding.kind}: {finding.title}: {finding.text}"))
    for each in finding.evidence[:_SHOWN]:
        when = f"{each.at:%Y-%m-%d %H:%M}" if each.at else " " * 16
        what = f"{each.ref.key}: {each.text}" if each.ref else each.text
        run = f" (run {each.run_id})" if each.run_id else ""
        say(f"    {when}  {neutral_terminal(what)}{run}")
    if len(finding.evidence) > _SHOWN:
        say(f"    and {len(finding.evidence) - _SHOWN} more (--json shows all)")
    say()
