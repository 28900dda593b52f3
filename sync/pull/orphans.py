"""Orphans: issues outside of all sources that still carry our labels.

An issue becomes an orphan when it leaves every source, and an anchor outside of all sources does when the plans stop
to name it. Orphans are read directly, so that the labels can be removed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from connectors.errors import ConnectorError, Gone
from connectors.model import IssueRef, KnownIssue
from sync.model.anchors import issues_by_place, list_anchors
from sync.pull.recorded import load_recorded_state
from sync.runtime.context import RunContext


def read_orphans(
    context: RunContext, known: Mapping[IssueRef, KnownIssue], anchors: Collection[IssueRef]
) -> dict[IssueRef, KnownIssue]:
    """Read every orphan once and return those that exist.

    Anchors of finished or absent increments keep their labels and are left out. Unreadable orphans are tried again by
    the next run; deleted ones are marked as vanished.
    """
    # Includes anchors that could not be read.
    places = issues_by_place(known.values())
    planned = {
        places[anchor.place].issue.ref for anchor in list_anchors(context.workspace) if anchor.place in places
    }
    outside = [
        ref
        for ref, item in known.items()
        if not item.sources and not item.vanished and ref not in anchors and ref not in planned
    ]
    if not outside:
        return {}
    pushed = context.store.pushed_labels()
    archived = load_recorded_state(context).archived_anchors(context.workspace)
    found: dict[IssueRef, KnownIssue] = {}
    for ref in outside:
        if ref.tracker not in context.readers or ref in archived or not pushed.get(ref):
            continue
        try:
            issue = context.read_issue(ref)
        except Gone:
            context.store.mark_vanished(ref, context.now())
        except ConnectorError as error:
            context.log.warning("issue.unread", issue=str(ref), reason=str(error))
        else:
            context.store.save_issue(issue, context.now())
            if item := context.store.known_issue(ref.tracker, ref.id):
                found[item.issue.ref] = replace(item, sources=frozenset())
    return found
