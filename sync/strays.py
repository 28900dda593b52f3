"""Issues that left every source and still carry our labels: read directly, so that the labels can go."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from connectors.errors import ConnectorError, Gone
from connectors.model import IssueRef, KnownIssue
from mappings.conditions import wanted_by
from sync.job import Job


def read_strays(
    job: Job, known: Mapping[IssueRef, KnownIssue], anchors: Collection[IssueRef]
) -> dict[IssueRef, KnownIssue]:
    """The issues of no source that carry a capability's label of ours, as their tracker tells them now.

    One read each, until their labels are gone. What cannot be read is left out and asked for again by the next
    run; what is not there any more is marked as vanished.
    """
    alone = [
        ref for ref, item in known.items() if not item.sources and not item.vanished and ref not in anchors
    ]
    if not alone:
        return {}
    pushed, scheme = job.store.pushed_labels(), job.settings.scheme
    wanted = wanted_by(job.workspace.teams)
    found: dict[IssueRef, KnownIssue] = {}
    for ref in alone:
        reader = job.readers.get(ref.tracker)
        if reader is None or not any(scheme.capability_of(label) for label in pushed.get(ref, ())):
            continue
        try:
            issue = reader.read(ref.key, wanted)
        except Gone:
            job.store.mark_vanished(ref, job.now())
        except ConnectorError as error:
            job.log.warning("issue.unread", issue=str(ref), reason=str(error))
        else:
            job.store.save_issue(issue, job.now())
            if item := job.store.known_issue(ref.tracker, ref.id):
                found[item.issue.ref] = item
    return found
