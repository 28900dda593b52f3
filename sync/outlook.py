"""What the store alone says: the same thinking as a run, on the last snapshot, without a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from connectors.model import Issue, IssueRef, KnownIssue
from mappings.model import Anchor, Workspace
from sync.collect import anchors_of
from sync.compare import Decisions
from sync.earlier import Earlier
from sync.job import Job
from sync.memory import remember, renamed_labels, renamed_subjects
from sync.store import Store, labels_now
from sync.think import Remembered, Seen, Thought, think

Value = TypeVar("Value")


def outlook(job: Job) -> tuple[Thought, Remembered]:
    """Assignments and roll-up of the stored snapshot at ``job.now()``. Sources that fail count as unread."""
    known = {item.issue.ref: item for item in job.store.known()}
    remembered = remember(job)
    return think_offline(job, known, remembered), remembered


def think_offline(
    job: Job,
    known: Mapping[IssueRef, KnownIssue],
    remembered: Remembered,
    earlier: Earlier | None = None,
) -> Thought:
    """What a run of the job would think if it read ``known``. Sources that fail count as unread."""
    failing = {state.name: state.failing_since for state in job.store.sources() if state.failing_since}
    seen = Seen(
        known=known,
        anchors=anchors_among(known, job.workspace),
        unread=frozenset(failing),
        failing_since=failing,
    )
    markup = {tracker: job.markup(tracker) for tracker in job.settings.trackers}
    return think(job.settings, job.workspace, seen, remembered, now=job.now(), markup=markup, earlier=earlier)


def anchors_among(known: Mapping[IssueRef, KnownIssue], workspace: Workspace) -> dict[Anchor, Issue]:
    """The anchors of the plans that were read, in the order of the plans."""
    wanted = {(anchor.tracker, anchor.key.lower()) for anchor in anchors_of(workspace)}
    found = {
        place: item.issue
        for item in known.values()
        if (place := (item.issue.ref.tracker, item.issue.ref.key.lower())) in wanted
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


def with_renames(remembered: Remembered, job: Job) -> Remembered:
    """What a run of the job would make of ``previously`` before it thinks: comments, baselines and decisions
    follow a capability or goal to its new id."""
    subjects, labels = renamed_subjects(job.workspace), renamed_labels(job)
    if not subjects:
        return remembered
    kind = "capability:"
    ids = {
        old.removeprefix(kind): new.removeprefix(kind)
        for old, new in subjects.items()
        if old.startswith(kind)
    }
    return replace(
        remembered,
        written=_renamed(remembered.written, subjects),
        bodies=_renamed(remembered.bodies, subjects),
        baselines=_renamed(remembered.baselines, ids),
        decisions=Decisions(
            **{
                field: {
                    ref: frozenset(labels.get(label, label) for label in decided)
                    for ref, decided in getattr(remembered.decisions, field).items()
                }
                for field in ("pins", "vetoes", "held", "left")
            }
        ),
    )


def _renamed(found: Mapping[str, Value], names: Mapping[str, str]) -> dict[str, Value]:
    """What the new name has already stays, and then the old one keeps its own."""
    return {
        names[name] if name in names and names[name] not in found else name: value
        for name, value in found.items()
    }


def read_last(job: Job) -> datetime | None:
    """When the source that was read longest ago was last read whole; None when one never was."""
    times = [state.last_whole for state in job.store.sources()]
    return min((at for at in times if at), default=None) if times and all(times) else None
