"""An issue that was there when it was read and is not there when it is written on: moved, deleted or hidden?"""

from __future__ import annotations

from connectors.errors import ConnectorError, Gone
from connectors.model import Issue, IssueRef
from mappings.rules.conditions import wanted_by
from sync.pull.current_sources import all_sources
from sync.runtime.context import Job


def find_again(job: Job, ref: IssueRef) -> str:
    """Read an issue directly and keep what that says: its new key where it moved, ``gone``, or ``there`` where it is as
    we knew it or could not be read. One request."""
    try:
        issue = job.readers[ref.tracker].read(ref.key, wanted_by(job.workspace.teams))
    except Gone:
        job.store.mark_vanished(ref, job.now())
        return "gone"
    except ConnectorError:
        return "there"
    if issue.ref == ref and issue.ref.key == ref.key:
        return "there"
    job.store.save_issue(issue, job.now())
    if issue.ref != ref:
        job.store.mark_vanished(ref, job.now())
    elif not _is_held(job, issue):
        job.store.mark_left(ref, job.now())
    return issue.ref.key


def _is_held(job: Job, issue: Issue) -> bool:
    """Whether a source of the tracker asks for the place where the issue is. What it holds there, it says itself."""
    place = issue.ref.tracker, issue.container.lower()
    return place in {
        (each.tracker, (each.project or each.repo or "").lower()) for each in all_sources(job.workspace)
    }
