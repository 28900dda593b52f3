"""Estimated cost of a change set: mails to people, requests and writing time. Pure.

Every tracker mails about a new comment. By its traits, a tracker may mail about every other change, too, except for
edits by an account that may suppress that. ``sync.pipeline.impact_estimate`` collects the inputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.http.rate_limiter import WriteLimits
from sync.model.changes import Change, ChangeSet, CommentChange, CommentRemoval, LabelChange
from sync.model.limits import Audience, ChangeCost, is_edit


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackerWriteCost:
    """Write limits of one tracker and what they have been used for."""

    limits: WriteLimits
    recent_content: int = 0
    """Labels and comments created in the last hour."""
    missing_labels: frozenset[tuple[str, str]] = frozenset()
    """(container, label) pairs that must be created before their first use."""
    labels_in_one_write: bool = False
    """True if additions and removals of an issue go out in one request."""


def estimate_cost(
    changes: ChangeSet, audience: Audience, costs: Mapping[str, TrackerWriteCost]
) -> ChangeCost:
    """Estimate the cost of a change set. ``costs``: tracker -> write limits and their use."""
    mails = Counter(person for change in changes.changes for person in audience.recipients(change))
    containers = {
        audience.mailed_edits[change.ref]
        for change in changes.changes
        if is_edit(change) and change.ref in audience.mailed_edits
    }
    requests, seconds = 0, 0.0
    for tracker, cost in costs.items():
        of_tracker = [change for change in changes.changes if change.ref.tracker == tracker]
        reads, writes, content = _count_requests(of_tracker, in_one_write=cost.labels_in_one_write)
        to_create = _count_missing_labels(of_tracker, cost)
        requests += reads + writes + to_create
        seconds += (
            cost.limits.min_seconds(
                writes + to_create, content + to_create, recent_content=cost.recent_content
            )
            if of_tracker
            else 0.0
        )
    return ChangeCost(
        people=len(mails),
        mails=mails.total(),
        most_mails=max(mails.values(), default=0),
        people_known=audience.people_known,
        notifying_containers=tuple(sorted(containers)),
        new_comments=changes.created_comments,
        requests=requests,
        seconds=seconds,
    )


def _count_requests(changes: list[Change], *, in_one_write: bool) -> tuple[int, int, int]:
    """Return (reads, writes, writes that create content). A comment is read or searched for before it is written."""
    reads = writes = content = 0
    for change in changes:
        match change:
            case LabelChange():
                adds = 1 if in_one_write or change.add else 0
                content += adds
                writes += adds + (0 if in_one_write else len(change.remove))
            case CommentChange():
                reads, writes, content = reads + 1, writes + 1, content + 1
            case CommentRemoval():
                reads, writes = reads + 1, writes + 1
    return reads, writes, content


def _count_missing_labels(changes: list[Change], cost: TrackerWriteCost) -> int:
    added = {
        (change.container, label)
        for change in changes
        if isinstance(change, LabelChange)
        for label in change.add
    }
    return len(added & cost.missing_labels)
