"""An issue that was there when it was read and is not there when it is written on: moved, deleted or hidden?"""

from __future__ import annotations

from connectors.errors import ConnectorError, Gone
from connectors.model import Issue, IssueRef
from mappings.rules.conditions import field_selection_for
from sync.pull.current_sources import workspace_sources
from sync.runtime.context import RunContext


def locate_issue(context: RunContext, ref: IssueRef) -> str:
    """Read an issue directly and keep what that says: its new key where it moved, ``gone``, or ``there`` where it is as
    we knew it or could not be read. One request."""
    try:
        issue = context.readers[ref.tracker].read(ref.key, field_selection_for(context.workspace.teams))
    except Gone:
        context.store.mark_vanished(ref, context.now())
        return "gone"
    except ConnectorError:
        return "there"
    if issue.ref == ref and issue.ref.key == ref.key:
        return "there"
    context.store.save_issue(issue, context.now())
    if issue.ref != ref:
        context.store.mark_vanished(ref, context.now())
    elif not _is_in_a_source(context, issue):
        context.store.mark_left(ref, context.now())
    return issue.ref.key


def _is_in_a_source(context: RunContext, issue: Issue) -> bool:
    """Whether a source of the tracker asks for the place where the issue is. What it holds there, it says itself."""
    place = issue.ref.tracker, issue.container.lower()
    return place in {
        (each.tracker, (each.project or each.repo or "").lower())
        for each in workspace_sources(context.workspace)
    }
