"""Cost of a change set for people and trackers, and the limits of the guard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connectors.model import IssueRef
from sync.model.changes import Change, CommentChange, LabelChange


@dataclass(frozen=True, kw_only=True, slots=True)
class Audience:
    """People who may get mail about the changes of a change set."""

    people_by_issue: Mapping[IssueRef, frozenset[str]]
    """Author and assignees of each issue. Watchers are not included, because no tracker reports when they change."""
    notifying_trackers: frozenset[str]
    """Trackers that may mail about more than new comments."""
    mailed_edits: Mapping[IssueRef, str]
    """Issues whose edits by our account are always mailed -> their container, as ``<tracker>:<container>``."""
    people_known: int
    """Number of people on all known issues."""

    def recipients(self, change: Change) -> frozenset[str]:
        """Return the people who probably get mail about a change. Watchers may come on top."""
        if is_edit(change):
            mails = change.ref in self.mailed_edits
        else:
            mails = isinstance(change, CommentChange) or change.ref.tracker in self.notifying_trackers
        return self.people_by_issue.get(change.ref, frozenset()) if mails else frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeCost:
    """Estimated cost of a change set. People and mails are lower bounds, because watchers are unknown."""

    people: int = 0
    mails: int = 0
    most_mails: int = 0
    """Mails to the person who gets most."""
    people_known: int = 0
    notifying_containers: tuple[str, ...] = ()
    """Containers of the change set where every edit is mailed."""
    new_comments: int = 0
    requests: int = 0
    seconds: float = 0.0
    """Least writing time under the write limits of the trackers."""

    def summary(self) -> dict[str, object]:
        """Return the JSON object for ``--json`` and saved change sets."""
        return {
            "people_at_least": self.people,
            "mails_at_least": self.mails,
            "most_mails_to_one": self.most_mails,
            "people_known": self.people_known,
            "mailed_about_every_edit": list(self.notifying_containers),
            "requests": self.requests,
            "seconds": round(self.seconds),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class ImpactEstimate:
    """Cost of a change set, together with the facts about the workspace that the guard needs."""

    cost: ChangeCost
    audience: Audience
    existing_comments: int
    """Number of live status comments."""
    in_rollout: bool
    """The first change set has not been written completely, so it is spread over several runs."""

    @property
    def rolls_out_comments(self) -> bool:
        """True if new comments may be spread over several runs: in a rollout, or while no status comment exists."""
        return self.in_rollout or not self.existing_comments


def is_edit(change: Change) -> bool:
    """Return True for label changes and comment edits: some trackers apply these without mail."""
    return isinstance(change, LabelChange) or (isinstance(change, CommentChange) and not change.creates)


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardLimits:
    """Absolute limits and shares. The larger of a pair applies, see ``allowance``."""

    removals: int
    removal_share: float
    new_comments: int
    overrides: int
    override_share: float
    new_comment_share: float = 0.1
    notified: int = 30
    notified_share: float = 0.5
    mails_each: int = 20
    max_removals: int | None = None
    """Limit for this run, replacing the pair above; ``max_comments`` and ``max_notifications`` likewise."""
    max_comments: int | None = None
    max_notifications: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Rule of the guard that stopped the run, with an explanation."""

    rule: str
    text: str
