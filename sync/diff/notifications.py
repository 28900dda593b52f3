"""What a change set asks of people and trackers: who is probably mailed, how many requests, how long it takes.

Pure: who stands on an issue, what a tracker mails about and what it allows is told by ``audience.py``. The trackers'
rules as they document them: GitHub mails about a new comment and about no edit and no label. Jira mails about
everything, except about edits by accounts that may silence them (``notifyUsers=false``, administrators only).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.http.rate_limiter import WriteLimits
from sync.model.changes import Change, ChangeSet, CommentChange, CommentRemoval, LabelChange
from sync.model.limits import Audience, ChangeCost, is_edit, project_of


@dataclass(frozen=True, kw_only=True, slots=True)
class TrackerWriteCost:
    """What writing on one tracker costs."""

    limits: WriteLimits
    recent_content: int = 0
    """Content that was made in the last hour."""
    missing_labels: frozenset[tuple[str, str]] = frozenset()
    """(repository, label) that have to be made before their first use."""


def estimate_cost(
    changes: ChangeSet, audience: Audience, costs: Mapping[str, TrackerWriteCost]
) -> ChangeCost:
    """The estimate for a change set. ``costs``: tracker -> what writing there costs."""
    mails = Counter(person for change in changes.changes for person in audience.recipients(change))
    noisy = {
        project_of(change.ref) for change in changes.changes if is_edit(change)
    } & audience.notifying_projects
    requests, seconds = 0, 0.0
    for tracker, cost in costs.items():
        here = [change for change in changes.changes if change.ref.tracker == tracker]
        reads, writes, content = _count_requests(here, tracker in audience.jira_trackers)
        made = _count_missing_labels(here, cost)
        requests += reads + writes + made
        seconds += (
            cost.limits.min_seconds(writes + made, content + made, recent_content=cost.recent_content)
            if here
            else 0.0
        )
    return ChangeCost(
        people=len(mails),
        mails=mails.total(),
        most_mails=max(mails.values(), default=0),
        people_known=audience.people_known,
        notifying_projects=tuple(sorted(noisy)),
        new_comments=changes.created_comments,
        requests=requests,
        seconds=seconds,
    )


def _count_requests(changes: list[Change], is_jira: bool) -> tuple[int, int, int]:
    """(reads, writes, those of the writes that make content). A comment is read or looked for before it is written."""
    reads = writes = content = 0
    for change in changes:
        match change:
            case LabelChange():
                adds = 1 if is_jira or change.add else 0
                content += adds
                writes += adds + (0 if is_jira else len(change.remove))
            case CommentChange():
                reads, writes, content = reads + 1, writes + 1, content + 1
            case CommentRemoval():
                reads, writes = reads + 1, writes + 1
    return reads, writes, content


def _count_missing_labels(changes: list[Change], cost: TrackerWriteCost) -> int:
    wanted = {
        (change.container, label)
        for change in changes
        if isinstance(change, LabelChange)
        for label in change.add
    }
    return len(wanted & cost.missing_labels)
