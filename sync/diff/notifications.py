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
from sync.model.limits import Attention, Audience, edits, place_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What writing on one tracker costs."""

    limits: WriteLimits
    spent: int = 0
    """Content that was made in the last hour."""
    unmade: frozenset[tuple[str, str]] = frozenset()
    """(repository, label) that have to be made before their first use."""


def weigh(changes: ChangeSet, audience: Audience, costs: Mapping[str, Cost]) -> Attention:
    """The estimate for a change set. ``costs``: tracker -> what writing there costs."""
    mails = Counter(person for change in changes.changes for person in audience.mailed(change))
    noisy = {place_of(change.ref) for change in changes.changes if edits(change)} & audience.noisy
    requests, seconds = 0, 0.0
    for tracker, cost in costs.items():
        here = [change for change in changes.changes if change.ref.tracker == tracker]
        reads, writes, content = _requests(here, tracker in audience.jira)
        made = _made(here, cost)
        requests += reads + writes + made
        seconds += cost.limits.seconds_for(writes + made, content + made, spent=cost.spent) if here else 0.0
    return Attention(
        people=len(mails),
        mails=mails.total(),
        most=max(mails.values(), default=0),
        team=audience.team,
        noisy=tuple(sorted(noisy)),
        new_comments=changes.created_comments,
        requests=requests,
        seconds=seconds,
    )


def _requests(changes: list[Change], is_jira: bool) -> tuple[int, int, int]:
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


def _made(changes: list[Change], cost: Cost) -> int:
    wanted = {
        (change.container, label)
        for change in changes
        if isinstance(change, LabelChange)
        for label in change.add
    }
    return len(wanted & cost.unmade)
