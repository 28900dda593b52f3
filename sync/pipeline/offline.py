"""What the store alone says: the same thinking as a run, on the last snapshot, without a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.model import Anchor, Workspace
from sync.model.anchors import anchors_of
from sync.model.planning import Earlier, Remembered, Seen, Thought
from sync.pipeline.planner import think
from sync.pull.current_sources import known_today, states_today
from sync.pull.recorded import remember
from sync.pull.visibility import find_out
from sync.runtime.context import Job
from sync.store import Store, labels_now


def outlook(job: Job) -> tuple[Thought, Remembered]:
    """Assignments and roll-up of the stored snapshot at ``job.now()``. Sources that fail count as unread."""
    known = known_today(job.store, job.workspace)
    remembered = remember(job)
    return think_offline(job, known, remembered), remembered


def think_offline(
    job: Job,
    known: Mapping[IssueRef, KnownIssue],
    remembered: Remembered,
    earlier: Earlier | None = None,
) -> Thought:
    """What a run of the job would think if it read ``known``. Sources that fail count as unread."""
    failing = {
        state.name: state.failing_since
        for state in states_today(job.store, job.workspace)
        if state.failing_since
    }
    anchors = anchors_among(known, job.workspace)
    seen = Seen(
        known=known,
        anchors=anchors,
        unread=frozenset(failing),
        failing_since=failing,
        left_out=job.left_out,
        proofs=job.proofs,
        discretion=find_out(job, anchors.values()),
    )
    markup = {tracker: job.markup(tracker) for tracker in job.settings.trackers}
    return think(job.settings, job.workspace, seen, remembered, now=job.now(), markup=markup, earlier=earlier)


def anchors_among(known: Mapping[IssueRef, KnownIssue], workspace: Workspace) -> dict[Anchor, Issue]:
    """The anchors of the plans that were read, in the order of the plans."""
    keys = {anchor.key.lower() for anchor in anchors_of(workspace)}
    found = {
        (item.issue.ref.tracker, item.issue.ref.key.lower()): item.issue
        for item in known.values()
        if item.issue.ref.key.lower() in keys and not item.vanished
    }
    return {
        anchor: found[place]
        for anchor in anchors_of(workspace)
        if (place := (anchor.tracker, anchor.key.lower())) in found
    }


def known_after_writes(store: Store) -> dict[IssueRef, KnownIssue]:
    """The stored issues with the labels that they carry since our last writes, which were not read back yet."""
    known = {item.issue.ref: item for item in store.known()}
    for (tracker, issue_id), written in store.written_since_read().items():
        item = known[IssueRef(tracker=tracker, id=issue_id, key="")]
        labels = frozenset(labels_now(item.issue.labels, written))
        known[item.issue.ref] = replace(item, issue=replace(item.issue, labels=labels))
    return known


def read_last(job: Job) -> datetime | None:
    """When the source that was read longest ago was last read whole; None when one never was."""
    times = [state.last_whole for state in states_today(job.store, job.workspace)]
    return min((at for at in times if at), default=None) if times and all(times) else None


def silent_since(job: Job) -> datetime | None:
    """When any source was last read whole, where that is so long ago that no run can be at work any more (the setting
    ``unreadable_after``); None: somebody reads."""
    last = max((state.last_whole for state in job.store.sources() if state.last_whole), default=None)
    return last if last is not None and job.now() - last > job.settings.unreadable_after else None
