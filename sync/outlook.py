"""What the store alone says: the same thinking as a run, on the last snapshot, without a request."""

from __future__ import annotations

from datetime import datetime

from connectors.model import Issue
from mappings.model import Anchor
from sync.collect import anchors_of
from sync.job import Job
from sync.memory import remember
from sync.think import Remembered, Seen, Thought, think


def outlook(job: Job) -> tuple[Thought, Remembered]:
    """Assignments and roll-up of the stored snapshot at ``job.now()``. Sources that fail count as unread."""
    known = {item.issue.ref: item for item in job.store.known()}
    by_key = {(item.issue.ref.tracker, item.issue.ref.key.lower()): item.issue for item in known.values()}
    anchors: dict[Anchor, Issue] = {
        anchor: by_key[place]
        for anchor in anchors_of(job.workspace)
        if (place := (anchor.tracker, anchor.key.lower())) in by_key
    }
    failing = {state.name: state.failing_since for state in job.store.sources() if state.failing_since}
    remembered = remember(job)
    thought = think(
        job.settings,
        job.workspace,
        Seen(known=known, anchors=anchors, unread=frozenset(failing), failing_since=failing),
        remembered,
        now=job.now(),
        markup={tracker: job.markup(tracker) for tracker in job.settings.trackers},
    )
    return thought, remembered


def read_last(job: Job) -> datetime | None:
    """When the source that was read longest ago was last read whole; None when one never was."""
    times = [state.last_whole for state in job.store.sources()]
    return min((at for at in times if at), default=None) if times and all(times) else None
