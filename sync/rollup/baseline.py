"""Scope of a capability against its baseline."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from connectors.model import IssueRef, KnownIssue
from mappings.model import Capability, Increment, Overrides, Workspace
from sync.model.rollup import Baseline, CapabilityRollup, CountedIssue, ScopeChange
from sync.rollup.membership import VANISHED, CapabilityMembers

BASELINE_TOLERANCE: Final = timedelta(days=1)
"""A baseline taken within this time after the start counts as one from the start."""


def is_baseline_due(
    capability: Capability,
    increment: Increment,
    now: datetime,
    existing: Baseline | None,
    uncertain: Collection[str],
) -> bool:
    """Return True if this run must save the baseline of a capability.

    Due at the first run at or after the start of the increment in which every source of the capability was fully read
    (``uncertain`` is empty). Closed increments and cancelled capabilities get none.
    """
    is_running = increment.phase(now) in ("active", "grace")
    return is_running and existing is None and not uncertain and not capability.cancelled


def baseline_refs(capability: CapabilityRollup) -> frozenset[IssueRef]:
    """Return the issues to save as the baseline: all that are in scope now."""
    return frozenset(issue.ref for issue in capability.issues if issue.in_scope)


def scope_change(
    members: CapabilityMembers,
    baseline: Baseline | None,
    increment: Increment,
    known: Mapping[IssueRef, KnownIssue],
) -> ScopeChange:
    """Compare the members with the baseline. Lists are in the order of the issues."""
    in_scope = [issue for issue in members.counted if issue.in_scope]
    delivered = tuple(issue.ref for issue in in_scope if issue.state.state == "done")
    reopened = tuple(issue.ref for issue in in_scope if issue.reopened and issue.state.state != "done")
    if baseline is None:
        return ScopeChange(delivered=delivered, reopened=reopened)
    missing = baseline.refs - {issue.ref for issue in in_scope}
    dropped = {issue.ref: issue for issue in members.counted if not issue.in_scope}
    reasons = {ref: _exit_reason(ref, dropped.get(ref), members, known) for ref in missing}

    def refs_with(wanted: str) -> tuple[IssueRef, ...]:
        return tuple(sorted(ref for ref, reason in reasons.items() if reason == wanted))

    return ScopeChange(
        baseline=len(baseline.refs),
        baseline_at=baseline.at,
        complete_from_start=baseline.at <= increment.starts_at + BASELINE_TOLERANCE,
        added=tuple(issue.ref for issue in in_scope if issue.ref not in baseline.refs),
        dropped=refs_with("dropped"),
        moved_out=refs_with("moved out"),
        vanished=refs_with(VANISHED),
        split=refs_with("split"),
        delivered=delivered,
        reopened=reopened,
    )


def _exit_reason(
    ref: IssueRef,
    dropped: CountedIssue | None,
    members: CapabilityMembers,
    known: Mapping[IssueRef, KnownIssue],
) -> str:
    """Return why an issue of the baseline is no longer in scope."""
    if dropped and dropped.state.because != VANISHED:
        return "dropped"
    if ref in members.replaced_parents:
        return "split"
    return VANISHED if ref not in known or known[ref].vanished else "moved out"


def feeding_sources(
    workspace: Workspace, known: Mapping[IssueRef, KnownIssue], overrides: Overrides
) -> dict[str, frozenset[str]]:
    """Return the names of the sources that feed each capability of the plans, by capability id.

    A source feeds the capabilities named by a rule of a team with that source, and those pinned on one of its issues. A
    source of a capability also feeds its successors (``continues``), because rules for a closed capability assign to
    them.
    """
    feeds: dict[str, set[str]] = {
        each.id: set() for increment in workspace.increments for each in increment.capabilities
    }
    for team in workspace.teams:
        for rule in team.rules:
            feeds.get(rule.assign, set()).update(source.name for source in team.sources)
    for ref, capability_id in overrides.pins.items():
        if ref in known:
            feeds.get(capability_id, set()).update(known[ref].sources)
    return {
        each: frozenset().union(*(feeds.get(name, ()) for name in _with_predecessors(each, workspace)))
        for each in feeds
    }


def _with_predecessors(capability_id: str, workspace: Workspace) -> list[str]:
    """Return a capability and every capability that it continues."""
    found: list[str] = []
    current: str | None = capability_id
    while current and current not in found:
        found.append(current)
        planned = workspace.capability(current)
        current = planned[2].continues if planned else None
    return found
