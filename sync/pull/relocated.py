"""Find an issue that was pulled but does not exist at its key when it is to be written."""

from __future__ import annotations

from connectors.errors import ConnectorError, Gone
from connectors.model import Issue, IssueRef
from sync.pull.current_sources import workspace_sources
from sync.runtime.context import RunContext


def locate_issue(context: RunContext, ref: IssueRef) -> str:
    """Read an issue directly and save the result. Sends one request.

    Returns its new key if it moved, ``gone`` if it does not exist, and ``there`` if it is unchanged or cannot be read.
    """
    try:
        issue = context.read_issue(ref)
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
    """Return True if a source covers the container of the issue. Its next pull decides about membership."""
    container = issue.ref.tracker, issue.container.lower()
    return container in {
        (each.tracker, (each.project or each.repo or "").lower())
        for each in workspace_sources(context.workspace)
    }
