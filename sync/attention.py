"""What a change set asks of people and trackers: who is probably mailed, how many requests, how long it takes.

Pure: who stands on an issue, what a tracker mails about and what it allows is told by ``audience.py``. The trackers'
rules as they document them: GitHub mails about a new comment and about no edit and no label. Jira mails about
everything, except about edits by accounts that may silence them (``notifyUsers=false``, administrators only).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.model import IssueRef
from connectors.pace import WriteLimits
from sync.changes import Change, ChangeSet, CommentChange, CommentRemoval, LabelChange


@dataclass(frozen=True, kw_only=True, slots=True)
class Audience:
    """Who would read about a change."""

    people: Mapping[IssueRef, frozenset[str]]
    """Authors and assignees of the issues. Watchers are not among them: nothing tells us when they come and go."""
    jira: frozenset[str]
    """Names of the trackers that are a Jira."""
    noisy: frozenset[str]
    """``<tracker>:<project>`` of the Jira projects where we may not edit without mail."""
    team: int
    """How many people stand on all issues that we know."""

    def mailed(self, change: Change) -> frozenset[str]:
        """The people who are probably mailed about a change; there may be more."""
        if edits(change):
            mails = place_of(change.ref) in self.noisy
        else:
            mails = isinstance(change, CommentChange) or change.ref.tracker in self.jira
        return self.people.get(change.ref, frozenset()) if mails else frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What writing on one tracker costs."""

    limits: WriteLimits
    spent: int = 0
    """Content that was made in the last hour."""
    unmade: frozenset[tuple[str, str]] = frozenset()
    """(repository, label) that have to be made before their first use."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """The estimate for a change set. People and mails are "at least": watchers are unknown."""

    people: int = 0
    mails: int = 0
    most: int = 0
    """Mails to the one person who gets most."""
    team: int = 0
    noisy: tuple[str, ...] = ()
    """Jira projects of the change set where every edit is mailed."""
    new_comments: int = 0
    requests: int = 0
    seconds: float = 0.0
    """The least time under the trackers' write limits."""

    def summary(self) -> dict[str, object]:
        """For ``--json`` and saved change sets."""
        return {
            "people_at_least": self.people,
            "mails_at_least": self.mails,
            "most_mails_to_one": self.most,
            "people_known": self.team,
            "mailed_about_every_edit": list(self.noisy),
            "requests": self.requests,
            "seconds": round(self.seconds),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """A change set's estimate, and what is known of the workspace beside it."""

    attention: Attention
    audience: Audience
    comments: int
    """Status comments of ours that exist."""
    spreading: bool
    """Nothing was written before, or what was written first is not complete yet."""

    @property
    def spreads_comments(self) -> bool:
        """Where there is no comment of ours (a store was lost after its labels were found), none is a surprise."""
        return self.spreading or not self.comments


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


def edits(change: Change) -> bool:
    """Whether a change edits an issue or a comment, about which Jira can be told to mail nobody."""
    return isinstance(change, LabelChange) or (isinstance(change, CommentChange) and not change.creates)


def place_of(ref: IssueRef) -> str:
    """``jira:DS`` or ``github:acme/churn``."""
    repository, is_github, _ = ref.key.partition("#")
    return f"{ref.tracker}:{repository if is_github else ref.key.rpartition('-')[0]}"


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
