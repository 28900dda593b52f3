"""Issues that left every source, and former anchors outside of all sources, that still carry our labels: read
directly, so that the labels can go."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from connectors.errors import ConnectorError, Gone
from connectors.model import IssueRef, KnownIssue
from mappings.rules.conditions import field_selection_for
from sync.pull.recorded import load_recorded_state
from sync.runtime.context import RunContext


def read_orphans(
    context: RunContext, known: Mapping[IssueRef, KnownIssue], anchors: Collection[IssueRef]
) -> dict[IssueRef, KnownIssue]:
    """The issues of no source that carry a label of ours, as their tracker tells them now.

    Former anchors whose whole plan is gone keep what was said last. One read each, until their labels are gone.
    What cannot be read is left out and asked for again by the next run; what is not there any more is marked as
    vanished.
    """
    planned = _anchor_keys(context)  # an anchor that could not be read is an anchor all the same
    alone = [
        ref
        for ref, item in known.items()
        if not item.sources
        and not item.vanished
        and ref not in anchors
        and (ref.tracker, item.issue.ref.key.lower()) not in planned
    ]
    if not alone:
        return {}
    pushed, archived = (
        context.store.pushed_labels(),
        load_recorded_state(context).archived_anchors(context.workspace),
    )
    wanted = field_selection_for(context.workspace.teams)
    found: dict[IssueRef, KnownIssue] = {}
    for ref in alone:
        reader = context.readers.get(ref.tracker)
        if reader is None or ref in archived or not pushed.get(ref):
            continue
        try:
            issue = reader.read(ref.key, wanted)
        except Gone:
            context.store.mark_vanished(ref, context.now())
        except ConnectorError as error:
            context.log.warning("issue.unread", issue=str(ref), reason=str(error))
        else:
            context.store.save_issue(issue, context.now())
            if item := context.store.known_issue(ref.tracker, ref.id):
                found[item.issue.ref] = replace(item, sources=frozenset())
    return found


def _anchor_keys(context: RunContext) -> frozenset[tuple[str, str]]:
    goals = [goal for increment in context.workspace.increments for goal in increment.goals]
    anchors = [goal.anchor for goal in goals]
    anchors += [capability.anchor for goal in goals for capability in goal.capabilities]
    return frozenset((anchor.tracker, anchor.key.lower()) for anchor in anchors if anchor)
