"""Planning from the store alone, without requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.model import Anchor, Workspace
from sync.forecast.closing_times import load_closing_times
from sync.model.anchors import issues_by_place, list_anchors
from sync.model.planning import PlanningInputs, PlanningResult, PreviousPlanning, RecordedState
from sync.pipeline.planner import planner_for
from sync.pull.current_sources import current_source_states, load_current_issues, workspace_sources
from sync.pull.recorded import load_recorded_state
from sync.pull.unreadable import unreadable_refs
from sync.pull.visibility import determine_redaction_policy
from sync.runtime.context import RunContext
from sync.store import Store, current_labels


def plan_from_store(context: RunContext) -> tuple[PlanningResult, RecordedState]:
    """Return the planning result for the stored issues at the current time. Failing sources count as unread."""
    known = load_current_issues(context.store, context.workspace)
    recorded = load_recorded_state(context)
    return plan_offline(context, known, recorded), recorded


def plan_offline(
    context: RunContext,
    known: Mapping[IssueRef, KnownIssue],
    recorded: RecordedState,
    previous: PreviousPlanning | None = None,
) -> PlanningResult:
    """Return the planning result that a run would get if it read ``known``. Failing sources count as unread."""
    failing = {
        state.name: state.failing_since
        for state in current_source_states(context.store, context.workspace)
        if state.failing_since
    }
    anchors = find_anchors(known, context.workspace)
    observed = PlanningInputs(
        known=known,
        anchors=anchors,
        unread_sources=frozenset(failing),
        failing_since=failing,
        unreadable=unreadable_refs(context, workspace_sources(context.workspace)),
        omitted_files=context.omitted_files,
        evidence=context.evidence,
        redaction=determine_redaction_policy(context, anchors.values()),
        closing_times=load_closing_times(context.store, context.workspace, known.values()),
    )
    return planner_for(context, observed, recorded, previous).plan()


def find_anchors(known: Mapping[IssueRef, KnownIssue], workspace: Workspace) -> dict[Anchor, Issue]:
    """Return the anchors of the plans that are among the known issues, in the order of the plans."""
    found = issues_by_place(item for item in known.values() if not item.vanished)
    return {anchor: found[anchor.place].issue for anchor in list_anchors(workspace) if anchor.place in found}


def known_issues_after_writes(store: Store) -> dict[IssueRef, KnownIssue]:
    """Return the stored issues with the labels of later writes that no pull has returned yet."""
    known = {item.issue.ref: item for item in store.known_issues()}
    for (tracker, issue_id), written in store.label_changes_since_read().items():
        item = known[IssueRef(tracker=tracker, id=issue_id, key="")]
        labels = frozenset(current_labels(item.issue.labels, written))
        known[item.issue.ref] = replace(item, issue=replace(item.issue, labels=labels))
    return known


def last_full_sync(context: RunContext) -> datetime | None:
    """Return the oldest time of the last full read among all sources; None if a source was never fully read."""
    times = [state.last_whole for state in current_source_states(context.store, context.workspace)]
    return min((at for at in times if at), default=None) if times and all(times) else None


def stale_since(context: RunContext) -> datetime | None:
    """Return the time of the last full read of any source if it is older than ``unreadable_after``; None if not.

    No run is active then.
    """
    last = max(
        (state.last_whole for state in context.store.source_states() if state.last_whole), default=None
    )
    return last if last is not None and context.now() - last > context.settings.unreadable_after else None
